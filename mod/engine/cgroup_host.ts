/** Which controllers the host's cgroups have, in either version. @module */

import { findCgroupHierarchies, type HostCgroupHierarchy } from "../kernel/proc.ts";
import type { HostFiles } from "./host_files.ts";

/** Where the cgroups of this host are. */
export interface CgroupHost {
  hierarchies: readonly HostCgroupHierarchy[];
  /** Where version 2 is mounted; `undefined` if it is not. */
  unified: HostCgroupHierarchy | undefined;
  /** Controllers that version 2 has. */
  unifiedControllers: readonly string[];
}

/** A controller, by its name in version 2. */
export type Controller = "memory" | "cpu" | "cpuset" | "pids" | "io";

/** Names of version 1, where they differ. */
const OLD_NAMES: Partial<Record<Controller, string>> = { io: "blkio" };

/** Name of a controller in version 1. */
export function oldNameOf(controller: Controller): string {
  return OLD_NAMES[controller] ?? controller;
}

/** Takes a host's cgroups from its files. */
export function readCgroupHost({ read }: HostFiles): CgroupHost {
  const hierarchies = findCgroupHierarchies(read("/proc/self/mountinfo") ?? "");
  const unified = hierarchies.find(({ type }) => type === "cgroup2");
  const text = unified === undefined ? undefined : read(`${unified.mountPoint}/cgroup.controllers`);
  return { hierarchies, unified, unifiedControllers: wordsIn(text) };
}

/** Words of a list such as that of `cgroup.controllers`; none of a missing file. */
export function wordsIn(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}

/** The version that has a controller; `undefined` if neither does. */
export function controllerVersion(host: CgroupHost, controller: Controller): 1 | 2 | undefined {
  if (host.unifiedControllers.includes(controller)) return 2;
  return findV1(host, oldNameOf(controller)) === undefined ? undefined : 1;
}

/** The hierarchy of version 1 that has a controller. */
export function findV1(
  { hierarchies }: CgroupHost,
  oldName: string,
): HostCgroupHierarchy | undefined {
  return hierarchies.find(({ type, data }) =>
    type === "cgroup" && data.split(",").includes(oldName)
  );
}

/** Whether swap is counted, so that it can be limited; `undefined` if there is no cgroup to tell by. */
export function hasSwapAccounting(files: HostFiles, host: CgroupHost): boolean | undefined {
  const version = controllerVersion(host, "memory");
  if (version === 2) return hasUnifiedFile(files, host, "memory.swap.max");
  const hierarchy = findV1(host, "memory");
  if (hierarchy === undefined) return false;
  return files.read(`${hierarchy.mountPoint}/memory.memsw.usage_in_bytes`) !== undefined;
}

/**
 * Whether cgroups of version 2 have a file; the topmost one lacks most of them, so that those below it are looked at.
 *
 * @returns `undefined` if there is none to look at.
 */
export function hasUnifiedFile(
  { read, list }: HostFiles,
  { unified }: CgroupHost,
  file: string,
): boolean | undefined {
  if (unified === undefined) return undefined;
  const children = list(unified.mountPoint).map((name) => `${unified.mountPoint}/${name}`)
    .filter((path) => read(`${path}/cgroup.events`) !== undefined);
  // Listed and not read: some can only be written to
  return children.length === 0 ? undefined : children.some((path) => list(path).includes(file));
}
