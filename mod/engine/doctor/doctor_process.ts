/** What this process may do. @module */

import { capabilityBit, capabilityNames, DEFAULT_CAPABILITIES } from "../../kernel/capability.ts";
import { type Check, fatal, type Finding, limited, ok } from "./doctor_finding.ts";
import type { HostFiles } from "../base/host_files.ts";

const NOBODY = 65_534;

/** All checks of this part. */
export function processChecks(files: HostFiles): Check[] {
  const status = files.read("/proc/self/status") ?? "";
  const uid = Deno.uid() ?? NOBODY;
  return [
    ["user", () => checkUser(uid)],
    // Others than root have none, which is said already
    ["capabilities", () => uid === 0 ? checkCapabilities(capabilitiesIn(status)) : []],
    ["confinement", () => checkConfinement(status)],
    ["open files", () => checkOpenFiles(files.read("/proc/self/limits") ?? "")],
    ["C library", () => checkCLibrary(files.read("/proc/self/maps") ?? "")],
  ];
}

/** Whether it is root's. */
export function checkUser(uid: number): Finding {
  if (uid === 0) return ok("user", "root");
  return fatal("user", {
    detail: `uid ${uid}`,
    consequence: "No container can run, and what needs root could not be looked at here",
    remedy: "Run wherry as root",
  });
}

/** The bit mask of what the process may do. */
function capabilitiesIn(status: string): bigint {
  const [, hex = "0"] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  return BigInt(`0x${hex}`);
}

/** What wherry itself needs, what fails without it, and whether that is everything. */
const NEEDED = [
  ["SYS_ADMIN", "No container can run", true],
  ["SETUID", "Containers cannot change their user", true],
  ["SETGID", "Containers cannot change their groups", true],
  ["CHOWN", "Files of images cannot get their owners", true],
  ["DAC_OVERRIDE", "Files of other users cannot be written", true],
  ["FOWNER", "Files of other users cannot get their modes", true],
  ["MKNOD", "Containers have no devices, and images with devices cannot be unpacked", true],
  ["SETPCAP", "Containers cannot be kept from capabilities", true],
  ["SYS_CHROOT", "exec cannot enter the root of a container", false],
  ["KILL", "Processes of other users cannot be stopped", false],
  ["NET_ADMIN", "Containers only run with --network host or none", false],
  ["SYS_PTRACE", "exec and stats cannot look into processes of other users", false],
  [
    "SYS_RESOURCE",
    "Limits cannot be raised above wherry's own, nor --oom-score-adj lowered",
    false,
  ],
] as const;

/**
 * Looks for what wherry needs, and for what containers have by default.
 *
 * @param mask Bit N stands for capability number N. @see capabilities(7)
 */
export function checkCapabilities(mask: bigint): Finding[] {
  const lost = NEEDED.filter(([name]) => (mask & capabilityBit(`CAP_${name}`)) === 0n);
  const troubles = lost.map(([name, consequence, isFatal]) => {
    const trouble = {
      detail: "this process does not have it",
      consequence,
      remedy: `Run wherry where it is allowed: inside of another container with --cap-add ${name}`,
    };
    return isFatal ? fatal(`CAP_${name}`, trouble) : limited(`CAP_${name}`, trouble);
  });
  const kept = capabilityNames(DEFAULT_CAPABILITIES & ~mask);
  if (kept.length > 0) {
    troubles.push(limited("default capabilities", {
      detail: `without ${kept.join(" ")}`,
      consequence: "Containers have fewer capabilities than by default",
      remedy: "Run wherry where these capabilities are allowed",
    }));
  }
  return troubles.length > 0
    ? troubles
    : [ok("capabilities", "all that wherry and containers need")];
}

/** Whether somebody filters wherry's own system calls. */
export function checkConfinement(status: string): Finding {
  const [, mode = "0"] = /^Seccomp:\s*(\d)$/m.exec(status) ?? [];
  if (mode === "0") return ok("confinement", "no filter of system calls");
  return limited("confinement", {
    detail: "system calls of wherry are filtered",
    consequence:
      "Containers have this filter too, and calls that it keeps away look as if the kernel lacked them",
    remedy: "Inside of another container, give that one --security-opt seccomp=unconfined",
  });
}

/** Fewer are soon used up by a container with many connections. */
const FEW_FILES = 4096;

/** How many files a container may have open. */
export function checkOpenFiles(limits: string): Finding {
  const [, hard = ""] = /^Max open files\s+\S+\s+(\S+)/m.exec(limits) ?? [];
  if (hard === "unlimited" || Number(hard) >= FEW_FILES) return ok("open files", `at most ${hard}`);
  return limited("open files", {
    detail: `at most ${hard || "an unknown number"}`,
    consequence: "Containers inherit this limit, and cannot raise it without CAP_SYS_RESOURCE",
    remedy: "Raise it before wherry starts: ulimit -Hn 1048576, or LimitNOFILE= of the service",
  });
}

/** Which C library this process runs on. */
export function checkCLibrary(maps: string): Finding {
  const [, path] = /\s(\/\S*\/libc[.-]\S*)$/m.exec(maps) ?? [];
  return ok(
    "C library",
    path === undefined ? "the one that wherry carries" : `the host's, ${path}`,
  );
}
