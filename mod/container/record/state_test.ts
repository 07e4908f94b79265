import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Descriptor } from "../../../ffi/descriptor.ts";
import { acquireLock } from "../../store/lock.ts";
import { type ContainerPaths, Paths } from "../../store/paths.ts";
import { isUnmounting, NEVER, readState, recordEnd, recordFailedStart } from "./state.ts";

const RUNNING = {
  status: "running",
  pid: 2,
  monitorPid: 1,
  startedAt: "1795230000000000001",
  finishedAt: "0",
  exitCode: 0,
  restartCount: 3,
  isStopped: true,
};

/** Runs `body` with the files of one container, whose monitor is gone. */
function testState(name: string, body: (paths: ContainerPaths) => void): void {
  Deno.test(name, () => {
    const directory = Deno.makeTempDirSync();
    const paths = new Paths(directory, `${directory}/run`).container("1".repeat(64));
    Deno.mkdirSync(paths.directory, { recursive: true });
    try {
      body(paths);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  });
}

/** Holds the container's lock, as its monitor or another command does. */
function hold({ lock, runDirectory }: ContainerPaths): Descriptor {
  Deno.mkdirSync(runDirectory, { recursive: true });
  return acquireLock(lock);
}

function write({ state }: ContainerPaths, record: object): void {
  Deno.writeTextFileSync(state, JSON.stringify(record));
}

testState("readState() takes a run without an end for killed", (paths) => {
  write(paths, RUNNING);

  const { status, isRunning, wasKilled, exitCode } = readState(paths);

  deepStrictEqual([status, isRunning, wasKilled, exitCode], ["exited", false, true, 137]);
});

testState("readState() never lets an end come before its start", (paths) => {
  write(paths, RUNNING);
  Deno.utimeSync(paths.state, 0, 0);

  const { startedAt, finishedAt } = readState(paths);

  strictEqual(finishedAt, startedAt);
});

testState("recordEnd() writes down the end of a run that has none, and keeps the rest", (paths) => {
  write(paths, RUNNING);

  recordEnd(paths);

  const { wasKilled, exitCode, restartCount, isStopped } = readState(paths);
  deepStrictEqual([wasKilled, exitCode, restartCount, isStopped], [false, 137, 3, true]);
});

testState("recordEnd() leaves an end that is recorded", (paths) => {
  write(paths, { ...RUNNING, status: "exited", exitCode: 4 });

  recordEnd(paths);

  strictEqual(readState(paths).exitCode, 4);
});

const ENDED = { ...RUNNING, status: "exited", pid: 0, monitorPid: Deno.pid };
/** No process has this number: the kernel allows none above 4194304. */
const NO_PROCESS = 5_000_000;

testState(
  "isUnmounting() is true while a monitor that has recorded the end holds the lock",
  (paths) => {
    using _lock = hold(paths);
    write(paths, ENDED);

    strictEqual(isUnmounting(paths), true);
  },
);

testState("isUnmounting() is false once the lock is free", (paths) => {
  hold(paths)[Symbol.dispose]();
  write(paths, ENDED);

  strictEqual(isUnmounting(paths), false);
});

testState("isUnmounting() is false while the container runs", (paths) => {
  using _lock = hold(paths);
  write(paths, { ...ENDED, status: "running" });

  strictEqual(isUnmounting(paths), false);
});

testState("isUnmounting() is false when another command has the lock", (paths) => {
  using _lock = hold(paths);
  write(paths, { ...ENDED, monitorPid: NO_PROCESS });

  strictEqual(isUnmounting(paths), false);
});

testState("recordFailedStart() leaves a container created that never ran", (paths) => {
  recordFailedStart(paths, { exitCode: 127, error: "not found" });

  const { status, exitCode, error, startedAt, isRunning, wasKilled } = readState(paths);
  deepStrictEqual([status, exitCode, error, startedAt], ["created", 127, "not found", NEVER]);
  deepStrictEqual([isRunning, wasKilled], [false, false]);
});

testState("recordFailedStart() keeps what is known of the last run", (paths) => {
  write(paths, { ...RUNNING, status: "exited", finishedAt: "1795230001000000000", exitCode: 4 });
  const { finishedAt } = readState(paths);

  recordFailedStart(paths, { exitCode: 126, error: "denied" });

  const state = readState(paths);
  deepStrictEqual([state.status, state.exitCode, state.error], ["exited", 126, "denied"]);
  strictEqual(state.finishedAt, finishedAt);
});

testState("recordFailedStart() ends a run whose monitor was killed", (paths) => {
  write(paths, RUNNING);

  recordFailedStart(paths, { exitCode: 128, error: "gone" });

  const { status, exitCode, wasKilled } = readState(paths);
  deepStrictEqual([status, exitCode, wasKilled], ["exited", 128, false]);
});
