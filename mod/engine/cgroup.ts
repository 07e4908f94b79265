/** The cgroup of each container, in the unified hierarchy. @module */

import {
  findCgroupHierarchies,
  findWritableCgroup2,
  type HostCgroupHierarchy,
} from "../kernel/proc.ts";

/** What this host has mounted. */
export function readCgroupHierarchies(): HostCgroupHierarchy[] {
  return findCgroupHierarchies(Deno.readTextFileSync("/proc/self/mountinfo"));
}

/**
 * Path of a container's cgroup, whether it exists or not.
 *
 * @param hierarchies What this host has mounted. @default {what it has now}
 * @returns `undefined` on a host without a writable cgroup2 file system: its containers have none.
 */
export function containerCgroup(
  id: string,
  hierarchies: readonly HostCgroupHierarchy[] = readCgroupHierarchies(),
): string | undefined {
  const mountPoint = findWritableCgroup2(hierarchies);
  return mountPoint === undefined ? undefined : `${mountPoint}/wherry/${id}`;
}
