/** The cgroup of each container, in the unified hierarchy. @module */

import { isPopulated, removeCgroup, removeEmptyCgroup } from "../kernel/cgroup.ts";
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

/** Kills what is left in a container's cgroup, and removes it; the one that all of them are in too, if it is empty. */
export function removeContainerCgroup(id: string): void {
  const path = containerCgroup(id);
  if (path === undefined) return;
  removeCgroup(path);
  removeEmptyCgroup(parentOf(path));
}

/** A cgroup without processes may be one that a container is just being made in, for this long in milliseconds. */
const START_TIME_MS = 60_000;

/**
 * Removes containers' cgroups that no process has been in for a while.
 *
 * All engines of this host have theirs in one place, and nothing tells whose one is: those with processes are never
 * touched.
 *
 * @returns Their paths.
 */
export function removeEmptyCgroups(): string[] {
  const parent = parentOf(containerCgroup("any") ?? "");
  const removed = listContainerCgroups().filter((path) =>
    isAbandoned(path) && removeEmptyCgroup(path)
  );
  if (removed.length > 0) removeEmptyCgroup(parent);
  return removed;
}

function isAbandoned(path: string): boolean {
  const madeAtMs = mtimeOf(path);
  return madeAtMs !== undefined && Date.now() - madeAtMs > START_TIME_MS && !isPopulated(path);
}

function mtimeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).mtime?.getTime();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Paths of the cgroups of all engines' containers; none on a host without a place for them. */
export function listContainerCgroups(): string[] {
  const parent = parentOf(containerCgroup("any") ?? "");
  if (parent === "") return [];
  try {
    return [...Deno.readDirSync(parent)].filter(({ isDirectory }) => isDirectory)
      .map(({ name }) => `${parent}/${name}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
