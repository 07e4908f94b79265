/** What all filters of lists, events and prunes have in common: pure. @module */

import { WherryError } from "../../errors.ts";

const EXIT_MALFORMED_FLAG = 125;

/**
 * Takes a filter apart.
 *
 * @param text `name=value`.
 * @returns The name in lower case, and the value; both without blanks around them.
 * @throws {WherryError} `invalid_argument` if it is not of that form, which is to docker as a malformed flag is.
 */
export function splitFilter(text: string): [name: string, value: string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()];
  throw new WherryError("invalid_argument", `Cannot filter by "${text}": it is not name=value`, {
    exitCode: EXIT_MALFORMED_FLAG,
  });
}

/**
 * Reads the value of a filter by label.
 *
 * @param text `NAME`, for any value, or `NAME=VALUE`.
 * @returns Whether some labels have it.
 */
export function parseLabelFilter(
  text: string,
): (labels: Readonly<Record<string, string>>) => boolean {
  const at = text.indexOf("=");
  const name = at < 0 ? text : text.slice(0, at);
  return (labels) => Object.hasOwn(labels, name) && (at < 0 || labels[name] === text.slice(at + 1));
}
