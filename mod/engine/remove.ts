/** Removing containers. @module */

import type { ContainerConfig } from "../container/config.ts";
import { releaseName, removeStaleNames } from "../container/names.ts";
import { isCorrupt, WherryError } from "../errors.ts";
import { isPresent } from "../kernel/entry.ts";
import { removeTree } from "../kernel/tree.ts";
import { shortId } from "../store/id.ts";
import { acquireLock } from "../store/lock.ts";
import { removeIfPresent } from "../store/record.ts";
import type { Engine } from "./engine.ts";
import { recordContainerEvent } from "./events.ts";
import { type Container, findContainer, findId } from "./find.ts";
import { checkNothingMounted, removalFailure } from "./in_the_way.ts";
import { delay } from "./polling.ts";
import { lockStopped } from "./settle.ts";
import { killAndWait, killUnknown } from "./stop.ts";

/** How often a forced removal kills what others start again meanwhile: for ten seconds or more. */
const MAX_KILLS = 200;
/** How long it lets them finish what they are at. */
const PAUSE_MS = 50;

/**
 * Removes a container.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @param isForced Whether to kill it first if it runs, and to remove it also if its record is damaged.
 * @throws {WherryError} `conflict` if it runs and `isForced` is false, or another command is working on it.
 */
export async function removeContainer(
  engine: Engine,
  wanted: string,
  { isForced }: { isForced: boolean },
): Promise<void> {
  const container = isForced ? findOrDamaged(engine, wanted) : findContainer(engine, wanted);
  if (container === undefined) return await removeDamaged(engine, wanted);
  if (!isForced && container.state.isRunning) throw stillRunning(wanted, container);
  await removeEnded(engine, wanted, {
    container: container.config,
    ...(isForced ? { end: () => killAndWait(engine, container) } : {}),
  });
}

/** `undefined` if there is such a container, and its record is damaged. */
function findOrDamaged(engine: Engine, wanted: string): Container | undefined {
  try {
    return findContainer(engine, wanted);
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
}

async function removeDamaged(engine: Engine, wanted: string): Promise<void> {
  const id = findId(engine, wanted);
  const paths = engine.paths.container(id);
  await removeEnded(engine, wanted, {
    container: { id, name: undefined },
    end: () => killUnknown(paths),
  });
  // Without the record nothing else tells its name
  removeStaleNames(engine.paths);
}

/** A container to remove. */
interface Removal {
  container: Removable | ContainerConfig;
  /** Ends it if it runs. @default {it does not run} */
  end?: () => Promise<unknown>;
}

async function removeEnded(
  engine: Engine,
  wanted: string,
  { container, end }: Removal,
): Promise<void> {
  const paths = engine.paths.container(container.id);
  for (let tries = 0; tries < (end === undefined ? 1 : MAX_KILLS); tries++) {
    if (tries > 0) await delay(PAUSE_MS);
    await end?.();
    using lock = await lockStopped(engine, container.id);
    if (lock !== undefined) return removeLocked(engine, container);
    if (!isPresent(paths.config)) return;
  }
  throw new WherryError(
    "conflict",
    `Cannot remove container "${wanted}": another command is working on it`,
    { hint: "Try again" },
  );
}

function stillRunning(wanted: string, { state }: Container): WherryError {
  const isPaused = state.status === "paused";
  const remedy = isPaused
    ? `Unpause it first with "wherry unpause`
    : `Stop it first with "wherry stop`;
  return new WherryError("conflict", `Cannot remove container "${wanted}": it is ${state.status}`, {
    hint: `${remedy} ${wanted}", or force it with "wherry rm -f ${wanted}"`,
  });
}

/** What is known of a container that is to be removed. */
export interface Removable {
  /** 64 digits. */
  id: string;
  /** `undefined` if its record cannot be read. */
  name: string | undefined;
}

/**
 * Removes everything of a container whose lock the caller holds.
 *
 * The record goes first: whatever is left after a crash is then recognised as garbage.
 *
 * @throws {WherryError} `conflict` if something is mounted in its directory, which is left as it is; `unavailable` if
 * the system refuses.
 */
export function removeLocked(engine: Engine, container: Removable | ContainerConfig): void {
  const { directory } = engine.paths.container(container.id);
  const action = `remove container "${container.name ?? shortId(container.id)}"`;
  checkNothingMounted(action, directory);
  try {
    removeFiles(engine, container);
  } catch (cause) {
    throw removalFailure(action, { directory, nextStep: RECOVER }, cause);
  }
  if ("schema" in container) recordContainerEvent(engine, { config: container, action: "destroy" });
}

/** By then its record is gone: it has no name any more to remove it by. */
const RECOVER = 'let "wherry system recover" remove the rest';

function removeFiles(engine: Engine, { id, name }: Removable): void {
  const paths = engine.paths.container(id);
  // Somebody may be writing a new name down
  using _configLock = acquireLock(paths.configLock);
  removeIfPresent(paths.config);
  if (name !== undefined) releaseName(engine.paths, name, id);
  removeTree(paths.directory);
  removeTree(paths.runDirectory);
}
