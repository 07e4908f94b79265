/** Cgroups, mostly of the unified hierarchy. @see cgroups(7), Linux' Documentation/admin-guide/cgroup-v2.rst @module */

import { WherryError } from "../errors.ts";

/** A process that a kill does not end within this time, in milliseconds, hangs in the kernel. */
const KILL_TIMEOUT_MS = 10_000;

const POLL_INTERVAL_MS = 2;

const EBUSY = "os error 16";
const ENODEV = "os error 19";

/**
 * Kills every process in a cgroup and in those below it, and removes them all; a missing one is fine.
 *
 * @param path Absolute.
 * @throws {WherryError} `unavailable` if a process does not end.
 */
export function removeCgroup(path: string): void {
  const deadline = Date.now() + KILL_TIMEOUT_MS;
  while (!tryRemove(path)) {
    killAll(path);
    if (Date.now() > deadline) {
      throw new WherryError(
        "unavailable",
        `Cannot remove the cgroup "${path}": processes in it do not end when they are killed`,
      );
    }
    // Blocks, because whoever waits has nothing else to do and timers take long to load
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_INTERVAL_MS);
  }
}

/**
 * Removes a cgroup that has neither processes nor cgroups below it.
 *
 * @param path Absolute.
 * @returns Whether it was there and is gone.
 */
export function removeEmptyCgroup(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch (error) {
    if (isGone(error) || (error instanceof Error && error.message.includes(EBUSY))) return false;
    throw error;
  }
}

/** Whether a process is in a cgroup or below it; false if there is none. */
export function isPopulated(path: string): boolean {
  try {
    return Deno.readTextFileSync(`${path}/cgroup.events`).includes("populated 1");
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** Removes a cgroup with those below it. @returns Whether it is gone. */
function tryRemove(path: string): boolean {
  for (const name of listChildren(path)) {
    if (!tryRemove(`${path}/${name}`)) return false;
  }
  try {
    Deno.removeSync(path);
  } catch (error) {
    // EBUSY: it has processes, or a new child
    if (error instanceof Error && error.message.includes(EBUSY)) return false;
    if (!isGone(error)) throw error;
  }
  return true;
}

function listChildren(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].filter((entry) => entry.isDirectory).map(({ name }) => name);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function killAll(path: string): void {
  try {
    Deno.writeTextFileSync(`${path}/cgroup.kill`, "1", { create: false });
  } catch (error) {
    if (!isGone(error)) throw error;
    // Neither before Linux 5.14 nor in version 1 there is such a file
    killEach(path);
    thaw(path);
  }
}

/** In version 1 what is frozen does not end before it goes on. */
function thaw(path: string): void {
  try {
    Deno.writeTextFileSync(`${path}/freezer.state`, "THAWED", { create: false });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function killEach(path: string): void {
  for (const name of listChildren(path)) killEach(`${path}/${name}`);
  for (const pid of readProcesses(path)) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Pids of the processes in a cgroup and in those below it; none if it is missing. */
export function listCgroupProcesses(path: string): number[] {
  return [
    ...readProcesses(path),
    ...listChildren(path).flatMap((name) => listCgroupProcesses(`${path}/${name}`)),
  ];
}

const ESRCH = "os error 3)";

/** Who makes processes faster than they are moved is given up on. */
const MAX_ROUNDS = 1000;

/**
 * Moves processes into a cgroup of another hierarchy. Those that they make meanwhile are moved too.
 *
 * @param listPids All that are to be there.
 * @param path Absolute; it must exist.
 * @throws {WherryError} `unavailable` if there are ever new ones.
 */
export function moveProcesses(listPids: () => number[], path: string): void {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const moved = new Set(listCgroupProcesses(path));
    const left = listPids().filter((pid) => !moved.has(pid));
    if (left.length === 0) return;
    for (const pid of left) moveProcess(pid, path);
  }
  throw new WherryError(
    "unavailable",
    `Cannot move all processes into the cgroup "${path}": there are ever new ones`,
  );
}

function moveProcess(pid: number, path: string): void {
  try {
    Deno.writeTextFileSync(`${path}/cgroup.procs`, String(pid), { create: false });
  } catch (error) {
    // It has ended meanwhile
    if (!(error instanceof Error && error.message.includes(ESRCH))) throw error;
  }
}

/** A process outside this pid namespace is 0 there, which would mean ourselves. */
function readProcesses(path: string): number[] {
  try {
    return Deno.readTextFileSync(`${path}/cgroup.procs`).split("\n").map(Number)
      .filter((pid) => pid > 0);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** A cgroup that is removed meanwhile has no files, and those that are open answer ENODEV. */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    (error instanceof Error && error.message.includes(ENODEV));
}
