/** Waiting until nothing of a container's last run is left. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import type { Engine } from "../base/engine.ts";
import { awaitUnmounted, readContainer, tryLockContainer } from "./find.ts";
import { delay } from "../base/polling.ts";

/** Longer than anybody takes to undo what a run has made. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 20;

/**
 * Takes the lock of a container that does not run, waiting for whoever tidies up after it.
 *
 * @returns `undefined` if it runs, is gone, or is kept locked by another command.
 */
export async function lockStopped(engine: Engine, id: string): Promise<Descriptor | undefined> {
  await awaitUnmounted(engine.paths.container(id));
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += PAUSE_MS) {
    const lock = tryLockContainer(engine, id);
    if (lock !== undefined) return lock;
    const container = readContainer(engine, id);
    if (container === undefined || container.state.isRunning) return undefined;
    await delay(PAUSE_MS);
  }
  return undefined;
}

/**
 * Undoes what the last run of a container has made, or waits for who does.
 *
 * @returns False if it runs.
 */
export async function settleEnded(engine: Engine, id: string): Promise<boolean> {
  using lock = await lockStopped(engine, id);
  return lock !== undefined || readContainer(engine, id)?.state.isRunning !== true;
}
