/** Removing what crashes left of containers. @module */

import { type ContainerConfig, readContainerConfig } from "../../container/record/config.ts";
import { removeStaleNames } from "../../container/record/names.ts";
import { readState } from "../../container/record/state.ts";
import { WherryError } from "../../errors.ts";
import { isPresent, listNames } from "../../kernel/entry.ts";
import { removeTree } from "../../kernel/tree.ts";
import { isId } from "../../store/id.ts";
import { acquireLock, isLocked, tryAcquireLock } from "../../store/lock.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import type { VolumeSweep } from "../../volume/volume_store.ts";
import { sweepVolumes } from "../mount/anonymous_volumes.ts";
import type { Engine } from "../base/engine.ts";
import { type Container, listIds, tryLockContainer } from "../record/find.ts";
import { unmountUnusedVolumes } from "../record/mounted_volumes.ts";
import { type FateOfVolumes, removeLocked } from "./remove.ts";
import { lockStopped } from "../record/settle.ts";
import { removeAbandonedNetworkFiles } from "../record/sandbox_removal.ts";

/** What {@linkcode sweepContainers} did and could not do; containers by id. */
export interface SweepResult {
  /** Containers that were never finished, or that nobody wants any more. */
  removed: string[];
  /** Containers whose monitor was killed: what was left of them is killed too and their end recorded. */
  ended: string[];
  /** Containers that do not run and still had something of a network, which is undone. */
  sandboxes: string[];
  /** Containers that do not run and still had volumes mounted, which are not any more unless others use them. */
  volumeUsers: string[];
  /** Names of the volumes that were mounted and that no container used, which are unmounted. */
  volumes: string[];
  /** Run directories without a container. */
  runDirectories: string[];
  /** Names without a container. */
  names: string[];
  /** What was left among the volumes. */
  volumeLeftovers: VolumeSweep;
  /** Where the containers with damaged records were put, by id. */
  damaged: Map<string, string>;
  /** Why leftovers are still there, by id; the next sweep tries again. */
  failed: Map<string, unknown>;
}

/** How to sweep. */
export interface SweepOptions {
  /** Whether to wait for who makes a container, or sweeps, at this moment: milliseconds. @default {false} */
  waits?: boolean;
}

function emptyResult(): SweepResult {
  return {
    removed: [],
    ended: [],
    sandboxes: [],
    volumeUsers: [],
    volumes: [],
    runDirectories: [],
    names: [],
    volumeLeftovers: { removedCount: 0, failures: [] },
    damaged: new Map(),
    failed: new Map(),
  };
}

/**
 * Removes what crashes left behind: containers that were never finished, `--rm` containers that
 * nobody runs any more, processes that outlived their monitor, run directories without a container. A damaged
 * record is put aside with all that belongs to it.
 *
 * Never touches a container that runs or that another command works on.
 */
export function sweepContainers(engine: Engine, options: SweepOptions = {}): SweepResult {
  const result = emptyResult();
  using gate = options.waits
    ? acquireLock(engine.paths.gate)
    : tryAcquireLock(engine.paths.gate, { create: true });
  if (gate === undefined) return result; // a container is being made: sweep another time
  for (const id of listIds(engine)) {
    tolerate(result, id, () => sweepContainer(engine, id, result));
  }
  for (const id of listOrphanRunDirectories(engine)) {
    // Takes the lock, finds no container, and removes the run directory
    tolerate(result, id, () => {
      tryLockContainer(engine, id)?.[Symbol.dispose]();
      result.runDirectories.push(id);
    });
  }
  result.volumes.push(...unmountUnusedVolumes(engine));
  result.names.push(...removeStaleNames(engine.paths));
  result.volumeLeftovers = sweepVolumes(engine);
  removeAbandonedNetworkFiles(engine.paths);
  const now = new Date();
  Deno.utimeSync(engine.paths.gate, now, now);
  return result;
}

function sweepContainer(engine: Engine, id: string, result: SweepResult): void {
  const paths = engine.paths.container(id);
  const need = findNeed(paths);
  if (need === undefined) return;
  using lock = tryLockContainer(engine, id);
  if (lock === undefined) return;
  if (need === "killed") result.ended.push(id);
  if (need === "networked") result.sandboxes.push(id);
  if (need === "mounted") result.volumeUsers.push(id);
  sweepLocked(engine, id, result, "removed unless somebody is making volumes");
}

/** One leftover that cannot be removed, for example with something mounted in it, stops nobody. */
function tolerate({ failed }: SweepResult, id: string, sweep: () => void): void {
  try {
    sweep();
  } catch (error) {
    failed.set(id, error);
  }
}

