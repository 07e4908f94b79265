/** The words of `--detach-keys`. @module */

import { WherryError } from "../../errors.ts";

/** `ctrl-p ctrl-q`. */
export const DEFAULT_DETACH_KEYS: readonly number[] = [0x10, 0x11];

/** The monitor keeps no longer sequence (`KEYS_SIZE` of `native/monitor.h`). */
const MAX_KEYS = 16;

/** Characters that make a control code with ctrl: the code is the place in this text. */
const CONTROL_CHARACTERS = "@abcdefghijklmnopqrstuvwxyz[\\]^_";

const DELETE = 0x7f;

/**
 * Reads a sequence of keys: characters and `ctrl-` with a letter or one of `@[\]^_`, with commas between.
 *
 * @param text Empty or undefined for {@linkcode DEFAULT_DETACH_KEYS}.
 * @returns The bytes that a terminal sends for them.
 * @throws {WherryError} `invalid_argument` that names the key in question.
 * @see {@link https://github.com/moby/term/blob/v0.5.2/ascii.go}
 */
export function parseDetachKeys(text: string | undefined): readonly number[] {
  if (text === undefined || text === "") return DEFAULT_DETACH_KEYS;
  const keys = text.split(",").map((key) => parseKey(key, text));
  if (keys.length > MAX_KEYS) {
    throw invalidKeys(text, `they are ${keys.length} keys, and ${MAX_KEYS} are the most`);
  }
  return keys;
}

function parseKey(key: string, text: string): number {
  if (key.length === 1 && key <= "\x7f") return key.charCodeAt(0);
  if (key === "DEL") return DELETE;
  const [, character] = /^ctrl-(.)$/.exec(key) ?? [];
  const code = character === undefined ? -1 : CONTROL_CHARACTERS.indexOf(character);
  if (code >= 0) return code;
  throw invalidKeys(text, `there is no key "${key}"`);
}

function invalidKeys(text: string, reason: string): WherryError {
  return new WherryError("invalid_argument", `Cannot use the detach keys "${text}": ${reason}`, {
    hint: "Write characters, or ctrl- with one of a-z @ [ \\ ] ^ _, with commas between them",
  });
}
