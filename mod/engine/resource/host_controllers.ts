/** Which controllers the host's cgroups have, in either version. @module */

import type { Controller } from "../../container/resource/limits.ts";
import { isDelegatedCgroup } from "../../kernel/cgroup_delegation.ts";
import { findUnifiedTree, findV1Hierarchy } from "../../kernel/cgroup_tree.ts";
import { findCgroupHierarchies, type HostCgroupHierarchy } from "../../kernel/proc.ts";
import { v1NameOf } from "../record/cgroup.ts";
import type { HostFiles } from "../base/host_files.ts";

/** Where the cgroups of this host are. */
export interface HostControllers {
  hierarchies: readonly HostCgroupHierarchy[];
  /** Where version 2 is mounted; `undefined` if it is not. */
  unified: HostCgroupHierarchy | undefined;
  /** The cgroup of version 2 that wherry makes others in: the topmost one, or what was delegated to it. */
  base: string | undefined;
  /** Controllers that version 2 has there. */
  unifiedControllers: readonly string[];
}

/** Takes a host's cgroups from its files. */
export function readHostControllers({ read }: HostFiles): HostControllers {
  const hierarchies = findCgroupHierarchies(read("/proc/self/mountinfo") ?? "");
  const unified = hierarchies.find(({ type }) => type === "cgroup2");
  const membership = read("/proc/self/cgroup") ?? "";
  const tree = findUnifiedTree(hierarchies, { membership, isDelegated: isDelegatedCgroup });
  const base = tree?.base ?? unified?.mountPoint;
  const unifiedControllers = wordsIn(base && read(`${base}/cgroup.controllers`));
  return { hierarchies, unified, base, unifiedControllers };
}

/** Words of a list such as that of `cgroup.controllers`; none of a missing file. */
export function wordsIn(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}

/** The version that has a controller; `undefined` if neither does. */
export function controllerVersion(
  host: HostControllers,
  controller: Controller,
): 1 | 2 | undefined {
  if (host.unifiedControllers.includes(controller)) return 2;
  return findV1Hierarchy(host.hierarchies, v1NameOf(controller)) === undefined ? undefined : 1;
}

/** Whether swap is counted, so that it can be limited; `undefined` if there is no cgroup to tell by. */
export function hasSwapAccounting(files: HostFiles, host: HostControllers): boolean | undefined {
  const version = controllerVersion(host, "memory");
  if (version === 2) return hasUnifiedFile(files, host, "memory.swap.max");
  const hierarchy = findV1Hierarchy(host.hierarchies, "memory");
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
  { unified }: HostControllers,
  file: string,
): boolean | undefined {
  if (unified === undefined) return undefined;
  const children = list(unified.mountPoint).map((name) => `${unified.mountPoint}/${name}`)
    .filter((path) => read(`${path}/cgroup.events`) !== undefined);
  // Listed and not read: some can only be written to
  return children.length === 0 ? undefined : children.some((path) => list(path).includes(file));
}
