/** What a container is doing, as its monitor recorded it. @module */

import { WherryError } from "../../errors.ts";
import { isPresent } from "../../kernel/entry.ts";
import { isLocked } from "../../store/lock.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { readRecord, writeRecord } from "../../store/record.ts";

/** What a container can be doing: docker's words. */
export type ContainerStatus = "created" | "running" | "paused" | "restarting" | "exited";

/** What health checks say; `"none"` if there are none. */
export type HealthStatus = "none" | "starting" | "healthy" | "unhealthy";

/** What a container is doing. */
export interface ContainerState {
  /** In docker's words. */
  status: ContainerStatus;
  /** Whether its monitor lives: it is running, paused, or about to be started again. */
  isRunning: boolean;
  /** Init's pid in the host's pid namespace; 0 unless running or paused. */
  pid: number;
  /** The monitor's pid; 0 if there is none. */
  monitorPid: number;
  /** RFC 3339 with nanoseconds, or `"0001-01-01T00:00:00Z"` for never, as docker writes it. */
  startedAt: string;
  /** The same, for the last end. */
  finishedAt: string;
  /**
   * Exit status of the last run, or 128 + signal; that of a start which failed, as `run` ends with it; 0 while running
   * or never run.
   */
  exitCode: number;
  /** Why it could not be started the last time somebody tried; empty if it could. */
  error: string;
  /** How often the restart policy has started it again since somebody did. */
  restartCount: number;
  /** Whether somebody asked it to end, so that `unless-stopped` lets it be. */
  isStopped: boolean;
  /** Whether its monitor ended without recording the end: something of it may still run. */
  wasKilled: boolean;
  /** Whether the kernel has ended a process of the last run for want of memory. */
  isOomKilled: boolean;
  /** What health checks say. */
  health: HealthStatus;
  /** Health checks that have failed in a row. */
  failingStreak: number;
}

/** How docker writes "never". */
export const NEVER = "0001-01-01T00:00:00Z";

/**
 * Exit code of a container whose monitor could not record the end: it was killed with SIGKILL, or the
 * machine went down. Its processes were killed with SIGKILL.
 */
const KILLED_EXIT_CODE = 137;

/** The record on disk: the monitor's, or of a start that failed; times are decimal nanoseconds since the epoch. */
interface StateRecord {
  /** `created` only if it never ran and could not be started. */
  status: ContainerStatus;
  pid: number;
  monitorPid: number;
  startedAt: string;
  finishedAt: string;
  exitCode: number;
  restartCount?: number;
  isStopped?: boolean;
  isOomKilled?: boolean;
  health?: HealthStatus;
  failingStreak?: number;
  /** Not in the monitor's: what it starts has started. */
  error?: string;
}

const STATUSES: readonly unknown[] = ["created", "running", "paused", "restarting", "exited"];

/** Statuses of a container that has no monitor. */
const AT_REST: readonly ContainerStatus[] = ["created", "exited"];

const HEALTH_STATUSES: readonly unknown[] = ["none", "starting", "healthy", "unhealthy"];

/** Of a container that was made and never started. */
export const NEVER_RUN: Readonly<ContainerState> = {
  status: "created",
  isRunning: false,
  pid: 0,
  monitorPid: 0,
  startedAt: NEVER,
  finishedAt: NEVER,
  exitCode: 0,
  error: "",
  restartCount: 0,
  isStopped: false,
  wasKilled: false,
  isOomKilled: false,
  health: "none",
  failingStreak: 0,
};

/**
 * What a container is doing now.
 *
 * A state in which it would have a monitor is believed only while the monitor holds the container's lock; without it
 * the record tells of a monitor that was killed.
 *
 * @param isLockHeld Whether the caller holds the lock, so that no monitor can. @default {false}
 */
