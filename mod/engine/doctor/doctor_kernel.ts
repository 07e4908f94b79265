/** What the kernel offers to every container. @module */

import { type Check, fatal, type Finding, limited, missing, ok } from "./doctor_finding.ts";
import { type HostFiles, readNumber } from "../base/host_files.ts";
import { hasMountSetattr, hasOpenTree } from "../../kernel/mount_api.ts";

/** What wherry is made for and tested on. */
const SUPPORTED_KERNEL = [5, 10] as const;
/** Since when network namespaces are entered by a pidfd, which every start does. */
const OLDEST_KERNEL = [5, 8] as const;

/** All checks of this part. */
export function kernelChecks(files: HostFiles): Check[] {
  const release = Deno.osRelease();
  return [
    ["version", () => checkVersion(release)],
    ["namespaces", () => checkNamespaces(files)],
    ["seccomp", () => checkSeccomp(files)],
    [
      "mount API",
      () => checkMountApi({ openTree: hasOpenTree(), mountSetattr: hasMountSetattr() }),
    ],
    ["modules", () => checkModules(files, release)],
    ["security modules", () => checkSecurityModules(files)],
    ["clock", () => checkClock(new Date())],
  ];
}

/** @param release As uname(2) has it. */
export function checkVersion(release: string): Finding {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release)?.map(Number) ?? [];
  if (major === undefined || minor === undefined) {
    return limited("version", {
      detail: release,
      consequence: "Nobody can tell whether this kernel is new enough",
      remedy: `Use Linux ${SUPPORTED_KERNEL.join(".")} or newer`,
    });
  }
  const isAtLeast = ([wantedMajor, wantedMinor]: readonly [number, number]): boolean =>
    major > wantedMajor || major === wantedMajor && minor >= wantedMinor;
  if (isAtLeast(SUPPORTED_KERNEL)) return ok("version", release);
  const remedy = `Use Linux ${SUPPORTED_KERNEL.join(".")} or newer`;
  if (isAtLeast(OLDEST_KERNEL)) {
    const consequence = "wherry is not tested on kernels this old";
    return limited("version", { detail: release, consequence, remedy });
  }
  const consequence = "System calls that every container needs are missing";
  return fatal("version", { detail: release, consequence, remedy });
}

/** Kinds of namespace: name in `/proc/PID/ns`, name in `user.max_..._namespaces`, and what needs it. */
const NAMESPACES = [
  ["mnt", "mnt", undefined],
  ["pid", "pid", undefined],
  ["uts", "uts", undefined],
  ["ipc", "ipc", undefined],
  ["net", "net", "Containers run with --network host alone"],
  ["cgroup", "cgroup", "Containers run with --cgroupns host alone"],
  ["user", "user", "--userns auto is refused"],
] as const;

/** Looks for each kind of namespace, and for how many there may be. */
export function checkNamespaces(files: HostFiles): Finding[] {
  const offered = files.list("/proc/self/ns");
  const found: string[] = [];
  const troubles: Finding[] = [];
  for (const [name, limitName, consequence] of NAMESPACES) {
    const most = readNumber(files, `/proc/sys/user/max_${limitName}_namespaces`);
    const isThere = offered.includes(name);
    if (isThere && most !== 0) {
      found.push(name);
      continue;
    }
    const trouble = {
      detail: isThere ? "none may be made" : "not in this kernel",
      consequence: consequence ?? "No container can run",
      remedy: isThere
        ? `Raise the limit: sysctl -w user.max_${limitName}_namespaces=10000`
        : `Use a kernel that is built with CONFIG_${name.toUpperCase()}_NS`,
    };
    const feature = `${name} namespaces`;
    troubles.push(consequence === undefined ? fatal(feature, trouble) : missing(feature, trouble));
  }
  return [ok("namespaces", found.join(" ")), ...troubles];
}

/** What the default filter of containers answers with. */
const NEEDED_ACTION = "errno";

