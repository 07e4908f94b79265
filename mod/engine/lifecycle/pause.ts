/** Stopping all processes of a container at once, and letting them go on. @module */

import { errnoText } from "../../../ffi/errno.ts";
import { MonitorConnection } from "../../container/launch/monitor.ts";
import { WherryError } from "../../errors.ts";
import type { Engine } from "../base/engine.ts";
import { recordContainerEvent } from "../base/events.ts";
import { type Container, findContainer } from "../record/find.ts";

const EBUSY = 16;
const EINVAL = 22;
const EOPNOTSUPP = 95;

/**
 * Stops all processes of a container; they notice nothing of it.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @returns Once none of them runs.
 * @throws {WherryError} `conflict` if it does not run or is paused already, `unsupported` without cgroups.
 */
export async function pauseContainer(engine: Engine, wanted: string): Promise<void> {
  const { config, paths } = findPausable(engine, wanted);
  await request(paths.runDirectory, {
    ask: (monitor) => monitor.pause(),
    explain: (errno) => whyNotPaused(wanted, errno),
  });
  recordContainerEvent(engine, { config, action: "pause" });
}

/**
 * Stops all processes of a container for a while, as {@linkcode pauseContainer} does. They go on when the result is
 * disposed of, and also when this process is killed; or when others who hold it let go, too.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @returns `undefined` if it is paused already until somebody unpauses it.
 * @throws {WherryError} As {@linkcode pauseContainer}.
 */
export async function holdContainer(
  engine: Engine,
  wanted: string,
): Promise<AsyncDisposable | undefined> {
  const { config, paths } = findPausable(engine, wanted);
  using undo = new DisposableStack();
  const monitor = undo.use(MonitorConnection.connect(paths.runDirectory));
  monitor.hold();
  const held = await monitor.nextOf("ok", "error");
  if (held?.type === "error" && held.errno === EBUSY) return undefined;
  if (held?.type !== "ok") throw whyNotPaused(wanted, held?.errno ?? ESRCH);
  recordContainerEvent(engine, { config, action: "pause" });
  const stack = undo.move();
  return {
    [Symbol.asyncDispose]: async () => {
      using _connection = stack;
      monitor.release();
      const answer = await monitor.nextOf("ok", "error");
      // Without it somebody else has let it go on, or ended it
      if (answer?.type === "ok") recordContainerEvent(engine, { config, action: "unpause" });
    },
  };
}

function findPausable(engine: Engine, wanted: string): Container {
  const container = findContainer(engine, wanted);
  if (!container.state.isRunning) throw notRunning(wanted);
  if (container.state.status === "restarting") {
    throw conflict(`Container ${wanted} is restarting, wait until the container is running`);
  }
  return container;
}

function whyNotPaused(wanted: string, errno: number): WherryError {
  return errno === EBUSY
    ? conflict(`Container ${wanted} is already paused`)
    : failure(`pause container "${wanted}"`, errno);
}

/**
 * Lets all processes of a paused container go on.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `conflict` if it is not paused.
 */
export async function unpauseContainer(engine: Engine, wanted: string): Promise<void> {
  const { config, paths, state } = findContainer(engine, wanted);
  if (state.status !== "paused") throw notPaused(wanted);
  await request(paths.runDirectory, {
    ask: (monitor) => monitor.unpause(),
    explain: (errno) =>
      errno === EINVAL ? notPaused(wanted) : failure(`unpause container "${wanted}"`, errno),
  });
  recordContainerEvent(engine, { config, action: "unpause" });
}

/** Something to ask of a monitor. */
interface MonitorRequest {
  ask(monitor: MonitorConnection): void;
  /** What a refusal means. */
  explain(errno: number): WherryError;
}

async function request(runDirectory: string, { ask, explain }: MonitorRequest): Promise<void> {
  using monitor = MonitorConnection.connect(runDirectory);
  ask(monitor);
  await expectOk(monitor, explain);
}

async function expectOk(
  monitor: MonitorConnection,
  explain: MonitorRequest["explain"],
): Promise<void> {
  const answer = await monitor.nextOf("ok", "error");
  if (answer?.type === "ok") return;
  // Without an answer the container has ended: there is no such process
  throw explain(answer?.errno ?? ESRCH);
}

const ESRCH = 3;

function conflict(message: string): WherryError {
  return new WherryError("conflict", message);
}

function notRunning(wanted: string): WherryError {
  return conflict(`Container ${wanted} is not running`);
}

function notPaused(wanted: string): WherryError {
  return conflict(`Container ${wanted} is not paused`);
}

function failure(action: string, errno: number): WherryError {
  if (errno === EOPNOTSUPP) {
    return new WherryError("unsupported", `Cannot ${action}: it has no cgroup`, {
      hint:
        "This host needs a writable cgroup2 file system, or the freezer of cgroup v1, when the container starts",
    });
  }
  return conflict(`Cannot ${action}: ${errnoText(errno)}`);
}