export function readState(
  paths: ContainerPaths,
  { isLockHeld = false }: { isLockHeld?: boolean } = {},
): ContainerState {
  const isAlive = !isLockHeld && isLocked(paths.lock);
  const record = readRecord(paths.state, parseStateRecord);
  if (record === undefined) return { ...NEVER_RUN };
  const isAtRest = AT_REST.includes(record.status);
  const isRunning = !isAtRest && isAlive;
  const wasKilled = !isAtRest && !isAlive;
  return {
    status: wasKilled ? "exited" : record.status,
    isRunning,
    pid: isRunning ? record.pid : 0,
    monitorPid: isRunning ? record.monitorPid : 0,
    startedAt: formatNanoseconds(record.startedAt),
    finishedAt: formatNanoseconds(wasKilled ? lastKnownTime(paths, record) : record.finishedAt),
    exitCode: wasKilled ? KILLED_EXIT_CODE : record.exitCode,
    error: record.error ?? "",
    restartCount: record.restartCount ?? 0,
    isStopped: record.isStopped ?? false,
    wasKilled,
    isOomKilled: record.isOomKilled ?? false,
    health: record.health ?? "none",
    failingStreak: record.failingStreak ?? 0,
  };
}

/**
 * Whether the monitor has recorded the container's end and is still unmounting what was the container's, which takes
 * as long as the disk does. It holds the lock until it is done.
 */
export function isUnmounting(paths: ContainerPaths): boolean {
  if (!isLocked(paths.lock)) return false;
  const record = readRecord(paths.state, parseStateRecord);
  // Another command that has the lock leaves the record of a monitor that is gone
  return record?.status === "exited" && isPresent(`/proc/${record.monitorPid}`);
}

/**
 * Records in a killed monitor's place what it could not: that its container has ended with it.
 *
 * The caller holds the container's lock. Nothing is written if there is nothing to record.
 */
export function recordEnd(paths: ContainerPaths): void {
  const record = readRecord(paths.state, parseStateRecord);
  if (record === undefined || AT_REST.includes(record.status)) return;
  const end = {
    status: "exited",
    pid: 0,
    exitCode: KILLED_EXIT_CODE,
    finishedAt: lastKnownTime(paths, record),
  };
  writeRecord(paths.state, { ...record, ...end }, { isDurable: true });
}

/** Of a container that never ran. */
const FIRST_RECORD: Readonly<StateRecord> = {
  status: "created",
  pid: 0,
  monitorPid: 0,
  startedAt: "0",
  finishedAt: "0",
  exitCode: 0,
};

/** Why a container could not be started. */
export interface StartFailure {
  /** What `run` ends with because of it. */
  exitCode: number;
  /** In words. */
  error: string;
}

/**
 * Records that a container could not be started; what is known of its last run stays but for the exit code, as docker
 * has it.
 *
 * The caller holds the container's lock.
 */
export function recordFailedStart(
  paths: ContainerPaths,
  { exitCode, error }: StartFailure,
): void {
  // The monitor may have been killed just when the command ran
  recordEnd(paths);
  const record = readRecord(paths.state, parseStateRecord) ?? FIRST_RECORD;
  writeRecord(paths.state, { ...record, exitCode, error }, { isDurable: true });
}

/** When the record was written, which is the last that is known; in decimal nanoseconds. */
function lastKnownTime({ state }: ContainerPaths, { startedAt }: StateRecord): string {
  const writtenAt = `${Deno.statSync(state).mtime?.getTime() ?? 0}000000`;
  // The clock of files is a few milliseconds behind
  return BigInt(writtenAt) > BigInt(startedAt) ? writtenAt : startedAt;
}

function parseStateRecord(json: unknown): StateRecord {
  const record = json as Partial<StateRecord> | null;
  const isValid = typeof record === "object" && record !== null &&
    STATUSES.includes(record.status) &&
    [record.pid, record.monitorPid, record.exitCode].every(Number.isSafeInteger) &&
    [record.restartCount ?? 0, record.failingStreak ?? 0].every(Number.isSafeInteger) &&
    [record.isStopped ?? false, record.isOomKilled ?? false].every((value) =>
      typeof value === "boolean"
    ) &&
    typeof (record.error ?? "") === "string" &&
    HEALTH_STATUSES.includes(record.health ?? "none") &&
    [record.startedAt, record.finishedAt].every(isTime);
  if (!isValid) {
    throw new WherryError(
      "corrupt",
      "Cannot read the container's state: fields are missing or damaged",
    );
  }
  return record as StateRecord;
}

/** Nanoseconds that a date can be made of. */
function isTime(value: unknown): boolean {
  return typeof value === "string" && /^\d{1,19}$/.test(value);
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
