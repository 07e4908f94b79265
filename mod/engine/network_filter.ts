/** Choosing networks as `network ls --filter` does: pure. @module */

import { dockerError, type WherryError } from "../errors.ts";
import { driverWord, type NetworkConfig } from "../network/network.ts";
import { isPredefinedNetwork } from "../network/network_store.ts";
import { parseLabelFilter, splitFilter } from "./filter_text.ts";

/** What there is to know about a network when it is chosen. */
export interface NetworkCandidate {
  network: NetworkConfig;
  /** Whether a container is on it. */
  isUsed(): boolean;
}

/** Whether a network is wanted. */
type Predicate = (candidate: NetworkCandidate) => boolean;

/** One kind of filter: from its value to what that wants. */
const FILTERS: Readonly<Record<string, (value: string) => Predicate>> = {
  dangling: (value) => {
    if (!/^(1|0|true|false)$/.test(value)) throw invalidFilter("dangling", value);
    const isDangling = value === "1" || value === "true";
    // What always exists is never in the way
    return ({ network, isUsed }) => isDangling !== (isPredefinedNetwork(network.name) || isUsed());
  },
  driver: (value) => ({ network: { driver } }) => driver === value || driverWord(driver) === value,
  id: (value) => {
    const pattern = parsePattern("id", value);
    return ({ network }) => pattern.test(network.id);
  },
  label: (value) => {
    const hasLabel = parseLabelFilter(value);
    return ({ network }) => hasLabel(network.labels);
  },
  name: (value) => {
    const pattern = parsePattern("name", value);
    return ({ network }) => pattern.test(network.name);
  },
  scope: (value) => () => value === "local",
  type: (value) => {
    if (value !== "custom" && value !== "builtin") throw invalidFilter("type", value);
    return ({ network }) => (value === "builtin") === isPredefinedNetwork(network.name);
  },
};

/** Filters of which all values must hold; of the others one is enough. */
const CONJUNCTIVE: ReadonlySet<string> = new Set(["label"]);

/**
 * Reads filters, as `name=value`.
 *
 * @returns Whether a network is wanted.
 * @throws {WherryError} `invalid_argument` for an unknown one or an impossible value.
 */
export function parseNetworkFilter(texts: readonly string[]): Predicate {
  const values = Map.groupBy(texts.map(splitFilter), ([name]) => name);
  const filters = Array.from(values, ([name, pairs]) => {
    const make = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
    if (make === undefined) {
      throw dockerError("invalid_argument", `invalid filter '${name}'`, {
        hint: `Filter by ${Object.keys(FILTERS).join(", ")}`,
      });
    }
    const choices = pairs.map(([, value]) => make(value));
    return (candidate: NetworkCandidate) =>
      CONJUNCTIVE.has(name)
        ? choices.every((isWanted) => isWanted(candidate))
        : choices.some((isWanted) => isWanted(candidate));
  });
  return (candidate) => filters.every((isWanted) => isWanted(candidate));
}

function parsePattern(name: string, text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch {
    // What the engine says of a bad pattern is no more than that it is one
    throw invalidFilter(name, text);
  }
}

function invalidFilter(name: string, value: string): WherryError {
  return dockerError("invalid_argument", `invalid filter '${name}=${value}'`);
}
