/** The steps of a container's root file system and of what is mounted in it. @module */

import { MOUNT_ATTR, MS } from "../../kernel/mount.ts";
import type { ContainerConfig } from "../record/config.ts";
import type { CgroupHierarchy, FilesInput, LaunchInput } from "./launch_input.ts";
import type { ContainerMount } from "../record/mounts.ts";
import { joinedContainer } from "../record/namespaces.ts";
import type { Step } from "./plan.ts";
import {
  hostId,
  mapTmpfsOwners,
  planMappedCopy,
  planMappedDirectories,
  TREE_IS_ID_MAPPED,
} from "./plan_ids.ts";
import { planOverlay } from "./plan_overlay.ts";
import { isShared, planRequestedMounts, PROPAGATION_FLAGS } from "./plan_requested_mounts.ts";

/** Where the host has its POSIX shared memory. @see shm_overview(7) */
export const HOST_SHM = "/dev/shm";
import {
  areDevicesLeftToMounts,
  DEV_DATA,
  DEV_FLAGS,
  isDeviceMount,
  planAttachedDevices,
  planDevices,
  tmpfsOptions,
} from "./plan_devices.ts";

/** Files that wherry keeps and mounts into `/etc`. */
export const MANAGED_ETC_FILES = ["hosts", "hostname", "resolv.conf"] as const;

/** The root file system, at `merged`. */
export function planRoot(input: FilesInput): Step[] {
  const { config, paths: { merged }, lowerDirectories } = input;
  const isMapped = config.namespaces.idRange !== null;
  // Who has ids of its own could make none
  const nodev = isMapped || areDevicesLeftToMounts(input.devices) ? MS.NODEV : 0;
  if (config.storageDriver === "overlay") {
    const own = { ...input.paths, lowers: lowerDirectories.toReversed() };
    if (!isMapped) return [planOverlay(own, nodev)];
    const { steps, directories } = planMappedDirectories(input, own);
    return [...steps, planOverlay(directories, nodev)];
  }
  if (isMapped) return planMappedCopy(input);
  return [
    ["mount", merged, merged, "", String(MS.BIND), ""],
    ...(nodev === 0
      ? []
      : [["mount", "", merged, "", String(MS.REMOUNT | MS.BIND | nodev), ""] as const]),
  ];
}

/** All that is mounted in the root. */
export function planMounts(input: LaunchInput): Step[] {
  const others = input.config.mounts.filter((mount) => !isDeviceMount(mount));
  const requested = new Set(others.map((mount) => mount.target));
  const defaults = planDefaultMounts(input, others).filter(({ target }) => !requested.has(target));
  const { devices } = input;
  // Who has all of the host's devices sees them there anyway
  const nodes = devices.nodes.filter(({ target }) => !isInShared(target, others));
  return [
    ...defaults.flatMap(({ steps }) => steps),
    ...(requested.has("/dev") ? [] : planDevices(input)),
    ...planContents(others, { ...input, etcFiles: MANAGED_ETC_FILES }),
    ...planAttachedDevices({ ...input, devices: { ...devices, nodes } }),
    // In a /dev that was asked for, too
    ...planTerminal(input),
    // Last, wherever links of the image lead: what is mounted in it would show up on the host, and stay there
    ...planRequestedMounts(others.filter(isShared), input),
  ];
}

/** What was asked for, but for what is shared with the host, and those files in `/etc` that wherry keeps. */
export function planContents(
  mounts: readonly ContainerMount[],
  input: FilesInput & { etcFiles: readonly string[] },
): Step[] {
  const requested = new Set(mounts.map(({ target }) => target));
  const files = planEtcFiles(input)
    .filter(({ target }) => !requested.has(target) && !isInShared(target, mounts));
  const own = mounts.filter((mount) => !isShared(mount));
  // What is asked for on /etc does not hide them, as with docker
  const isWithin = ({ target }: TargetedSteps): boolean =>
    own.some((mount) => isBelow(target, mount));
  return [
    ...files.filter((file) => !isWithin(file)).flatMap(({ steps }) => steps),
    ...planRequestedMounts(own, input),
    ...files.filter(isWithin).flatMap(({ steps }) => steps),
  ];
}

/** Whether the host shows what is there, so that nothing of wherry's is to be mounted on it. */
function isInShared(path: string, mounts: readonly ContainerMount[]): boolean {
  return mounts.some((mount) => isShared(mount) && isBelow(path, mount));
}

function isBelow(path: string, { target }: ContainerMount): boolean {
  return path.startsWith(`${target}/`);
}

