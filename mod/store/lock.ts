/**
 * Locks that last exactly as long as somebody holds their descriptor.
 *
 * They are open-file-description locks: a lock taken here and inherited by
 * another process stays locked without a gap until that process ends, however
 * it ends, and whether a lock is held can be asked without taking it.
 *
 * @module
 */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { SystemError } from "../../ffi/errno.ts";
import {
  isLockedByOthers,
  lockDescription,
  type LockMode,
  openForReading,
  openOrCreate,
  openReadWrite,
} from "../kernel/open.ts";

/**
 * Takes the lock file at `path`, waiting for whoever holds it.
 *
 * @param path Its directory must exist; the file is made if missing and never removed.
 * @returns The lock; disposing of it lets go.
 */
export function acquireLock(path: string, mode: LockMode = "exclusive"): Descriptor {
  const lock = openOrCreate(path);
  lockDescription(lock, mode, { wait: true });
  return lock;
}

/**
 * Takes the lock file at `path` if nobody holds it.
 *
 * A lock file that is removed while this waits for its turn does not count: then there is nothing to lock any more.
 *
 * @param create Whether to make the file if it is missing.
 * @returns `undefined` if it is held, or missing and not to be made.
 */
export function tryAcquireLock(
  path: string,
  { create }: { create: boolean },
): Descriptor | undefined {
  const lock = create ? openOrCreate(path) : openIfPresent(path, openReadWrite);
  if (lock === undefined) return undefined;
  if (lockDescription(lock, "exclusive", { wait: false }) && isStillAt(lock, path)) return lock;
  lock[Symbol.dispose]();
  return undefined;
}

/** Whether somebody holds the lock file at `path` exclusively; a missing file is not held. */
export function isLocked(path: string): boolean {
  using lock = openIfPresent(path);
  return lock !== undefined && isLockedByOthers(lock);
}

function openIfPresent(
  path: string,
  open: (path: string) => Descriptor = openForReading,
): Descriptor | undefined {
  try {
    return open(path);
  } catch (error) {
    if (error instanceof SystemError && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function isStillAt(lock: Descriptor, path: string): boolean {
  try {
    return Deno.statSync(path).ino === Deno.statSync(`/proc/self/fd/${lock.number}`).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
