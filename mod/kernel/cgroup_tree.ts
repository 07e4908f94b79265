/**
 * Where cgroups can be made on a host: pure but for what is handed in.
 *
 * @see cgroups(7), Linux' Documentation/admin-guide/cgroup-v2.rst, "Delegation"
 * @module
 */

import { findWritableCgroup2, type HostCgroupHierarchy } from "./proc.ts";

/** The unified hierarchy as far as it is ours. */
export interface UnifiedTree {
  /** Where it is mounted. */
  mountPoint: string;
  /** Absolute path of the cgroup that others may be made in: the mount's top, or what was delegated to us. */
  base: string;
}

/** What the place of cgroups depends on. */
export interface TreeOptions {
  /** Content of `/proc/self/cgroup`. */
  membership: string;
  /** Whether a manager such as systemd has handed on the cgroup with this absolute path. */
  isDelegated(path: string): boolean;
}

/**
 * Where in the unified hierarchy cgroups can be made.
 *
 * Below the nearest cgroup of this process that its manager has delegated; where there is none at the top, which in a
 * cgroup namespace is what was delegated itself.
 *
 * @returns `undefined` if it is not mounted, or not writable.
 */
export function findUnifiedTree(
  hierarchies: readonly HostCgroupHierarchy[],
  { membership, isDelegated }: TreeOptions,
): UnifiedTree | undefined {
  const mountPoint = findWritableCgroup2(hierarchies);
  if (mountPoint === undefined) return undefined;
  const base = ownCgroupAndParents(membership).map((path) => mountPoint + path).find(isDelegated);
  return { mountPoint, base: base ?? mountPoint };
}

/** Paths below the top, the nearest first; none for a process that is outside of its cgroup namespace. */
function ownCgroupAndParents(membership: string): string[] {
  const [, own = "/"] = /^0::(\/.*)$/m.exec(membership) ?? [];
  const names = own.split("/").slice(1).filter((name) => name !== "");
  if (names.includes("..")) return [];
  return names.map((_, index) => `/${names.slice(0, names.length - index).join("/")}`);
}

/** The hierarchy of version 1 that has a controller, for example `"memory"`, if it is writable. */
export function findV1Hierarchy(
  hierarchies: readonly HostCgroupHierarchy[],
  controller: string,
): HostCgroupHierarchy | undefined {
  return hierarchies.find(({ type, isWritable, data }) =>
    type === "cgroup" && isWritable && data.split(",").includes(controller)
  );
}

/** What a kernel says of a controller in `/proc/cgroups`. */
export interface ControllerInfo {
  /** Number of the hierarchy of version 1 that it is bound to; 0 for none. */
  hierarchy: number;
  /** Whether it was not switched off when the kernel was started. */
  isEnabled: boolean;
}

/**
 * Takes `/proc/cgroups` apart.
 *
 * @param text Its content.
 * @returns By the controllers' names of version 1; those that the kernel was built without are missing.
 */
export function parseControllers(text: string): ReadonlyMap<string, ControllerInfo> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const [name = "", hierarchy, , isEnabled] = line.split("\t");
    return [name, { hierarchy: Number(hierarchy), isEnabled: isEnabled === "1" }];
  }));
}
