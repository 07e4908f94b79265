/** The cgroups of each container: where they are, and what is left of them. @module */

import { type ContainerConfig, readContainerConfig } from "../../container/record/config.ts";
import { isResources } from "../../container/record/config_fields.ts";
import type { Controller } from "../../container/resource/limits.ts";
import type { ContainerCgroups } from "../../container/launch/plan_cgroup.ts";
import { NO_LIMITS, type Resources } from "../../container/resource/resources.ts";
import { isCorrupt, WherryError } from "../../errors.ts";
import { canFilterDevices } from "../../kernel/bpf.ts";
import { isPopulated, removeCgroup, removeEmptyCgroup } from "../../kernel/cgroup.ts";
import { isDelegatedCgroup } from "../../kernel/cgroup_delegation.ts";
import { findUnifiedTree, findV1Hierarchy, type UnifiedTree } from "../../kernel/cgroup_tree.ts";
import {
  findCgroupHierarchies,
  findWritableCgroup2,
  type HostCgroupHierarchy,
} from "../../kernel/proc.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { readRecord, removeIfPresent, writeRecord } from "../../store/record.ts";
import { isObject, isString, isTexts } from "../../store/record_fields.ts";

/** What this host has of cgroups. */
export interface CgroupHost {
  hierarchies: readonly HostCgroupHierarchy[];
  /** Where in the unified hierarchy cgroups can be made, if anywhere. */
  tree: UnifiedTree | undefined;
  /** Whether cgroups there can have programs that decide about devices. */
  filtersDevices: boolean;
}

/** What this host has mounted. */
function readCgroupHierarchies(): HostCgroupHierarchy[] {
  return findCgroupHierarchies(Deno.readTextFileSync("/proc/self/mountinfo"));
}

/** Asks this host. */
export function readCgroupHost(): CgroupHost {
  const hierarchies = readCgroupHierarchies();
  const membership = Deno.readTextFileSync("/proc/self/cgroup");
  const tree = findUnifiedTree(hierarchies, { membership, isDelegated: isDelegatedCgroup });
  const filtersDevices = tree !== undefined && canFilterDevices(tree.base);
  return { hierarchies, tree, filtersDevices };
}

/** The cgroup that containers' own are in, unless somebody names another one. */
const PARENT = "wherry";

/** What version 1 calls the controllers that containers have cgroups of. */
const V1_CONTROLLERS = ["memory", "cpu", "cpuacct", "cpuset", "pids", "blkio"] as const;

/** What stops processes on a host without a unified hierarchy. */
const FREEZER = "freezer";

/** What keeps devices from processes where programs cannot. */
const DEVICES = "devices";

/** What version 1 calls a controller. */
export function v1NameOf(controller: Controller): string {
  return controller === "io" ? "blkio" : controller;
}

/**
 * Where a container's cgroups are, or would be. Pure.
 *
 * @param container Its parent cgroup: from the top if absolute, else below what is ours.
 */
export function placeCgroups(
  { id, resources: { cgroupParent } }: Pick<ContainerConfig, "id" | "resources">,
  { hierarchies, tree, filtersDevices }: CgroupHost,
): ContainerCgroups {
  const isAbsolute = cgroupParent.startsWith("/");
  const below = `/${cgroupParent === "" ? PARENT : cgroupParent.replace(/^\/+/, "")}/${id}`;
  const names = [
    ...V1_CONTROLLERS,
    ...(tree === undefined ? [FREEZER] : []),
    ...(filtersDevices ? [] : [DEVICES]),
  ];
  return {
    unified: tree === undefined ? undefined : (isAbsolute ? tree.mountPoint : tree.base) + below,
    v1: Object.fromEntries(names.flatMap((name) => {
      const hierarchy = findV1Hierarchy(hierarchies, name);
      return hierarchy === undefined ? [] : [[name, hierarchy.mountPoint + below]];
    })),
  };
}

/**
 * Where the container's cgroup of the unified hierarchy is when nobody has recorded anything else.
 *
 * @returns `undefined` on a host without a writable cgroup2 file system.
 */
function usualUnified(id: string): string | undefined {
  const mountPoint = findWritableCgroup2(readCgroupHierarchies());
  return mountPoint === undefined ? undefined : `${mountPoint}/${PARENT}/${id}`;
}

/** Whether its cgroups go with the end of the container that made them last, and are nobody else's. */
export function isOwnParent({ resources }: Pick<ContainerConfig, "resources">): boolean {
  return resources.cgroupParent === "";
}

