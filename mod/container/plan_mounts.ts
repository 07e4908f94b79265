/** The steps of a container's root file system and of what is mounted in it. @module */

import { cString } from "../../ffi/c_string.ts";
import { MOUNT_ATTR, MS } from "../kernel/mount.ts";
import type { ContainerConfig } from "./config.ts";
import type { CgroupHierarchy, ContainerDevices, FilesInput, LaunchInput } from "./launch_input.ts";
import type { BindMount, ContainerMount, Propagation, VolumeMount } from "./mounts.ts";
import { joinedContainer } from "./namespaces.ts";
import type { Step } from "./plan.ts";
import {
  hostId,
  mapTmpfsOwners,
  type OverlayDirectories,
  planMappedCopy,
  planMappedDirectories,
  TREE_IS_ID_MAPPED,
} from "./plan_ids.ts";

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

const PROPAGATION_FLAGS: Record<Propagation, number> = {
  private: MS.PRIVATE,
  rprivate: MS.PRIVATE | MS.REC,
  slave: MS.SLAVE,
  rslave: MS.SLAVE | MS.REC,
  shared: MS.SHARED,
  rshared: MS.SHARED | MS.REC,
};

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

/** Most bytes of options that mount(2) takes: a page without the NUL that ends them. */
const MAX_MOUNT_DATA = 4095;

/**
 * Some kernels have a renamed directory, or a file whose mode was changed, tell overlayfs where to look for the rest of
 * it: such changes could not become a layer.
 */
const OVERLAY_OPTIONS = "redirect_dir=off,metacopy=off";

function planOverlay(
  { merged, upper, work, lowers }: OverlayDirectories,
  flags: number,
): Step {
  const data = `${OVERLAY_OPTIONS},lowerdir=${lowers.map(escapeOverlayPath).join(":")},` +
    `upperdir=${escapeOverlayPath(upper)},workdir=${escapeOverlayPath(work)}`;
  // A character is at most three bytes: only what may be too long is worth counting
  if (data.length * 3 <= MAX_MOUNT_DATA || cString(data).length <= MAX_MOUNT_DATA + 1) {
    return ["mount", "overlay", merged, "overlay", String(flags), data];
  }
  return ["overlay", merged, String(flags), OVERLAY_OPTIONS, upper, work, ...lowers];
}

/** A path as overlay's options want it: the separators `:` and `,` escaped. */
function escapeOverlayPath(path: string): string {
  return path.replace(/[\\:,]/g, (character) => `\\${character}`);
}

export function planMounts(input: LaunchInput): Step[] {
  const { config } = input;
  const others = config.mounts.filter((mount) => !isDeviceMount(mount));
  const requested = new Set(others.map((mount) => mount.target));
  const defaults = planDefaultMounts(input, others).filter(({ target }) => !requested.has(target));
  return [
    ...defaults.flatMap(({ steps }) => steps),
    ...(requested.has("/dev") ? [] : planDevices(input)),
    ...planTerminal(input),
    ...planEtcFiles(MANAGED_ETC_FILES, input),
    ...planRequestedMounts(others, input),
    ...planAttachedDevices(input),
  ];
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
  ].filter(({ target }) => !requested.some((other) => target.startsWith(`${other.target}/`)));
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

/** Files in `/etc` that wherry keeps, unless somebody asked for something else in their place. */
export function planEtcFiles(
  names: readonly string[],
  { config: { mounts, namespaces }, paths }: Pick<FilesInput, "config" | "paths">,
): Step[] {
  const requested = new Set(mounts.map(({ target }) => target));
  return names.filter((name) => !requested.has(`/etc/${name}`)).map((name): Step => [
    "attach-tree",
    `${paths.etc}/${name}`,
    `/etc/${name}`,
    namespaces.idRange === null ? "0" : String(TREE_IS_ID_MAPPED),
    "0",
    String(PROPAGATION_FLAGS.rprivate),
  ]);
}

/** What was asked for, parents before what is mounted on them. */
export function planRequestedMounts(
  mounts: readonly ContainerMount[],
  { config, devices, volumeSources }: Pick<FilesInput, "config" | "devices" | "volumeSources">,
): Step[] {
  const depth = (path: string): number => path.split("/").length;
  return mounts
    .toSorted((a, b) => depth(a.target) - depth(b.target))
    .map((mount): Step => {
      if (mount.type === "bind") return planBind(mount, devices);
      if (mount.type === "volume") return planVolume(mount, { config, volumeSources });
      if (mount.type === "image") throw new TypeError(`Cannot plan a mount of an image`);
      const { flags, data } = tmpfsOptions(mount);
      const owned = mapTmpfsOwners(data, config.namespaces.idRange);
      return ["mount-in", "tmpfs", mount.target, "tmpfs", String(flags), owned];
    });
}

const TREE_IS_RECURSIVE = 1;

const TREE_SOURCE_IS_CREATED = 2;

function planBind(mount: BindMount, devices: ContainerDevices): Step {
  // Who names /dev or a device in it wants devices; elsewhere the container could make any with CAP_MKNOD
  const hasDevices = !areDevicesLeftToMounts(devices) || `${mount.source}/`.startsWith("/dev/");
  return [
    "attach-tree",
    mount.source,
    mount.target,
    String(
      TREE_IS_RECURSIVE | (mount.createsSource ? TREE_SOURCE_IS_CREATED : 0) |
        (mount.isIdMapped === true ? TREE_IS_ID_MAPPED : 0),
    ),
    String((mount.isReadOnly ? MOUNT_ATTR.RDONLY : 0) | (hasDevices ? 0 : MOUNT_ATTR.NODEV)),
    String(PROPAGATION_FLAGS[mount.propagation]),
  ];
}

/** What belongs to 0, 1, 2 ... in a volume belongs to the same ids inside, as in the container's own layers. */
function planVolume(
  { name, target, isReadOnly }: VolumeMount,
  { config, volumeSources }: Pick<LaunchInput, "config" | "volumeSources">,
): Step {
  const source = volumeSources.get(name);
  if (source === undefined) throw new TypeError(`Cannot plan the volume "${name}": no source`);
  const isMapped = config.namespaces.idRange !== null;
  return [
    "attach-tree",
    source,
    target,
    String(TREE_IS_RECURSIVE | (isMapped ? TREE_IS_ID_MAPPED : 0)),
    String(isReadOnly ? MOUNT_ATTR.RDONLY : 0),
    String(PROPAGATION_FLAGS.rprivate),
  ];
}
