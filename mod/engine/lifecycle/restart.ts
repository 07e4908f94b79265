/** Starting containers that exist, again. @module */

import { WherryError } from "../../errors.ts";
import type { Engine } from "../base/engine.ts";
import { recordContainerEvent, recordKill } from "../base/events.ts";
import { type Container, findContainer } from "../record/find.ts";
import { lockStopped } from "../record/settle.ts";
import { restartThroughMonitor, startContainer } from "./start.ts";
import { planStop, type StopOptions } from "./stop.ts";

/**
 * Starts a container in the background unless it runs.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @returns Once its command runs.
 * @throws {WherryError} `conflict` if it is paused, or if another command is working on it.
 */
export async function startInBackground(engine: Engine, wanted: string): Promise<void> {
  const container = findContainer(engine, wanted);
  checkNotPaused(container, wanted);
  if (container.state.isRunning) return;
  const { id } = container.config;
  using lock = await lockStopped(engine, id);
  if (lock === undefined) return checkStartedByOthers(engine, wanted);
  // Somebody may have changed it while we waited
  const { config } = findContainer(engine, id);
  using _monitor = await startContainer(engine, { config, lock });
}

/** Somebody else has come first, and did what was to be done. */
function checkStartedByOthers(engine: Engine, wanted: string): void {
  if (!findContainer(engine, wanted).state.isRunning) throw busy(wanted);
}

/**
 * Checks that a container may be started, in docker's words.
 *
 * @throws {WherryError} `conflict` if it is paused.
 */
export function checkNotPaused({ state }: Container, wanted: string): void {
  if (state.status !== "paused") return;
  throw new WherryError(
    "conflict",
    `Cannot start container "${wanted}": cannot start a paused container, try unpause instead`,
  );
}

/** The error of a container that somebody else starts or removes at this moment. */
export function busy(wanted: string): WherryError {
  return new WherryError(
    "conflict",
    `Cannot start container "${wanted}": another command is working on it`,
    { hint: "Try again" },
  );
}

/**
 * Ends a container as `stopContainer` does and starts it again; one that does not run is started.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @returns Once its command runs.
 */
export async function restartContainer(
  engine: Engine,
  wanted: string,
  options: StopOptions = {},
): Promise<void> {
  const { config } = findContainer(engine, wanted);
  const { signal, timeoutMs } = planStop(config, options);
  const isRunningAgain = await restartThroughMonitor(engine, config, (monitor) => {
    recordKill(engine, config, signal);
    monitor.restart(signal, timeoutMs);
  });
  if (!isRunningAgain) await startInBackground(engine, config.id);
  recordContainerEvent(engine, { config, action: "restart" });
}