function planEtcFiles(
  { config: { namespaces: { idRange } }, paths, etcFiles }: FilesInput & {
    etcFiles: readonly string[];
  },
): TargetedSteps[] {
  return etcFiles.map((name) => ({
    target: `/etc/${name}`,
    steps: [[
      "attach-tree",
      `${paths.etc}/${name}`,
      `/etc/${name}`,
      idRange === null ? "0" : String(TREE_IS_ID_MAPPED),
      "0",
      String(PROPAGATION_FLAGS.rprivate),
    ]],
  }));
}

/** `tty`, to which terminals belong. */
const TTY_GROUP = 5;

interface TargetedSteps {
  target: string;
  steps: Step[];
}

function planDefaultMounts(
  { config, paths, cgroupHierarchies }: LaunchInput,
  requested: readonly ContainerMount[],
): TargetedSteps[] {
  const device = config.mounts.findLast(isDeviceMount);
  const { isPrivileged, hasWritableCgroups } = config.security;
  const strict = MS.NOSUID | MS.NODEV | MS.NOEXEC;
  const mount = (type: string, target: string, flags: number, data = ""): TargetedSteps => ({
    target,
    steps: [["mount-in", type, target, type, String(flags), data]],
  });
  return [
    mount("proc", "/proc", strict),
    mount(
      "tmpfs",
      "/dev",
      DEV_FLAGS,
      device === undefined
        ? DEV_DATA
        : mapTmpfsOwners(tmpfsOptions(device).data, config.namespaces.idRange),
    ),
    mount(
      "devpts",
      "/dev/pts",
      MS.NOSUID | MS.NOEXEC,
      `newinstance,ptmxmode=0666,mode=0620,gid=${hostId(config.namespaces.idRange, TTY_GROUP)}`,
    ),
    ...planSharedMemory(config, strict),
    mount("mqueue", "/dev/mqueue", strict),
    mount("sysfs", "/sys", strict | (isPrivileged ? 0 : MS.RDONLY)),
    ...planCgroupMounts(cgroupHierarchies, {
      merged: paths.merged,
      // What it shares with others, or with the whole host, is not its own to change
      isWritable: ({ isOwn }) => isPrivileged || (hasWritableCgroups && isOwn),
    }),
  ].filter(({ target }) => !requested.some((other) => isBelow(target, other)));
}

/** POSIX shared memory goes with the rest of what processes share by name; see shm_overview(7). */
function planSharedMemory(
  { namespaces: { ipc }, security: { shmSize } }: ContainerConfig,
  strict: number,
): TargetedSteps[] {
  const target = "/dev/shm";
  const at = (step: Step): TargetedSteps[] => [{ target, steps: [step] }];
  if (ipc === "none") return [];
  if (ipc === "host") {
    const attributes = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV;
    const propagation = String(PROPAGATION_FLAGS.rprivate);
    return at(["attach-tree", HOST_SHM, target, "0", String(attributes), propagation]);
  }
  if (joinedContainer(ipc) !== undefined) {
    const attributes = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC;
    return at(["attach-shm", target, String(attributes)]);
  }
  return at(["mount-in", "tmpfs", target, "tmpfs", String(strict), `mode=1777,size=${shmSize}`]);
}

function planCgroupMounts(
  hierarchies: readonly CgroupHierarchy[],
  { merged, isWritable }: {
    merged: string;
    isWritable: (hierarchy: CgroupHierarchy) => boolean;
  },
): TargetedSteps[] {
  if (hierarchies.length === 0) return [];
  const target = "/sys/fs/cgroup";
  const strict = MS.NOSUID | MS.NODEV | MS.NOEXEC;
  const steps = hierarchies.map((hierarchy): Step => {
    const { type, name, data } = hierarchy;
    const path = name === "" ? target : `${target}/${name}`;
    const flags = strict | (isWritable(hierarchy) ? 0 : MS.RDONLY);
    return ["mount-in", type, path, type, String(flags), data];
  });
  const isUnified = hierarchies.some(({ name }) => name === "");
  if (isUnified) return [{ target, steps }];
  const freeze = String(strict | MS.RDONLY | MS.REMOUNT | MS.BIND);
  return [{
    target,
    steps: [
      ["mount-in", "tmpfs", target, "tmpfs", String(strict), "mode=755,size=64k"],
      ...steps,
      // The directory of hierarchies itself becomes read-only once they are in it
      ...(hierarchies.some(isWritable)
        ? []
        : [["mount", "", `${merged}${target}`, "", freeze, ""] as const]),
    ],
  }];
}

function planTerminal({ config, terminalSize }: LaunchInput): Step[] {
  if (!config.hasTerminal) return [];
  return [["terminal", String(terminalSize.rows), String(terminalSize.columns)]];
}
