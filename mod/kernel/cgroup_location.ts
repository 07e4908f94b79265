/**
 * Where a process is in each cgroup hierarchy of the host.
 *
 * @see cgroups(7), proc_pid_mountinfo(5)
 * @module
 */

/** Name in {@linkcode CgroupDirectories} of the hierarchy of version 2. */
export const UNIFIED = "unified";

/** Directories by controller of version 1, for example `"memory"`, and by {@linkcode UNIFIED}. */
export type CgroupDirectories = ReadonlyMap<string, string>;

/** A cgroup hierarchy that is mounted. */
interface CgroupMount {
  /** Controllers of version 1, `name=systemd` for a hierarchy without; {@linkcode UNIFIED} alone for version 2. */
  names: string[];
  /** The cgroup that is mounted: not the topmost one in a container, for example. */
  root: string;
  mountPoint: string;
}

/**
 * Directories of the cgroups that a process is in.
 *
 * @param membership Content of `/proc/PID/cgroup`.
 * @param mountInfo Content of `/proc/self/mountinfo`.
 * @returns Without those that are not mounted here, or not below what is.
 */
export function locateCgroups(membership: string, mountInfo: string): Map<string, string> {
  const mounts = parseCgroupMounts(mountInfo);
  const directories = new Map<string, string>();
  for (const line of membership.split("\n")) {
    const [, hierarchy, controllers = "", path = ""] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (hierarchy === undefined) continue;
    const names = controllers === "" ? [UNIFIED] : controllers.split(",");
    for (const name of names) {
      const mount = mounts.find((mount) => mount.names.includes(name));
      const directory = mount === undefined ? undefined : directoryOf(mount, path);
      if (directory !== undefined) directories.set(name, directory);
    }
  }
  return directories;
}

function directoryOf({ root, mountPoint }: CgroupMount, path: string): string | undefined {
  if (root === "/") return mountPoint + (path === "/" ? "" : path);
  const isBelow = path === root || path.startsWith(`${root}/`);
  return isBelow ? mountPoint + path.slice(root.length) : undefined;
}

function parseCgroupMounts(mountInfo: string): CgroupMount[] {
  return mountInfo.split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , root = "/", mountPoint = ""] = left.split(" ");
    const [type = "", , superOptions = ""] = right.split(" ");
    if (type !== "cgroup" && type !== "cgroup2") return [];
    const names = type === "cgroup2" ? [UNIFIED] : superOptions.split(",");
    return [{ names, root, mountPoint }];
  });
}

/**
 * The cgroups that were made for one container, cut where a path names it: what its processes have made in theirs is a
 * part of it. Those that do not name it are shared with others, and left out.
 *
 * @param id Full id of the container.
 */
export function cgroupsNaming(directories: CgroupDirectories, id: string): CgroupDirectories {
  const own = new Map<string, string>();
  for (const [name, directory] of directories) {
    const parts = directory.split("/");
    const index = parts.findIndex((part) => part.includes(id));
    if (index >= 0) own.set(name, parts.slice(0, index + 1).join("/"));
  }
  return own;
}
