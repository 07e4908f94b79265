/** Ids of containers, and finding one by a part of it. @module */

import { WherryError } from "../errors.ts";

const ID_BYTES = 32;
/** Length of the id that people see. */
const SHORT_ID_LENGTH = 12;

/** A new random id: 64 lower-case hexadecimal digits, never all decimal ones in the short form. */
export function newId(): string {
  // Not from `crypto`, which takes half a millisecond to load
  using random = Deno.openSync("/dev/urandom");
  const bytes = new Uint8Array(ID_BYTES);
  for (;;) {
    for (let at = 0; at < ID_BYTES;) at += random.readSync(bytes.subarray(at)) ?? 0;
    const id = bytes.toHex();
    // A short id of digits only would be taken for a number, as a host name for one (moby does the same)
    if (/[a-f]/.test(id.slice(0, SHORT_ID_LENGTH))) return id;
  }
}

/** The first twelve digits, as tables show an id. */
export function shortId(id: string): string {
  return id.slice(0, SHORT_ID_LENGTH);
}

/**
 * The one id that starts with `prefix`.
 *
 * @param ids All ids there are.
 * @param prefix At least one digit.
 * @returns `undefined` if none does.
 * @throws {WherryError} `invalid_argument` if several do.
 */
export function findByPrefix(ids: Iterable<string>, prefix: string): string | undefined {
  let found: string | undefined;
  for (const id of ids) {
    if (!id.startsWith(prefix)) continue;
    if (found !== undefined) {
      throw new WherryError(
        "invalid_argument",
        `Cannot find container "${prefix}": Multiple IDs found with provided prefix`,
        { hint: "Give more digits of the id" },
      );
    }
    found = id;
  }
  return found;
}

/** Whether `name` is a whole id: nothing else names a container's directory. */
export function isId(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}
