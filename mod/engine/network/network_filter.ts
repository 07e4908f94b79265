/** Choosing networks as `network ls --filter` does: pure. @module */

import { driverWord, type NetworkConfig } from "../../network/network.ts";
import { isPredefinedNetwork } from "../../network/network_store.ts";
import { parseLabelFilter } from "../base/filter_text.ts";
import {
  type FilterMaker,
  invalidFilter,
  parseFilters,
  parsePattern,
  parseTruth,
} from "../base/list_filter.ts";

/** What there is to know about a network when it is chosen. */
export interface NetworkCandidate {
  network: NetworkConfig;
  /** Whether a container is on it. */
  isUsed(): boolean;
}

const FILTERS: Readonly<Record<string, FilterMaker<NetworkCandidate>>> = {
  dangling: (value) => {
    const isDangling = parseTruth("dangling", value);
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

/**
 * Reads filters, as `name=value`.
 *
 * @returns Whether a network is wanted.
 * @throws {WherryError} `invalid_argument` for an unknown one or an impossible value.
 */
export function parseNetworkFilter(
  texts: readonly string[],
): (candidate: NetworkCandidate) => boolean {
  return parseFilters(texts, FILTERS);
}
