/** Finding containers by what people call them. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import { type ContainerConfig, readContainerConfig } from "../../container/record/config.ts";
import { findByName } from "../../container/record/names.ts";
import {
  type ContainerState,
  isUnmounting,
  readState,
  recordEnd,
} from "../../container/record/state.ts";
import { isCorrupt, WherryError } from "../../errors.ts";
import { findByPrefix, isId, shortId } from "../../store/id.ts";
import { isPresent, listNames } from "../../kernel/entry.ts";
import { removeTree } from "../../kernel/tree.ts";
import { tryAcquireLock } from "../../store/lock.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { removeContainerCgroups } from "./cgroup.ts";
import { type Engine, isOfSystem } from "../base/engine.ts";
import { releaseVolumes } from "./mounted_volumes.ts";
import { delay } from "../base/polling.ts";
import { tearDownSandbox } from "./sandbox_removal.ts";

/** A container as it is on disk. */
export interface Container {
  /** What was asked for. */
  config: ContainerConfig;
  /** What it is doing. */
  state: ContainerState;
  /** Where its files are. */
  paths: ContainerPaths;
}

const ID_LENGTH = 64;

/** The ids of all containers, also of those that are not finished or damaged; other files are nobody's business. */
export function listIds({ paths }: Engine): string[] {
  return listNames(paths.containers).filter(isId);
}

/**
 * The id of the container that somebody means.
 *
 * @param wanted A full id, a name, or the beginning of an id, tried in this order.
 * @throws {WherryError} `not_found` if there is none, `invalid_argument` if several ids begin so.
 */
export function findId(engine: Engine, wanted: string): string {
  const ids = listIds(engine);
  if (wanted.length === ID_LENGTH && ids.includes(wanted)) return wanted;
  const name = wanted.replace(/^\//, "");
  const isName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name);
  const id = (isName ? findByName(engine.paths, name) : undefined) ??
    (/^[0-9a-f]+$/.test(wanted) ? findByPrefix(ids, wanted) : undefined);
  if (id !== undefined) return id;
  throw noSuchContainer(wanted);
}

/** Also of `exec`, as with docker: nothing was wrong with the engine or the command. */
const EXIT_FAILURE = 1;

/** The error of a container that does not exist, or not any more. */
export function noSuchContainer(wanted: string): WherryError {
  return new WherryError("not_found", `No such container: ${wanted}`, {
    hint: 'See all containers with "wherry ps -a"',
    exitCode: EXIT_FAILURE,
  });
}

/**
 * The container that somebody means. What outlived its monitor is killed first: that it has ended is true then.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `not_found`, `invalid_argument`, `corrupt` if its record is damaged, or `unavailable` if what
 * is left of it cannot be killed.
 */
export function findContainer(engine: Engine, wanted: string): Container {
  const id = findId(engine, wanted);
  const container = readSound(engine, id);
  if (container === undefined) throw noSuchContainer(wanted);
  if (!container.state.wasKilled) return container;
  tryLockContainer(engine, id)?.[Symbol.dispose]();
  return readSound(engine, id) ?? container;
}

/**
 * The container that somebody means in passing, when it is about another one: it has no exit status of its own to fail
 * with, so that `run` has failed and not what it was to run.
 *
 * @throws {WherryError} As {@linkcode findContainer}.
 */
export function findOtherContainer(engine: Engine, wanted: string): Container {
  try {
    return findContainer(engine, wanted);
  } catch (cause) {
    if (!(cause instanceof WherryError)) throw cause;
    const { kind, message, hint } = cause;
    throw new WherryError(kind, message, { cause, ...(hint === undefined ? {} : { hint }) });
  }
}

function readSound(engine: Engine, id: string): Container | undefined {
  try {
    return readContainer(engine, id);
  } catch (error) {
    throw isCorrupt(error) ? damaged(error, id) : error;
  }
}

/** The same with the only thing that can be done about it. */
function damaged(cause: WherryError, id: string): WherryError {
  return new WherryError(cause.kind, cause.message, {
    cause,
    hint: `Remove the container with "wherry rm -f ${shortId(id)}", which also ends it if it runs`,
  });
}

/**
 * Reads a container.
 *
 * @returns `undefined` if it was never finished, or is gone.
 * @throws {WherryError} `corrupt` if its record is damaged.
 */
export function readContainer(engine: Engine, id: string): Container | undefined {
  const paths = engine.paths.container(id);
  const config = readContainerConfig(paths);
  return config === undefined ? undefined : { config, state: readState(paths), paths };
}

/**
 * Takes the lock of a container that does not run.
 *
 * What outlived a monitor that was killed is killed too, and its end recorded: whoever has the lock can rely on
 * nothing of the container being left.
 *
 * @returns `undefined` if it runs, is being made or removed by somebody else, or is gone.
 * @throws {WherryError} `unavailable` if what is left of it cannot be killed.
 */
export function tryLockContainer(engine: Engine, id: string): Descriptor | undefined {
  const paths = engine.paths.container(id);
  // After a reboot not even its parents are there
  Deno.mkdirSync(paths.runDirectory, { recursive: true, mode: 0o700 });
  using undo = new DisposableStack();
  const lock = tryAcquireLock(paths.lock, { create: true });
  if (lock === undefined) return undefined;
  undo.use(lock);
  if (!isPresent(paths.directory)) {
    // Somebody removed the container while we waited: leave nothing behind
    killLeftovers(paths);
    tearDownSandbox(engine, id);
    releaseVolumes(engine, id);
    removeTree(paths.runDirectory);
    return undefined;
  }
  settle(paths);
  tearDownSandbox(engine, id);
  releaseVolumes(engine, id);
  undo.move();
  return lock;
}

/** How often it is looked whether a monitor has unmounted everything. */
const UNMOUNT_POLL_MS = 2;

/** Resolves once nothing of a container that does not run is mounted any more; at once unless it has just ended. */
export async function awaitUnmounted(paths: ContainerPaths): Promise<void> {
  while (isUnmounting(paths)) await delay(UNMOUNT_POLL_MS);
}

/**
 * Takes the lock of a container that does not run, as {@linkcode tryLockContainer} does, but waits for the monitor of
 * one that has just ended.
 */
export async function lockContainer(engine: Engine, id: string): Promise<Descriptor | undefined> {
  await awaitUnmounted(engine.paths.container(id));
  return tryLockContainer(engine, id);
}

/** A monitor that was killed while it started the container again has left what its record does not tell of. */
function settle(paths: ContainerPaths): void {
  killLeftovers(paths);
  try {
    recordEnd(paths);
  } catch (error) {
    // Whoever reads a damaged record is told. Without room for a new one, the old one says the same to who finds no
    // monitor
    if (!isOfSystem(error) && !isCorrupt(error)) throw error;
  }
}

/** A process may outlive its monitor: root inside can clear its parent-death signal. The caller holds the lock. */
export function killLeftovers(paths: ContainerPaths): void {
  removeContainerCgroups(paths);
}
