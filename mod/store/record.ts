/** JSON records that are replaced as a whole. @module */

import { WherryError } from "../errors.ts";

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
export function writeRecord(path: string, value: unknown, { isDurable }: WriteRecordOptions): void {
  const temporary = `${path}.${Deno.pid}.${sequence++}.tmp`;
  try {
    using file = Deno.openSync(temporary, { write: true, createNew: true, mode: 0o600 });
    const bytes = new TextEncoder().encode(JSON.stringify(value) + "\n");
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
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (text === "") return undefined;
  try {
    return parse(JSON.parse(text));
  } catch (cause) {
    throw new WherryError("corrupt", `Cannot read the record "${path}": it is damaged`, { cause });
  }
}

/** Makes what was created, renamed or removed in `directory` survive a power loss. */
export function syncDirectory(directory: string): void {
  using handle = Deno.openSync(directory);
  handle.syncSync();
}

/** Removes a file; a missing one is fine. */
export function removeIfPresent(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
