/** Names of networks. @module */

import { WherryError } from "../errors.ts";

/** A record's file has the name and an ending, and while it is replaced a longer one; names of files have 255 bytes. */
const MAX_NAME_LENGTH = 200;

/** Whether a network can be called so; no such name leads to another directory. */
export function isNetworkName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name);
}

/**
 * Checks a name that somebody chose.
 *
 * @throws {WherryError} `invalid_argument`.
 */
export function checkNetworkName(name: string): void {
  if (isNetworkName(name)) return;
  throw new WherryError(
    "invalid_argument",
    name.trim() === ""
      ? "invalid name: name is empty"
      : `Cannot use the network name "${name}": only [a-zA-Z0-9_.-] with a letter or digit first, ` +
        `at most ${MAX_NAME_LENGTH} of them, are allowed`,
    { hint: "Choose another name" },
  );
}
