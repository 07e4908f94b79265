/** The steps that fill a container's /dev. @module */

import { MS, splitMountOptions } from "../kernel/mount.ts";
import type { ContainerMount, TmpfsMount } from "./config.ts";
import type { Step } from "./plan.ts";

/** Character devices of every container: name, major, minor. @see runtime-spec, "Default Devices" */
const DEVICES: readonly (readonly [name: string, major: number, minor: number])[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
];

/** Flags of /dev, and `nodev` once its devices are in it. */
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

/**
 * The devices and links in /dev.
 *
 * A container keeps CAP_MKNOD, and an image may hold any device: so every mount inside is `nodev`, but for each of
 * these devices, which is bound over itself before the rest of /dev becomes so.
 */
export function planDevices(merged: string, mount: TmpfsMount | undefined): Step[] {
  const flags = mount === undefined ? DEV_FLAGS : tmpfsOptions(mount).flags;
  const freeze = String(MS.REMOUNT | MS.BIND | flags | MS.NODEV);
  return [
    ...DEVICES.flatMap(([name, major, minor]): Step[] => [
      ["mknod", `/dev/${name}`, "20666", String(major), String(minor)],
      ["attach-tree", `${merged}/dev/${name}`, `/dev/${name}`, "0", "0", "0"],
    ]),
    ...DEVICE_LINKS.map(([content, name]): Step => ["symlink", content, `/dev/${name}`]),
    // Nothing of the image can be in the way: /dev is a new file system by now
    ["mount", "", `${merged}/dev`, "", freeze, ""],
  ];
}
