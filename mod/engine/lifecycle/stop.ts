/** Signals to containers, and waiting for their end. @module */

import { errnoText } from "../../../ffi/errno.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import { MonitorConnection } from "../../container/launch/monitor.ts";
import { readState } from "../../container/record/state.ts";
import { WherryError } from "../../errors.ts";
import { parseSignal } from "../../kernel/signal.ts";
import { isLocked } from "../../store/lock.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import type { Engine } from "../base/engine.ts";
import { recordContainerEvent, recordKill } from "../base/events.ts";
import { awaitUnmounted, type Container, findContainer, killLeftovers } from "../record/find.ts";
import { hasVolumesElsewhere } from "../record/mounted_volumes.ts";
import { settleEnded } from "../record/settle.ts";

const SIGKILL = 9;
const FALLBACK_STOP_SIGNAL = 15;

/** How a container is asked to end. */
export interface StopOptions {
  /** Seconds to wait before SIGKILL; -1 for ever. @default {what the container was made with} */
  timeoutSeconds?: number;
  /** Number of the signal. @default {what the container was made with} */
  signal?: number;
  /** Whether the host goes down, so that the next boot starts it as if it had not been stopped. @default {false} */
  isForHost?: boolean;
}

/**
 * Asks a container to end, and kills it when it does not.
 *
 * @returns Once it has ended; at once if it does not run.
 */
export async function stopContainer(
  engine: Engine,
  wanted: string,
  options: StopOptions = {},
): Promise<void> {
  const { config, paths, state } = findContainer(engine, wanted);
  if (!state.isRunning) return await awaitUnmounted(paths);
  const { signal, timeoutMs } = planStop(config, options);
  await endAndWait(paths, (monitor) => {
    recordKill(engine, config, signal);
    if (options.isForHost) monitor.shutDown(signal, timeoutMs);
    else monitor.stop(signal, timeoutMs);
  });
  await settleIfNeeded(engine, config);
  recordContainerEvent(engine, { config, action: "stop" });
}

/** The signal and the time that `options` and the container's record come to. */
export function planStop(
  { stopSignal, stopTimeoutSeconds }: ContainerConfig,
  { timeoutSeconds = stopTimeoutSeconds, signal }: StopOptions,
): { signal: number; timeoutMs: number } {
  return {
    signal: signal ?? parseSignal(stopSignal) ?? FALLBACK_STOP_SIGNAL,
    timeoutMs: timeoutSeconds < 0 ? -1 : timeoutSeconds * 1000,
  };
}

/** Kills a container if it runs, and waits until it has ended. */
export async function killAndWait(
  engine: Engine,
  { config, paths }: Pick<Container, "config" | "paths">,
): Promise<void> {
  await endAndWait(paths, (monitor) => {
    recordKill(engine, config, SIGKILL);
    monitor.signal(SIGKILL);
  });
  await settleIfNeeded(engine, config);
}

/** Who stops a container can rely on its addresses, ports and names being free, and its volumes unmounted. */
async function settleIfNeeded(
  engine: Engine,
  config: ContainerConfig,
): Promise<void> {
  const isNeeded = config.endpoints.length > 0 || hasVolumesElsewhere(config);
  if (isNeeded) await settleEnded(engine, config.id);
}

/**
 * Kills a container of which nothing is known, because its record is damaged, and waits until it has ended.
 *
 * @returns Whether it ran.
 */
export async function killUnknown(paths: ContainerPaths): Promise<boolean> {
  if (!isLocked(paths.lock)) return false;
  const hasMonitor = await endAndWait(paths, (monitor) => monitor.signal(SIGKILL));
  // Then its monitor sees that by itself
  if (!hasMonitor) killLeftovers(paths);
  return true;
}

/** Whether there is a monitor to ask. */
async function endAndWait(
  paths: ContainerPaths,
  ask: (monitor: MonitorConnection) => void,
): Promise<boolean> {
  using monitor = MonitorConnection.connectIfRunning(paths.runDirectory);
  if (monitor === undefined) return false;
  ask(monitor);
  // `undefined` means that the monitor is gone, and the container with it
  await monitor.nextOf("exited");
  return true;
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
  using monitor = state.isRunning
    ? MonitorConnection.connectIfRunning(paths.runDirectory)
    : undefined;
  if (monitor === undefined) throw notRunning(wanted, config.id);
  recordKill(engine, config, signal);
  monitor.signal(signal);
  const answer = await monitor.nextOf("ok", "error");
  if (answer?.type === "error") {
    throw new WherryError(
      "conflict",
      `Cannot kill container "${wanted}": ${errnoText(answer.errno)}`,
    );
  }
  if (signal !== SIGKILL) return;
  await monitor.nextOf("exited");
  await settleIfNeeded(engine, config);
}

/** In docker's words, which scripts look for. */
function notRunning(wanted: string, id: string): WherryError {
  return new WherryError(
    "conflict",
    `Cannot kill container: ${wanted}: Container ${id} is not running`,
    { hint: 'See all containers with "wherry ps -a"' },
  );
}

/**
 * Waits until a container has ended.
 *
 * @returns Its exit status; at once if it does not run.
 */
export async function waitForContainer(engine: Engine, wanted: string): Promise<number> {
  const { paths, state } = findContainer(engine, wanted);
  if (!state.isRunning) {
    await awaitUnmounted(paths);
    return state.exitCode;
  }
  using monitor = MonitorConnection.connectIfRunning(paths.runDirectory);
  monitor?.wait();
  const event = await monitor?.nextOf("exited");
  return event?.exitCode ?? readState(paths).exitCode;
}