/** Looks for filters of system calls. */
export function checkSeccomp({ read }: HostFiles): Finding {
  const actions = read("/proc/sys/kernel/seccomp/actions_avail")?.trim().split(" ") ?? [];
  if (actions.includes(NEEDED_ACTION)) return ok("seccomp", actions.join(" "));
  return missing("seccomp", {
    detail: "not in this kernel",
    consequence: "Containers only run with --security-opt seccomp=unconfined",
    remedy: "Use a kernel that is built with CONFIG_SECCOMP_FILTER",
  });
}

/** Which of the newer calls there are. */
export interface MountApi {
  openTree: boolean;
  mountSetattr: boolean;
}

/** Says what the newer mount calls are needed for. */
export function checkMountApi({ openTree, mountSetattr }: MountApi): Finding {
  const remedy = "Use Linux 5.12 or newer; inside of another container, allow the call there";
  if (!openTree) {
    return missing("mount API", {
      detail: "no open_tree",
      consequence:
        "Files of containers cannot be read where they lie: commit, export and diff fail",
      remedy,
    });
  }
  if (mountSetattr) return ok("mount API", "open_tree mount_setattr");
  return limited("mount API", {
    detail: "no mount_setattr",
    consequence: "Mounts cannot be made read-only all the way down, nor have their ids mapped",
    remedy,
  });
}

/** Looks for whether drivers can come later. */
export function checkModules({ read, list }: HostFiles, release: string): Finding {
  if (read("/proc/modules") === undefined) return ok("modules", "none: all is built in");
  const remedy = "Have what is missing loaded at boot, for example by /etc/modules-load.d";
  if (read("/proc/sys/kernel/modules_disabled")?.trim() === "1") {
    return limited("modules", {
      detail: "no more can be loaded (kernel.modules_disabled)",
      consequence: "What is not loaded yet, such as overlay, veth or nf_tables, stays away",
      remedy,
    });
  }
  const places = [`/lib/modules/${release}`, `/usr/lib/modules/${release}`];
  const place = places.find((path) => list(path).length > 0);
  if (place !== undefined) return ok("modules", `loaded when needed, from ${place}`);
  return limited("modules", {
    detail: `none in ${places[0]}`,
    consequence: "Only what is loaded or built in is there; after an update, a reboot is due",
    remedy: `Install the modules of kernel ${release}, or reboot into the kernel that is installed`,
  });
}

/** Looks for AppArmor, SELinux and Landlock. */
export function checkSecurityModules({ read, list }: HostFiles): Finding[] {
  const active = read("/sys/kernel/security/lsm")?.trim().split(",") ?? [];
  const hasAppArmor = read("/sys/module/apparmor/parameters/enabled")?.trim() === "Y";
  const hasSelinux = list("/sys/fs/selinux").length > 0;
  const names = new Set([
    ...active,
    ...(hasAppArmor ? ["apparmor"] : []),
    ...(hasSelinux ? ["selinux"] : []),
  ]);
  const findings = [ok("security modules", [...names].join(" ") || "none")];
  if (hasSelinux && read("/sys/fs/selinux/enforce")?.trim() === "1") {
    findings.push(limited("SELinux", {
      detail: "enforcing",
      consequence: "Files of the host that are mounted into containers may be refused to them",
      remedy: "Give such files the type container_file_t, for example with chcon",
    }));
  }
  return findings;
}

/** Before the first release: a clock that says so has not been set. */
const FIRST_RELEASE_YEAR = 2026;

/** Looks for whether the clock has been set. */
export function checkClock(now: Date): Finding {
  const detail = now.toISOString().replace(/\.\d+Z$/, "Z");
  if (now.getUTCFullYear() >= FIRST_RELEASE_YEAR) return ok("clock", detail);
  return limited("clock", {
    detail,
    consequence:
      "Certificates of registries look as if they were not valid yet, so that no image can be pulled",
    remedy: "Set the clock, or run a time service",
  });
}
