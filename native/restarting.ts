/** What tests of restarts have in common. @module */

import {
  eventually,
  type Monitor,
  plan,
  readEvents,
  readState,
  type TestContext,
} from "./testing.ts";

/** Restarts without end. */
export const ALWAYS = ["restart", "always", "0", "15"];

/** No restart. */
export const NEVER = ["restart", "no", "0", "15"];

const CLONE = ["clone", "0"];

/** A plan that keeps record and events of `restart`'s runs of `steps` in a directory. */
export function watched(directory: string, restart: string[], ...steps: string[][]): string[][] {
  return [
    ["record", `${directory}/state`, "volatile"],
    restart,
    ["events", `${directory}/events`, '"ID"', '"image"', '{"image":"i"', "n", "container"],
    CLONE,
    ...steps,
  ];
}

export function startWatched(
  { start, directory }: TestContext,
  restart: string[],
  ...steps: string[][]
): Monitor {
  return start(plan(...watched(directory, restart, ...steps)));
}

/** Waits until init runs for the `count`th time. */
export async function runs(directory: string, count: number): Promise<void> {
  const isStart = ({ Action }: { Action: string }): boolean => Action === "start";
  await eventually(() => readEvents(`${directory}/events`).filter(isStart).length >= count);
}

/** How many runs of an init that fails at once come before a pause of more than three seconds. */
export const RUNS_BEFORE_LONG_PAUSE = 6;

/** A pause between two runs. */
export interface Pause {
  /** The record at its beginning. */
  state: Record<string, unknown>;
  /** The earliest moment at which the next run begins, in milliseconds since the epoch. */
  endsAt: number;
}

/** Waits for the beginning of a pause between two runs that is so long that whatever happens now happens in it. */
export async function waitsLong({ directory }: TestContext): Promise<Pause> {
  let found: Pause | undefined;
  await eventually(() => {
    const state = readState(`${directory}/state`);
    const count = Number(state.restartCount);
    if (state.status !== "restarting" || count < RUNS_BEFORE_LONG_PAUSE - 1) return false;
    const lengthMs = Math.min(100 * 2 ** count, 60_000);
    found = { state, endsAt: Number(state.finishedAt) / 1e6 + lengthMs };
    return Date.now() < found.endsAt - lengthMs / 2;
  });
  if (found === undefined) throw new Error("Cannot go on: there was no pause");
  return found;
}

/** Milliseconds from each `die` to the next `start`. */
export function delays(directory: string): number[] {
  const events = readEvents(`${directory}/events`);
  return events.flatMap(({ Action, timeNano }, index) => {
    const next = events[index + 1];
    return Action === "die" && next !== undefined ? [(next.timeNano - timeNano) / 1e6] : [];
  });
}

/** The first answer to a request. */
export async function answerTo(monitor: Monitor, request: string): Promise<string> {
  monitor.send(request);
  return await monitor.receive();
}
