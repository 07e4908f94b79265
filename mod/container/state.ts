/** What a container is doing, as its monitor recorded it. @module */

import { WherryError } from "../errors.ts";
import { isLocked } from "../store/lock.ts";
import type { ContainerPaths } from "../store/paths.ts";
import { readRecord } from "../store/record.ts";

/** The runtime-spec's states that wherry knows so far. */
export type ContainerStatus = "created" | "running" | "exited";

/** What a container is doing. */
export interface ContainerState {
  /** The state in the runtime-spec's words. */
  status: ContainerStatus;
  /** Init's pid in the host's pid namespace; 0 unless running. */
  pid: number;
  /** The monitor's pid; 0 unless running. */
  monitorPid: number;
  /** RFC 3339 with nanoseconds, or `"0001-01-01T00:00:00Z"` for never, as docker writes it. */
  startedAt: string;
  /** The same, for the last end. */
  finishedAt: string;
  /** Exit status of the last run, or 128 + signal; 0 while running or never run. */
  exitCode: number;
}

/** How docker writes "never". */
export const NEVER = "0001-01-01T00:00:00Z";

/**
 * Exit code of a container whose monitor could not record the end: it was killed with SIGKILL, or the
 * machine went down. Its processes were killed with SIGKILL.
 */
const KILLED_EXIT_CODE = 137;

/** The monitor's record on disk; times are decimal nanoseconds since the epoch. */
interface StateRecord {
  status: "running" | "exited";
  pid: number;
  monitorPid: number;
  startedAt: string;
  finishedAt: string;
  exitCode: number;
}

/**
 * What a container is doing now.
 *
 * "Running" is believed only while the monitor holds the container's lock; a record that says
 * "running" without it tells of a monitor that was killed.
 */
export function readState(paths: ContainerPaths): ContainerState {
  const isAlive = isLocked(paths.lock);
  const record = readRecord(paths.state, parseStateRecord);
  if (record === undefined) {
    return {
      status: "created",
      pid: 0,
      monitorPid: 0,
      startedAt: NEVER,
      finishedAt: NEVER,
      exitCode: 0,
    };
  }
  const isRunning = record.status === "running" && isAlive;
  const wasKilled = record.status === "running" && !isAlive;
  return {
    status: isRunning ? "running" : "exited",
    pid: isRunning ? record.pid : 0,
    monitorPid: isRunning ? record.monitorPid : 0,
    startedAt: formatNanoseconds(record.startedAt),
    finishedAt: wasKilled
      ? new Date(Deno.statSync(paths.state).mtime ?? 0).toISOString()
      : formatNanoseconds(record.finishedAt),
    exitCode: wasKilled ? KILLED_EXIT_CODE : record.exitCode,
  };
}

function parseStateRecord(json: unknown): StateRecord {
  const record = json as Partial<StateRecord> | null;
  const isValid = typeof record === "object" && record !== null &&
    (record.status === "running" || record.status === "exited") &&
    Number.isSafeInteger(record.pid) && Number.isSafeInteger(record.exitCode) &&
    /^\d+$/.test(record.startedAt ?? "") && /^\d+$/.test(record.finishedAt ?? "");
  if (!isValid) {
    throw new WherryError("corrupt", "Cannot read the container's state: fields are missing");
  }
  return record as StateRecord;
}

/**
 * A point in time as docker writes it.
 *
 * @param nanoseconds Decimal nanoseconds since the epoch; `"0"` is never.
 */
export function formatNanoseconds(nanoseconds: string): string {
  if (nanoseconds === "0") return NEVER;
  const seconds = Number(nanoseconds.slice(0, -9));
  const fraction = nanoseconds.slice(-9).padStart(9, "0").replace(/0+$/, "");
  const date = new Date(seconds * 1000).toISOString().slice(0, 19);
  return fraction === "" ? `${date}Z` : `${date}.${fraction}Z`;
}
