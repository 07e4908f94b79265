/** Files that belong to the host or to the user, links included. @module */

import { WherryError } from "../../errors.ts";

/**
 * Reads a text, wherever a link leads to.
 *
 * @returns `undefined` if there is no such file.
 * @throws {WherryError} `unavailable` if it cannot be read.
 */
export function readUserFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    const state = cause instanceof Error ? cause.message : String(cause);
    throw new WherryError("unavailable", `Cannot read "${path}": ${state}`, { cause });
  }
}
