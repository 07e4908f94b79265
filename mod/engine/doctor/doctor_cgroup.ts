/** What the kernel counts and limits. @module */

import type { Controller } from "../../container/resource/limits.ts";
import { canFilterDevices } from "../../kernel/bpf.ts";
import { findV1Hierarchy } from "../../kernel/cgroup_tree.ts";
import { cgroupLayoutOf } from "../../kernel/host.ts";
import { v1NameOf } from "../record/cgroup.ts";
import {
  controllerVersion,
  hasSwapAccounting,
  hasUnifiedFile,
  type HostControllers,
  readHostControllers,
  wordsIn,
} from "../resource/host_controllers.ts";
import type { HostFiles } from "../base/host_files.ts";
import { type Check, type Finding, limited, missing, ok } from "./doctor_finding.ts";

/** All checks of this part. */
export function cgroupChecks(files: HostFiles): Check[] {
  const host = readHostControllers(files);
  return [
    ["layout", () => checkLayout(host)],
    ["controllers", () => checkControllers(host)],
    ["delegation", () => checkDelegation(files, host)],
    ["swap accounting", () => checkSwap(hasSwapAccounting(files, host))],
    ["device filter", () => checkDevices(host, canFilterDevices)],
    ["freezer", () => checkFreezer(files, host)],
    ["kill", () => checkKill(files, host)],
    ["pressure", () => checkPressure(files)],
  ];
}

/** Says which versions are mounted. */
export function checkLayout({ hierarchies, unified }: HostControllers): Finding {
  const layout = cgroupLayoutOf(hierarchies);
  if (unified?.isWritable) return ok("layout", `${layout}, version 2 at ${unified.mountPoint}`);
  const consequence =
    "stats shows no pressure; without the freezer of version 1 containers cannot be paused, " +
    "and what outlives a monitor that was killed is not found";
  return unified === undefined
    ? limited("layout", {
      detail: layout === "none" ? "no cgroups are mounted" : "version 1 alone",
      consequence,
      remedy: "Boot with systemd.unified_cgroup_hierarchy=1, or mount cgroup2 at /sys/fs/cgroup",
    })
    : limited("layout", {
      detail: `version 2 is read-only at ${unified.mountPoint}`,
      consequence,
      remedy: `Make it writable: mount -o remount,rw ${unified.mountPoint}`,
    });
}

/** Controllers, and which options need them. */
const CONTROLLERS: readonly (readonly [name: Controller, consequence: string])[] = [
  ["memory", "-m and other limits of memory are refused"],
  ["cpu", "--cpus, --cpu-shares and --cpu-quota are refused"],
  ["cpuset", "--cpuset-cpus and --cpuset-mems are refused"],
  ["pids", "--pids-limit is refused"],
  ["io", "--blkio-weight and limits of block devices are refused"],
];

/** Says which version has each controller. */
export function checkControllers(host: HostControllers): Finding[] {
  return CONTROLLERS.map(([name, consequence]) => {
    const version = controllerVersion(host, name);
    if (version !== undefined) return ok(`${name} controller`, `version ${version}`);
    return missing(`${name} controller`, {
      detail: "neither version has it",
      consequence,
      remedy: `Use a kernel that has it, without cgroup_disable=${
        v1NameOf(name)
      } in its command line`,
    });
  });
}

/**
 * Whether the cgroup that containers' own are made in passes its controllers on, or lets wherry switch that on.
 *
 * One of another container has processes, and then cannot pass on any.
 */
export function checkDelegation({ read }: HostFiles, host: HostControllers): Finding[] {
  const { base, unifiedControllers } = host;
  if (base === undefined) return [];
  const passed = wordsIn(read(`${base}/cgroup.subtree_control`));
  const kept = CONTROLLERS.map(([name]): string => name)
    .filter((name) => unifiedControllers.includes(name) && !passed.includes(name));
  // The host's own root, the only cgroup without a type, may have processes and pass controllers on
  const isRoot = read(`${base}/cgroup.type`) === undefined;
  const hasProcesses = wordsIn(read(`${base}/cgroup.procs`)).length > 0;
  if (kept.length > 0 && !isRoot && hasProcesses) {
    return [limited("delegation", {
      detail: `${base} has processes and keeps ${kept.join(" ")} to itself`,
      consequence: "Limits that need these controllers are refused",
      remedy:
        "Move its processes into a cgroup below it, and write the names with a + before each " +
        "into its cgroup.subtree_control",
    })];
  }
  const later = kept.length > 0 ? [`switched on when needed: ${kept.join(" ")}`] : [];
  return [ok("delegation", [...passed, ...later].join(" ") || "nothing to pass on")];
}

/** Whether swap can be limited. */
export function checkSwap(hasAccounting: boolean | undefined): Finding {
  if (hasAccounting === undefined) return ok("swap accounting", "no cgroup to tell by");
  if (hasAccounting) return ok("swap accounting", "swap can be limited");
  return missing("swap accounting", {
    detail: "swap is not counted",
    consequence: "--memory-swap is refused, and a limit of memory leaves swap to the container",
    remedy: "Boot with swapaccount=1 on the kernel's command line",
  });
}

/**
 * Whether containers can be kept from devices.
 *
 * @param canFilter Whether a program of BPF can do so for the cgroup at a path.
 */
export function checkDevices(host: HostControllers, canFilter: (path: string) => boolean): Finding {
  if (host.unified?.isWritable && canFilter(host.unified.mountPoint)) {
    return ok("device filter", "BPF, version 2");
  }
  if (findV1Hierarchy(host.hierarchies, "devices") !== undefined) {
    return ok("device filter", "version 1");
  }
  return missing("device filter", {
    detail: "neither version has one",
    consequence: "--device-cgroup-rule is refused; mounts and capabilities alone keep devices away",
    remedy: "Use a kernel that is built with CONFIG_CGROUP_BPF, and run wherry as root",
  });
}

/** Whether containers can be paused. */
export function checkFreezer(files: HostFiles, host: HostControllers): Finding {
  const hasFile = hasUnifiedFile(files, host, "cgroup.freeze");
  if (hasFile === true) return ok("freezer", "version 2");
  if (findV1Hierarchy(host.hierarchies, "freezer") !== undefined) return ok("freezer", "version 1");
  if (hasFile === undefined && host.unified !== undefined) {
    return ok("freezer", "version 2, no cgroup to tell by");
  }
  return missing("freezer", {
    detail: "neither version has one",
    consequence: "Containers cannot be paused, nor committed without --pause=false",
    remedy: "Use Linux 5.2 or newer, and mount cgroups of version 2",
  });
}

/** Whether all processes of a container can be killed in one go. */
export function checkKill(files: HostFiles, host: HostControllers): Finding {
  if (hasUnifiedFile(files, host, "cgroup.kill") !== false) return ok("kill", "cgroup.kill");
  return limited("kill", {
    detail: "no cgroup.kill",
    consequence: "Processes are killed one after the other, which takes longer where they fork",
    remedy: "Use Linux 5.14 or newer",
  });
}

/** Whether the kernel tells for how long processes wait. */
export function checkPressure({ read }: HostFiles): Finding {
  if (read("/proc/pressure/cpu") !== undefined) return ok("pressure", "cpu memory io");
  return missing("pressure", {
    detail: "not counted",
    consequence: "stats --pressure shows nothing",
    remedy: "Boot with psi=1 on the command line of a kernel that is built with CONFIG_PSI",
  });
}
