/** Removing containers, and what a crash left of them. @module */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { type ContainerConfig, parseContainerConfig } from "../container/config.ts";
import { releaseName, removeStaleNames } from "../container/names.ts";
import { readState } from "../container/state.ts";
import { WherryError } from "../errors.ts";
import { removeTree } from "../kernel/tree.ts";
import { tryAcquireLock } from "../store/lock.ts";
import type { ContainerPaths } from "../store/paths.ts";
import { readRecord, removeIfPresent } from "../store/record.ts";
import type { Engine } from "./engine.ts";
import { recordContainerEvent } from "./events.ts";
import { type Container, findContainer, listIds, readContainer, tryLockContainer } from "./find.ts";
import { killAndWait } from "./stop.ts";

/**
 * Removes a container.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @param isForced Whether to kill it first if it runs.
 * @throws {WherryError} `conflict` if it runs and `isForced` is false.
 */
export async function removeContainer(
  engine: Engine,
  wanted: string,
  { isForced }: { isForced: boolean },
): Promise<void> {
  const { config, paths, state } = findContainer(engine, wanted);
  if (state.isRunning) {
    if (!isForced) {
      throw new WherryError("conflict", `Cannot remove container "${wanted}": it is running`, {
        hint:
          `Stop it first with "wherry stop ${wanted}", or force it with "wherry rm -f ${wanted}"`,
      });
    }
    await killAndWait(engine, { config, paths });
  }
  using lock = tryLockContainer(paths);
  if (lock !== undefined) removeLocked(engine, config);
  else if (readContainer(engine, config.id) !== undefined) {
    throw new WherryError(
      "conflict",
      `Cannot remove container "${wanted}": another command is working on it`,
      { hint: "Try again" },
    );
  }
}

/**
 * Removes everything of a container whose lock the caller holds.
 *
 * The record goes first: whatever is left after a crash is then recognised as garbage.
 *
 * @param container Only the id of one that was never finished.
 */
export function removeLocked(
  engine: Engine,
  container: ContainerConfig | { id: string; name: undefined },
): void {
  const { id, name } = container;
  const paths = engine.paths.container(id);
  removeIfPresent(paths.config);
  if (name !== undefined) releaseName(engine.paths, name, id);
  removeTree(paths.directory);
  removeTree(paths.runDirectory);
  if (container.name !== undefined) {
    recordContainerEvent(engine, { config: container, action: "destroy" });
  }
}

/** What {@linkcode sweepContainers} could not repair. */
export interface SweepResult {
  /** Where the containers with damaged records were put, by id. */
  damaged: Map<string, string>;
  /** Why leftovers are still there, by id; the next sweep tries again. */
  failed: Map<string, unknown>;
}

/**
 * Removes what crashes left behind: containers that were never finished, `--rm` containers that
 * nobody runs any more, run directories without a container. A damaged
 * record is put aside with all that belongs to it.
 *
 * Never touches a container that runs or that another command works on.
 */
export function sweepContainers(engine: Engine): SweepResult {
  const result: SweepResult = { damaged: new Map(), failed: new Map() };
  using gate = tryAcquireLock(engine.paths.gate, { create: true });
  if (gate === undefined) return result; // a container is being made: sweep another time
  for (const id of listIds(engine)) {
    tolerate(result, id, () => sweepContainer(engine, id, result.damaged));
  }
  for (const id of listOrphanRunDirectories(engine)) {
    // Takes the lock, finds no container, and removes the run directory
    const paths = engine.paths.container(id);
    tolerate(result, id, () => tryLockContainer(paths)?.[Symbol.dispose]());
  }
  removeStaleNames(engine.paths);
  const now = new Date();
  Deno.utimeSync(engine.paths.gate, now, now);
  return result;
}

function sweepContainer(engine: Engine, id: string, damaged: Map<string, string>): void {
  const paths = engine.paths.container(id);
  if (!needsSweep(paths)) return;
  using lock = tryLockContainer(paths);
  if (lock !== undefined) sweepLocked(engine, id, damaged);
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
export function describeSweep({ damaged, failed }: SweepResult): string[] {
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
  ];
}

/** How often commands that have no other reason to sweep do so. */
const SWEEP_INTERVAL_MS = 60_000;

/** Sweeps if nobody did in the last minute; costs one `stat` otherwise. */
export function sweepIfDue(engine: Engine): SweepResult {
  const sweptAt = Deno.statSync(engine.paths.gate).mtime?.getTime() ?? 0;
  const isDue = Date.now() - sweptAt > SWEEP_INTERVAL_MS;
  return isDue ? sweepContainers(engine) : { damaged: new Map(), failed: new Map() };
}

/** A cheap first look without the lock; the decision is made with it. */
function needsSweep(paths: ContainerPaths): boolean {
  try {
    const config = readRecord(paths.config, parseContainerConfig);
    const state = readState(paths);
    return config === undefined || isAbandoned({ config, state });
  } catch (error) {
    if (error instanceof WherryError && error.kind === "corrupt") return true;
    throw error;
  }
}

/** Whether nobody wants a container any more: `--rm` after its end, or one whose `run` died before the start. */
export function isAbandoned({ config, state }: Pick<Container, "config" | "state">): boolean {
  return (config.isAutoRemoved && state.status === "exited") ||
    (config.startsAtOnce && state.status === "created");
}

function sweepLocked(engine: Engine, id: string, damaged: Map<string, string>): void {
  const paths = engine.paths.container(id);
  try {
    const config = readRecord(paths.config, parseContainerConfig);
    const state = readState(paths, { isLockHeld: true });
    if (config === undefined || isAbandoned({ config, state })) {
      removeLocked(engine, config ?? { id, name: undefined });
    }
  } catch (error) {
    if (!(error instanceof WherryError) || error.kind !== "corrupt") throw error;
    const aside = `${engine.paths.root}/damaged`;
    Deno.mkdirSync(aside, { recursive: true, mode: 0o700 });
    Deno.renameSync(paths.directory, `${aside}/${id}`);
    removeTree(paths.runDirectory);
    damaged.set(id, `${aside}/${id}`);
  }
}

/** Ids of run directories that no container has. */
export function listOrphanRunDirectories(engine: Engine): string[] {
  const ids = new Set(listIds(engine));
  try {
    return Array.from(Deno.readDirSync(engine.paths.runContainers), ({ name }) => name)
      .filter((id) => !ids.has(id));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Removes a `--rm` container after its end; what monitors ask for. */
export function cleanUpContainer(engine: Engine, id: string): void {
  const paths = engine.paths.container(id);
  using lock: Descriptor | undefined = tryLockContainer(paths);
  if (lock !== undefined) sweepLocked(engine, id, new Map());
}
