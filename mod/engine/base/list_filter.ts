/** What the filters of lists of networks and volumes have in common: pure. @module */

import { dockerError, type WherryError } from "../../errors.ts";
import { splitFilter } from "./filter_text.ts";

/** Makes of a filter's value what it wants of a candidate. */
export type FilterMaker<C> = (value: string) => (candidate: C) => boolean;

/** The only filter of which all values must hold; of the others one is enough. */
const CONJUNCTIVE = "label";

/**
 * Reads the filters of a list, as `name=value`.
 *
 * @param makers Every filter there is, by its name.
 * @returns Whether a candidate is wanted.
 * @throws {WherryError} `invalid_argument` in docker's words for an unknown one or an impossible value.
 */
export function parseFilters<C>(
  texts: readonly string[],
  makers: Readonly<Record<string, FilterMaker<C>>>,
): (candidate: C) => boolean {
  const values = Map.groupBy(texts.map(splitFilter), ([name]) => name);
  const filters = Array.from(values, ([name, pairs]) => {
    const make = Object.hasOwn(makers, name) ? makers[name] : undefined;
    if (make === undefined) {
      throw dockerError("invalid_argument", `invalid filter '${name}'`, {
        hint: `Filter by ${Object.keys(makers).join(", ")}`,
      });
    }
    const choices = pairs.map(([, value]) => make(value));
    return (candidate: C) =>
      name === CONJUNCTIVE
        ? choices.every((isWanted) => isWanted(candidate))
        : choices.some((isWanted) => isWanted(candidate));
  });
  return (candidate) => filters.every((isWanted) => isWanted(candidate));
}

/** Reads a filter's value as a regular expression. */
export function parsePattern(name: string, text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch {
    // What the engine says of a bad pattern is no more than that it is one
    throw invalidFilter(name, text);
  }
}

/** Reads a filter's value as docker's daemon reads a truth. */
export function parseTruth(name: string, text: string): boolean {
  if (/^(1|true)$/.test(text)) return true;
  if (/^(0|false)$/.test(text)) return false;
  throw invalidFilter(name, text);
}

/** The error of a filter with an impossible value. */
export function invalidFilter(name: string, value: string): WherryError {
  return dockerError("invalid_argument", `invalid filter '${name}=${value}'`);
}
