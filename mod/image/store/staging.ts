/**
 * Unfinished work of the image store, kept apart until it is complete.
 *
 * ```
 * open        staging/<id>/ is made and staging/<id>/lock is locked
 * work        blobs and layers are written below it
 * commit      under the store's lock: what is complete is renamed to its place
 * dispose     what is left is removed
 * ```
 *
 * A killed process leaves its directory, but not its lock. That is how
 * {@linkcode removeAbandonedStaging} tells garbage from work in progress.
 *
 * @module
 */

import type { Descriptor as FileDescriptor } from "../../../ffi/descriptor.ts";
import { SystemError } from "../../../ffi/errno.ts";
import { WherryError } from "../../errors.ts";
import { listNames } from "../../kernel/entry.ts";
import { removeTree } from "../../kernel/tree.ts";
import { tryAcquireLock } from "../../store/lock.ts";
import { removeIfPresent } from "../../store/record.ts";
import type { ImagePaths } from "./image_paths.ts";

/** A private directory on the same file system as the store; it is removed when disposed of. */
export class Staging implements Disposable {
  readonly #directory: string;
  readonly #lock: FileDescriptor;
  #sequence = 0;

  private constructor(directory: string, lock: FileDescriptor) {
    this.#directory = directory;
    this.#lock = lock;
  }

  /**
   * Makes a directory, and the store's own ones if they are missing.
   *
   * @throws {WherryError} `unavailable` if the root cannot be written to.
   */
  static open(paths: ImagePaths): Staging {
    makeStore(paths);
    for (;;) {
      const directory = `${paths.staging}/${crypto.randomUUID()}`;
      const lock = makeLocked(directory);
      if (lock === undefined) continue;
      Deno.mkdirSync(workOf(directory), { mode: 0o700 });
      return new Staging(directory, lock);
    }
  }

  /** A path that nothing has yet. */
  newPath(): string {
    return `${workOf(this.#directory)}/${this.#sequence++}`;
  }

  /** Makes an empty directory with the mode of a usual root directory. */
  newDirectory(): string {
    const path = this.newPath();
    Deno.mkdirSync(path);
    Deno.chmodSync(path, 0o755);
    return path;
  }

  /** Removes what is left, and then lets go of the lock. */
  [Symbol.dispose](): void {
    removeStaging(this.#directory);
    this.#lock[Symbol.dispose]();
  }
}

/**
 * Makes the directories of the store.
 *
 * @throws {WherryError} `unavailable` if the root cannot be written to.
 */
function makeStore(paths: ImagePaths): void {
  try {
    for (const directory of [paths.blobs, paths.layers, paths.staging]) {
      // Layers hold setuid programs: nobody but root may come near them outside of a container
      Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
    }
  } catch (cause) {
    const state = cause instanceof Error ? cause.message : String(cause);
    throw new WherryError("unavailable", `Cannot use root "${paths.root}": ${state}`, {
      cause,
      hint: "Run as root, or give a writable directory with --root",
    });
  }
}

function workOf(directory: string): string {
  return `${directory}/work`;
}

function lockOf(directory: string): string {
  return `${directory}/lock`;
}

/** @returns `undefined` if a clean-up took the directory for abandoned before it was locked. */
function makeLocked(directory: string): FileDescriptor | undefined {
  Deno.mkdirSync(directory, { mode: 0o700 });
  try {
    return tryAcquireLock(lockOf(directory), { create: true });
  } catch (error) {
    if (error instanceof SystemError && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Removes the lock file last, so that a crash in between leaves something that is recognised. */
function removeStaging(directory: string): void {
  removeTree(workOf(directory));
  removeIfPresent(lockOf(directory));
  removeIfPresent(directory);
}

/**
 * Removes what killed processes left behind; work in progress is not touched.
 *
 * @returns How many directories were removed.
 */
export function removeAbandonedStaging(paths: ImagePaths): number {
  const ids = listNames(paths.staging);
  return ids.filter((id) => removeIfAbandoned(`${paths.staging}/${id}`)).length;
}

function removeIfAbandoned(directory: string): boolean {
  const lock = tryAcquireLock(lockOf(directory), { create: false });
  if (lock === undefined) return removeIfEmpty(directory);
  using _held = lock;
  removeStaging(directory);
  return true;
}

/** For a directory whose maker was killed before it made the lock file. */
function removeIfEmpty(directory: string): boolean {
  try {
    Deno.removeSync(directory);
    return true;
  } catch (error) {
    // Not empty: its lock is held; or gone: its owner has just finished
    if (error instanceof Deno.errors.NotFound || isNotEmpty(error)) return false;
    throw error;
  }
}

function isNotEmpty(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOTEMPTY";
}
