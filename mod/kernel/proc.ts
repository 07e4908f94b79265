/** What `/proc` tells about this host. @see proc(5) @module */

import { parseMountInfo } from "./mount.ts";

/** A cgroup hierarchy of the host. */
export interface HostCgroupHierarchy {
  type: "cgroup" | "cgroup2";
  /** Where the host has it mounted. */
  mountPoint: string;
  /** Whether this mount lets anybody make cgroups. */
  isWritable: boolean;
  /** What mount(2) takes to name a v1 hierarchy, for example `"cpu,cpuacct"` or `"name=systemd"`. */
  data: string;
}

/** Super options of a cgroup v1 mount that do not name a controller. */
const NOT_CONTROLLERS = new Set(["rw", "ro", "noprefix", "clone_children", "xattr", "none", ""]);

/**
 * The cgroup hierarchies that this host has mounted, wherever that is.
 *
 * @param mountInfo Content of `/proc/self/mountinfo`.
 */
export function findCgroupHierarchies(mountInfo: string): HostCgroupHierarchy[] {
  const lines = mountInfo.split("\n").filter((line) => line.includes(" - cgroup"));
  return parseMountInfo(lines.join("\n")).flatMap(
    ({ type, mountPoint, options, superOptions }): HostCgroupHierarchy[] => {
      const isWritable = options.includes("rw") && superOptions.includes("rw");
      if (type === "cgroup2") return [{ type, mountPoint, isWritable, data: "" }];
      if (type !== "cgroup") return [];
      const words = superOptions.filter((word) =>
        !NOT_CONTROLLERS.has(word) && !word.startsWith("release_agent=")
      );
      return [{ type, mountPoint, isWritable, data: words.join(",") }];
    },
  );
}

/**
 * Where cgroups of the unified hierarchy can be made.
 *
 * @returns Its mount point; `undefined` if there is none, or only read-only ones.
 */
export function findWritableCgroup2(
  hierarchies: readonly HostCgroupHierarchy[],
): string | undefined {
  return hierarchies.find(({ type, isWritable }) => type === "cgroup2" && isWritable)?.mountPoint;
}