/**
 * The cgroups that a container has while it runs.
 *
 * Without a record it has the usual one of the unified hierarchy and no other: nothing is written for a plain container.
 */
export function readContainerCgroups(paths: ContainerPaths): ContainerCgroups {
  const id = idOf(paths);
  return readRecord(paths.cgroups, (json) => parseCgroups(json, id)) ??
    { unified: usualUnified(id), v1: {} };
}

function idOf({ directory }: ContainerPaths): string {
  return directory.slice(directory.lastIndexOf("/") + 1);
}

/** What is removed because of it must be the container's. */
function parseCgroups(json: unknown, id: string): ContainerCgroups {
  const { unified, v1 } = isObject(json) ? json : {};
  const isOwn = (path: unknown): path is string => isString(path) && path.endsWith(`/${id}`);
  if ((unified === undefined || isOwn(unified)) && isTexts(v1) && Object.values(v1).every(isOwn)) {
    return { unified, v1 };
  }
  throw new WherryError(
    "corrupt",
    "Cannot read where the container's cgroups are: fields are missing or damaged",
  );
}

/**
 * Records where the cgroups of a container are, if it has others than the usual one. To be done before they are made.
 *
 * @param planned The limits that its monitor's plan was made with, if there are others now.
 */
export function recordCgroups(
  paths: ContainerPaths,
  { unified, v1 }: ContainerCgroups,
  planned?: Resources,
): void {
  writeRecord(paths.cgroups, { unified, v1, planned }, { isDurable: false });
}

/**
 * Moves this process out of a delegated cgroup into one below, so that controllers can be handed on in it.
 *
 * Others that are in it stay: who put them there may have a reason. To the kernel, 0 is who writes it.
 */
export function leaveCgroup(path: string): void {
  const below = `${path}/${PARENT}-commands`;
  Deno.mkdirSync(below, { recursive: true });
  Deno.writeTextFileSync(`${below}/cgroup.procs`, "0", { create: false });
}

/**
 * The limits that the plan was made with which a container's monitor goes by.
 *
 * @returns `undefined` if they were not changed since.
 */
export function readPlannedResources({ cgroups }: ContainerPaths): Resources | undefined {
  return readRecord(cgroups, (json) => {
    const planned = isObject(json) ? json["planned"] : undefined;
    return isResources(planned) ? planned : undefined;
  });
}

/** Kills what is left in a container's cgroups, and removes them; the one that all of them are in too, if it is empty. */
export function removeContainerCgroups(paths: ContainerPaths): void {
  const directories = listContainerCgroups(paths);
  for (const directory of new Set(directories)) {
    removeCgroup(directory);
    const parent = parentOf(directory);
    if (parent.endsWith(`/${PARENT}`)) removeEmptyCgroup(parent);
  }
  removeIfPresent(paths.cgroups);
}

/** Where a container has cgroups; where it may have some if the record of them is damaged. */
function listContainerCgroups(paths: ContainerPaths): string[] {
  try {
    return directoriesOf(readContainerCgroups(paths));
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    const host = readCgroupHost();
    return ["", readCgroupParent(paths)].flatMap((cgroupParent) => {
      const container = { id: idOf(paths), resources: { ...NO_LIMITS, cgroupParent } };
      return directoriesOf(placeCgroups(container, host));
    });
  }
}

function directoriesOf({ unified, v1 }: ContainerCgroups): string[] {
  return [...(unified === undefined ? [] : [unified]), ...Object.values(v1)];
}

/** @returns Empty if nobody knows. */
function readCgroupParent(paths: ContainerPaths): string {
  try {
    return readContainerConfig(paths)?.resources.cgroupParent ?? "";
  } catch (error) {
    if (isCorrupt(error)) return "";
    throw error;
  }
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
  return listParents().flatMap((parent) => {
    const removed = listChildren(parent).filter((path) =>
      isAbandoned(path) && removeEmptyCgroup(path)
    );
    if (removed.length > 0) removeEmptyCgroup(parent);
    return removed;
  });
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

/** Ids of the containers of all engines that have cgroups in the usual places. */
export function listCgroupOwners(): Set<string> {
  const paths = listParents().flatMap(listChildren);
  return new Set(paths.map((path) => path.slice(path.lastIndexOf("/") + 1)));
}

/** The cgroups that containers' own usually are in, in every hierarchy that can be written to. */
function listParents(): string[] {
  return readCgroupHierarchies().filter(({ isWritable }) => isWritable)
    .map(({ mountPoint }) => `${mountPoint}/${PARENT}`);
}

function listChildren(parent: string): string[] {
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
