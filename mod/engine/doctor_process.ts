/** What this process may do. @module */

import { ALL_CAPABILITIES, capabilityBit, capabilityNames } from "../kernel/capability.ts";
import { type Check, fatal, type Finding, limited, ok } from "./doctor_finding.ts";
import type { HostFiles } from "./host_files.ts";

/** All checks of this part. */
export function processChecks(files: HostFiles): Check[] {
  const status = files.read("/proc/self/status") ?? "";
  return [
    ["user", () => checkUser(Deno.uid() ?? -1)],
    ["capabilities", () => checkCapabilities(capabilitiesIn(status))],
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
  ["MKNOD", "Containers have no devices, and images with device nodes cannot be unpacked", true],
  ["SETPCAP", "Containers cannot be kept from capabilities", true],
  ["KILL", "Processes of other users cannot be stopped", false],
  ["NET_ADMIN", "Containers only run with --network host or none", false],
  ["SYS_CHROOT", "exec cannot enter the root of a container", false],
  ["SYS_PTRACE", "exec and stats cannot look into processes of other users", false],
  [
    "SYS_RESOURCE",
    "Limits cannot be raised above wherry's own: --ulimit and negative --oom-score-adj fail",
    false,
  ],
] as const;

/** What containers have by default and wherry itself does not need. */
const DEFAULT_OF_CONTAINERS = ["AUDIT_WRITE", "FSETID", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP"];

function hasCapability(mask: bigint, name: string): boolean {
  return (mask & capabilityBit(`CAP_${name}`)) !== 0n;
}

/**
 * Looks for what wherry needs, and for what containers have by default.
 *
 * @param mask Bit N stands for capability number N.
 */
export function checkCapabilities(mask: bigint): Finding[] {
  const lost = NEEDED.filter(([name]) => !hasCapability(mask, name));
  const troubles = lost.map(([name, consequence, isFatal]) => {
    const trouble = {
      detail: "this process does not have it",
      consequence,
      remedy: `Run wherry where it is allowed: inside of another container with --cap-add ${name}`,
    };
    return isFatal ? fatal(`CAP_${name}`, trouble) : limited(`CAP_${name}`, trouble);
  });
  const kept = DEFAULT_OF_CONTAINERS.filter((name) => !hasCapability(mask, name));
  if (kept.length > 0) {
    troubles.push(limited("default capabilities", {
      detail: `without ${kept.join(" ")}`,
      consequence: "Containers have fewer capabilities than by default",
      remedy: "Run wherry where these capabilities are allowed",
    }));
  }
  if (troubles.length > 0) return troubles;
  const [count, all] = [mask, ALL_CAPABILITIES].map((each) => capabilityNames(each).length);
  return [ok("capabilities", `${count} of ${all}`)];
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
