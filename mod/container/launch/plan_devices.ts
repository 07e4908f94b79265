/** The steps that fill a container's /dev. @module */

import { MOUNT_ATTR, MS, splitMountOptions } from "../../kernel/mount.ts";
import type { ContainerMount, TmpfsMount } from "../record/mounts.ts";
import type { ContainerDevices, DeviceNode, LaunchInput } from "./launch_input.ts";
import type { IdRange } from "../record/namespaces.ts";
import type { Step } from "./plan.ts";
import { hostId } from "./plan_ids.ts";

/** Character devices of every container: name, major, minor. @see runtime-spec, "Default Devices" */
const DEVICES: readonly (readonly [name: string, major: number, minor: number])[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
];

/** Flags of /dev. */
export const DEV_FLAGS = MS.NOSUID | MS.STRICTATIME;

/** What the file system of /dev is given. */
export const DEV_DATA = "mode=755,size=65536k";

/** Links in /dev: content, name. @see runtime-spec, "Dev symbolic links" */
const DEVICE_LINKS = [
  ["/proc/self/fd", "fd"],
  ["/proc/self/fd/0", "stdin"],
  ["/proc/self/fd/1", "stdout"],
  ["/proc/self/fd/2", "stderr"],
  ["/proc/kcore", "core"],
  ["pts/ptmx", "ptmx"],
] as const;

/** A tmpfs that is asked for on /dev: it takes the place of the usual one, and gets all that belongs into it. */
export function isDeviceMount(mount: ContainerMount): mount is TmpfsMount {
  return mount.type === "tmpfs" && mount.target === "/dev";
}

/** Flags and data of a tmpfs that is asked for. */
export function tmpfsOptions({ options }: TmpfsMount): { flags: number; data: string } {
  return splitMountOptions(options, MS.NOSUID | MS.NODEV | MS.NOEXEC);
}

/** Whether only the mounts keep a device from working whose file a container makes or has in its image. */
export function areDevicesLeftToMounts({ control }: ContainerDevices): boolean {
  return control.type === "mounts";
}

/** What the monitor does so that its container has no other devices than it should, before there is a process of it. */
export function planDeviceControl({ control }: ContainerDevices): Step[] {
  switch (control.type) {
    case "filter":
      return [["device-filter", control.program]];
    case "controller":
      return [
        ["control", `${control.directory}/devices.deny`, "a"],
        ...control.rules.map((
          rule,
        ): Step => ["control", `${control.directory}/devices.allow`, rule]),
      ];
    case "mounts":
    case "nothing":
      return [];
  }
}

/** The devices and links in /dev. */
export function planDevices(input: LaunchInput): Step[] {
  const { config, paths: { merged }, devices } = input;
  const mount = config.mounts.findLast(isDeviceMount);
  const flags = mount === undefined ? DEV_FLAGS : tmpfsOptions(mount).flags;
  const hasDevices = !areDevicesLeftToMounts(devices) && (flags & MS.NODEV) === 0;
  return [
    ...planNodes(input).flatMap((node) => [
      ...planNode(node, config.namespaces.idRange),
      ...(hasDevices ? [] : [planOver(node, merged)]),
    ]),
    ...DEVICE_LINKS.map(([content, name]): Step => ["symlink", content, `/dev/${name}`]),
    // Nothing of the image can be in the way: /dev is a new file system by now
    ...(mount === undefined && hasDevices
      ? []
      : [planRemount(merged, hasDevices ? flags : flags | MS.NODEV)]),
  ];
}

function planRemount(merged: string, flags: number): Step {
  return ["mount", "", `${merged}/dev`, "", String(MS.REMOUNT | MS.BIND | flags), ""];
}

/** What a device's file is made of. */
type NodeSteps = Omit<DeviceNode, "path">;

/** The files that are made in /dev: the usual ones, unless somebody wants another device there. */
function planNodes(input: LaunchInput): NodeSteps[] {
  const wanted = input.devices.nodes.filter(({ target }) => isInOwnDev(input, target));
  const usual = DEVICES.map(([name, major, minor]): NodeSteps => ({
    ...{ type: "c", major, minor, mode: 0o666, uid: 0, gid: 0 },
    target: `/dev/${name}`,
  }));
  // Of several on one path the first one counts, as with docker
  const byTarget = new Map([...wanted, ...usual].toReversed().map((node) => [node.target, node]));
  return [...byTarget.values()].toReversed();
}

/** File systems of their own in /dev. */
const DEV_DIRECTORIES = ["/dev/pts", "/dev/shm", "/dev/mqueue"];

/** Whether a path is in the file system that /dev is, unless somebody mounts another one there. */
function isInOwnDev({ config }: LaunchInput, path: string): boolean {
  const mounted = config.mounts.filter((mount) => !isDeviceMount(mount)).map(({ target }) =>
    target
  );
  return path.startsWith("/dev/") &&
    ![...DEV_DIRECTORIES, ...mounted].some((other) => `${path}/`.startsWith(`${other}/`));
}

const FILE_TYPES = { b: 0o60000, c: 0o20000 };

function planNode(
  { target, type, major, minor, mode, uid, gid }: NodeSteps,
  range: IdRange | null,
): Step[] {
  const typeAndMode = (FILE_TYPES[type] | mode).toString(8);
  const owners = [hostId(range, uid), hostId(range, gid)].map(String);
  return [
    ["mknod", target, typeAndMode, String(major), String(minor)],
    ...(uid === 0 && gid === 0 ? [] : [["chown", target, ...owners] as const]),
  ];
}

/** A device that goes on working when the mount that it is on lets none. */
function planOver({ target }: NodeSteps, merged: string): Step {
  return ["attach-tree", `${merged}${target}`, target, "0", "0", "0"];
}

/**
 * The devices that are wanted in other places: mounts, so that neither the container's layer nor a volume gets a device
 * file, and read-only, which keeps the host's file as it is and the device writable.
 */
export function planAttachedDevices(input: LaunchInput): Step[] {
  return input.devices.nodes.filter(({ target }) => !isInOwnDev(input, target))
    .map(({ path, target }) => ["attach-tree", path, target, "0", String(MOUNT_ATTR.RDONLY), "0"]);
}
