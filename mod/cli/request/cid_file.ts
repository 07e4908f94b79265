/** The file of `--cidfile`. @module */

import { WherryError } from "../../errors.ts";

/** A file for the id that is made first, and removed again if no container comes of it. */
export interface CidFile extends Disposable {
  /** Writes the id, and lets the file stay. */
  keep(id: string): void;
}

/**
 * Makes the file, still empty.
 *
 * @param path What was given, if anything.
 * @throws {WherryError} `already_exists` if there is a file already.
 */
export function createCidFile(path: string | undefined): CidFile | undefined {
  if (path === undefined) return undefined;
  let isKept = false;
  try {
    Deno.openSync(path, { write: true, createNew: true, mode: 0o644 }).close();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
    throw new WherryError("already_exists", `Cannot use --cidfile "${path}": it exists already`, {
      cause,
      hint: `Make sure that its container is gone, or remove "${path}"`,
    });
  }
  return {
    keep(id): void {
      Deno.writeTextFileSync(path, id);
      isKept = true;
    },
    [Symbol.dispose](): void {
      if (!isKept) Deno.removeSync(path);
    },
  };
}