/** What people should know of a sweep, one line each. */
export function describeSweep({ damaged, failed, volumeLeftovers }: SweepResult): string[] {
  return [
    ...Array.from(
      damaged,
      ([id, place]) => `container ${id} has a damaged record and was put aside in ${place}`,
    ),
    ...Array.from(
      failed,
      ([id, error]) =>
        `what is left of container ${id} stays for now: ` +
        (error instanceof Error ? error.message : String(error)),
    ),
    ...volumeLeftovers.failures.map(describeVolumeFailure),
  ];
}

/** What people should know of something that is left of a volume and could not be removed. */
export function describeVolumeFailure(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `what is left of a volume stays for now: ${reason}`;
}

/** How often commands that have no other reason to sweep do so. */
const SWEEP_INTERVAL_MS = 60_000;

/** Sweeps if nobody did in the last minute; costs one `stat` otherwise. */
export function sweepIfDue(engine: Engine): SweepResult {
  const sweptAt = Deno.statSync(engine.paths.gate).mtime?.getTime() ?? 0;
  const isDue = Date.now() - sweptAt > SWEEP_INTERVAL_MS;
  return isDue ? sweepContainers(engine) : emptyResult();
}

/** A cheap first look without the lock; the decision is made with it. */
function findNeed(
  paths: ContainerPaths,
): "unwanted" | "killed" | "networked" | "mounted" | "damaged" | undefined {
  try {
    const config = readContainerConfig(paths);
    const state = readState(paths);
    if (config === undefined || isAbandoned({ config, state })) return "unwanted";
    if (state.wasKilled) return "killed";
    const rest = isPresent(paths.network)
      ? "networked"
      : isPresent(paths.mountedVolumes)
      ? "mounted"
      : undefined;
    return rest === undefined || isLocked(paths.lock) ? undefined : rest;
  } catch (error) {
    if (error instanceof WherryError && error.kind === "corrupt") return "damaged";
    throw error;
  }
}

/** Whether nobody wants a container any more: `--rm` after its end, or one whose `run` died before the start. */
export function isAbandoned({ config, state }: Pick<Container, "config" | "state">): boolean {
  return (config.isAutoRemoved && state.status === "exited") ||
    // Of a start that failed there is something to see
    (config.startsAtOnce && state.status === "created" && state.error === "");
}

function sweepLocked(
  engine: Engine,
  id: string,
  { removed, damaged }: SweepResult,
  volumes: FateOfVolumes,
): void {
  const paths = engine.paths.container(id);
  try {
    const config = readContainerConfig(paths);
    const state = readState(paths, { isLockHeld: true });
    if (config !== undefined && !isAbandoned({ config, state })) return;
    if (wasEmptied(paths, config)) {
      damaged.set(id, putAside(engine, id));
    } else {
      const isGone = removeLocked(engine, config ?? { id, name: undefined }, volumes);
      if (isGone) removed.push(id);
    }
  } catch (error) {
    if (!(error instanceof WherryError) || error.kind !== "corrupt") throw error;
    damaged.set(id, putAside(engine, id));
  }
}

/**
 * Whether somebody has emptied a record, so that the container only looks as if it had never been finished or started.
 *
 * A power loss empties none but the records of `--rm` containers, which are not worth waiting for the disk.
 */
function wasEmptied(paths: ContainerPaths, config: ContainerConfig | undefined): boolean {
  if (config === undefined) return sizeOf(paths.config) === 0 && (sizeOf(paths.state) ?? 0) > 0;
  return !config.isAutoRemoved && sizeOf(paths.state) === 0;
}

function sizeOf(path: string): number | undefined {
  try {
    return Deno.lstatSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** @returns Where it is now. */
function putAside({ paths }: Engine, id: string): string {
  const { directory, runDirectory } = paths.container(id);
  const place = `${paths.damaged}/${id}`;
  Deno.mkdirSync(paths.damaged, { recursive: true, mode: 0o700 });
  Deno.renameSync(directory, place);
  removeTree(runDirectory);
  return place;
}

/** Ids of run directories that no container has. */
export function listOrphanRunDirectories(engine: Engine): string[] {
  const ids = new Set(listIds(engine));
  return listNames(engine.paths.runContainers).filter((name) => isId(name) && !ids.has(name));
}

/**
 * Undoes what a container had of the network and removes it if it is a `--rm` container, after its end; what monitors
 * ask for. One whose record is damaged is left to commands, which tell of it.
 */
export async function cleanUpContainer(engine: Engine, id: string): Promise<void> {
  using lock = await lockStopped(engine, id);
  if (lock !== undefined && !isDamaged(engine, id)) {
    sweepLocked(engine, id, emptyResult(), "removed");
  }
}

function isDamaged({ paths }: Engine, id: string): boolean {
  try {
    const container = paths.container(id);
    const config = readContainerConfig(container);
    readState(container, { isLockHeld: true });
    return wasEmptied(container, config);
  } catch (error) {
    if (error instanceof WherryError && error.kind === "corrupt") return true;
    throw error;
  }
}
