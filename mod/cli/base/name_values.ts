/** Flags that collect `name=value`. @module */

import { flagError } from "./argument_error.ts";

/**
 * Reads `name=value` of each text; of several with one name the last counts.
 *
 * @returns Values by name; a text without `=` has an empty value.
 * @throws {WherryError} `invalid_argument` if a name is empty.
 */
export function parseNameValues(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((text) => {
    const at = text.indexOf("=");
    if (text === "" || at === 0) throw flagError(`Cannot use "${text}": it has no name`);
    return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  }));
}
