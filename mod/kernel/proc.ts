/** What `/proc` tells about this host. @see proc(5) @module */

import { parseMountInfo } from "./mount.ts";

/** A cgroup hierarchy of the host. */
export interface HostCgroupHierarchy {
  type: "cgroup" | "cgroup2";
  /** Where the host has it mounted. */
  mountPoint: string;
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
    ({ type, mountPoint, superOptions }): HostCgroupHierarchy[] => {
      if (type === "cgroup2") return [{ type, mountPoint, data: "" }];
      if (type !== "cgroup") return [];
      const words = superOptions.filter((word) =>
        !NOT_CONTROLLERS.has(word) && !word.startsWith("release_agent=")
      );
      return [{ type, mountPoint, data: words.join(",") }];
    },
  );
}
