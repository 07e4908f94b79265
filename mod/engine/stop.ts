/** Signals to containers, and waiting for their end. @module */

import { errnoText } from "../../ffi/errno.ts";
import { MonitorConnection } from "../container/monitor.ts";
import { readState } from "../container/state.ts";
import { WherryError } from "../errors.ts";
import { parseSignal } from "../kernel/signal.ts";
import type { ContainerPaths } from "../store/paths.ts";
import type { Engine } from "./engine.ts";
import { recordContainerEvent, recordKill } from "./events.ts";
import { type Container, findContainer } from "./find.ts";

const SIGKILL = 9;
const FALLBACK_STOP_SIGNAL = 15;

/**
 * Asks a container to end, and kills it when it does not.
 *
 * @param timeoutSeconds How long to wait before SIGKILL; -1 for ever.
 * @default {what the container was made with}
 * @returns Once it has ended; at once if it does not run.
 */
export async function stopContainer(
  engine: Engine,
  wanted: string,
  { timeoutSeconds, signal }: { timeoutSeconds?: number; signal?: number } = {},
): Promise<void> {
  const { config, paths, state } = findContainer(engine, wanted);
  if (!state.isRunning) return;
  const seconds = timeoutSeconds ?? config.stopTimeoutSeconds;
  const number = signal ?? parseSignal(config.stopSignal) ?? FALLBACK_STOP_SIGNAL;
  await endAndWait(paths, (monitor) => {
    recordKill(engine, config, number);
    monitor.stop(number, seconds < 0 ? -1 : seconds * 1000);
  });
  recordContainerEvent(engine, { config, action: "stop" });
}

/** Kills a running container and waits until it has ended. */
export async function killAndWait(
  engine: Engine,
  { config, paths }: Pick<Container, "config" | "paths">,
): Promise<void> {
  await endAndWait(paths, (monitor) => {
    recordKill(engine, config, SIGKILL);
    monitor.signal(SIGKILL);
  });
}

async function endAndWait(
  paths: ContainerPaths,
  ask: (monitor: MonitorConnection) => void,
): Promise<void> {
  using monitor = connectIfRunning(paths);
  if (monitor === undefined) return;
  monitor.wait();
  ask(monitor);
  // `undefined` means that the monitor is gone, and the container with it
  await monitor.nextOf("exited");
}

function connectIfRunning(paths: ContainerPaths): MonitorConnection | undefined {
  try {
    return MonitorConnection.connect(paths.runDirectory);
  } catch (error) {
    // It ended while we looked
    if (error instanceof WherryError && error.kind === "conflict") return undefined;
    throw error;
  }
}

/**
 * Sends a signal to a container's init.
 *
 * @throws {WherryError} `conflict` if it does not run.
 */
export async function signalContainer(
  engine: Engine,
  wanted: string,
  signal: number,
): Promise<void> {
  const { config, paths, state } = findContainer(engine, wanted);
  if (!state.isRunning) {
    throw new WherryError("conflict", `Cannot kill container "${wanted}": it is not running`, {
      hint: 'See all containers with "wherry ps -a"',
    });
  }
  using monitor = MonitorConnection.connect(paths.runDirectory);
  if (signal === SIGKILL) monitor.wait();
  recordKill(engine, config, signal);
  monitor.signal(signal);
  const answer = await monitor.nextOf("ok", "error");
  if (answer?.type === "error") {
    throw new WherryError(
      "conflict",
      `Cannot kill container "${wanted}": ${errnoText(answer.errno)}`,
    );
  }
  if (signal === SIGKILL) await monitor.nextOf("exited");
}

/**
 * Waits until a container has ended.
 *
 * @returns Its exit status; at once if it does not run.
 */
export async function waitForContainer(engine: Engine, wanted: string): Promise<number> {
  const { paths, state } = findContainer(engine, wanted);
  if (!state.isRunning) return state.exitCode;
  using monitor = connectIfRunning(paths);
  monitor?.wait();
  const event = await monitor?.nextOf("exited");
  return event?.exitCode ?? readState(paths).exitCode;
}
