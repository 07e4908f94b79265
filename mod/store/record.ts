/** JSON records that are replaced as a whole. @module */

import { WherryError } from "../errors.ts";
import { isPresent, listNames } from "../kernel/entry.ts";
import { ownPid } from "../kernel/process.ts";

/** How safe a record must be. */
export interface WriteRecordOptions {
  /**
   * Whether the record must survive a power loss. A volatile one is still
   * replaced atomically, so that no reader ever sees half of it.
   */
  isDurable: boolean;
}

let sequence = 0;

/**
 * Replaces the file at `path` by `value` as JSON: a temporary file beside it,
 * fsync, rename, fsync of the directory. Readers see the old or the new record, never a mixture.
 *
 * @param path The directory must exist.
 * @throws {Deno.errors.NotFound} If the directory is missing.
 */
export function writeRecord(path: string, value: unknown, options: WriteRecordOptions): void {
  replaceText(path, JSON.stringify(value) + "\n", options);
}

/** Replaces the file at `path` by `text`, as {@linkcode writeRecord} does. */
export function replaceText(path: string, text: string, options: WriteRecordOptions): void {
  replaceFile(path, new TextEncoder().encode(text), options);
}

/** Replaces the file at `path` by `bytes`, as {@linkcode writeRecord} does. */
export function replaceFile(
  path: string,
  bytes: Uint8Array<ArrayBuffer>,
  { isDurable }: WriteRecordOptions,
): void {
  const temporary = `${path}.${ownPid()}.${sequence++}.tmp`;
  try {
    using file = Deno.openSync(temporary, { write: true, createNew: true, mode: 0o600 });
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    if (isDurable) file.syncSync();
    Deno.renameSync(temporary, path);
  } catch (error) {
    removeIfPresent(temporary);
    throw error;
  }
  if (isDurable) syncDirectory(path.slice(0, path.lastIndexOf("/")));
}

/**
 * Reads the record at `path`.
 *
 * @param parse Turns untrusted JSON into the record; may throw.
 * @returns `undefined` if there is no such file, or only the empty one that a power loss can leave behind.
 * @throws {WherryError} `corrupt` if the content is not JSON or `parse` refuses it.
 */
export function readRecord<T>(path: string, parse: (json: unknown) => T): T | undefined {
  const text = readTextIfPresent(path);
  if (text === "" || text === undefined) return undefined;
  try {
    return parse(JSON.parse(text));
  } catch (cause) {
    throw damaged(path, cause);
  }
}

function damaged(path: string, cause?: unknown): WherryError {
  return new WherryError("corrupt", `Cannot read the record "${path}": it is damaged`, { cause });
}

/** Much more than the longest command line makes of a record. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/**
 * Reads a file of the engine's own: never a link's target, which may be anywhere, nor a FIFO, whose reader waits for
 * ever.
 *
 * @throws {WherryError} `corrupt` if something else is in its place.
 * @throws {Deno.errors.NotADirectory} If something else is in the place of its directory.
 */
export function readTextIfPresent(path: string): string | undefined {
  try {
    const { isFile, size } = Deno.lstatSync(path);
    if (isFile && size <= MAX_RECORD_BYTES) return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  throw damaged(path);
}

/** Makes what was created, renamed or removed in `directory` survive a power loss. */
export function syncDirectory(directory: string): void {
  using handle = Deno.openSync(directory);
  handle.syncSync();
}

const ABANDONED = /\.(\d+)\.\d+\.tmp$/;

/**
 * Removes what processes left in a directory that were killed while they replaced a file of it.
 *
 * @param directory May be missing.
 */
export function removeAbandonedFiles(directory: string): void {
  for (const name of listNames(directory)) {
    const [, pid] = ABANDONED.exec(name) ?? [];
    if (pid !== undefined && !isPresent(`/proc/${pid}`)) removeIfPresent(`${directory}/${name}`);
  }
}

/** Removes a file; a missing one is fine. */
export function removeIfPresent(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
