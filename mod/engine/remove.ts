/** Removing containers. @module */

import type { ContainerConfig } from "../container/config.ts";
import { releaseName } from "../container/names.ts";
import { WherryError } from "../errors.ts";
import { removeTree } from "../kernel/tree.ts";
import { acquireLock } from "../store/lock.ts";
import { removeIfPresent } from "../store/record.ts";
import type { Engine } from "./engine.ts";
import { recordContainerEvent } from "./events.ts";
import { type Container, findContainer, readContainer, tryLockContainer } from "./find.ts";
import { delay } from "./polling.ts";
import { killAndWait } from "./stop.ts";

/** How often a forced removal kills what others start again meanwhile: for ten seconds or more. */
const MAX_KILLS = 200;
/** How long it lets them finish what they are at. */
const PAUSE_MS = 50;

/**
 * Removes a container.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @param isForced Whether to kill it first if it runs.
 * @throws {WherryError} `conflict` if it runs and `isForced` is false, or another command is working on it.
 */
export async function removeContainer(
  engine: Engine,
  wanted: string,
  { isForced }: { isForced: boolean },
): Promise<void> {
  const container = findContainer(engine, wanted);
  if (!isForced && container.state.isRunning) throw stillRunning(wanted, container);
  for (let tries = 0; tries < (isForced ? MAX_KILLS : 1); tries++) {
    if (tries > 0) await delay(PAUSE_MS);
    if (isForced) await killAndWait(engine, container);
    using lock = tryLockContainer(container.paths);
    if (lock !== undefined) return removeLocked(engine, container.config);
    if (readContainer(engine, container.config.id) === undefined) return;
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
 */
export function removeLocked(engine: Engine, container: Removable | ContainerConfig): void {
  const { id, name } = container;
  const paths = engine.paths.container(id);
  // Somebody may be writing a new name down
  using _configLock = acquireLock(paths.configLock);
  removeIfPresent(paths.config);
  if (name !== undefined) releaseName(engine.paths, name, id);
  removeTree(paths.directory);
  removeTree(paths.runDirectory);
  if ("schema" in container) recordContainerEvent(engine, { config: container, action: "destroy" });
}
