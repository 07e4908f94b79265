/** Choosing volumes as `volume ls --filter` does: pure. @module */

import { labelsOf, type Volume } from "../../volume/volume.ts";
import { parseLabelFilter } from "../base/filter_text.ts";
import { type FilterMaker, parseFilters, parsePattern, parseTruth } from "../base/list_filter.ts";

/** What there is to know about a volume when it is chosen. */
export interface VolumeCandidate {
  volume: Volume;
  /** Whether a container has it. */
  isUsed(): boolean;
}

const FILTERS: Readonly<Record<string, FilterMaker<VolumeCandidate>>> = {
  dangling: (value) => {
    const isDangling = parseTruth("dangling", value);
    return ({ isUsed }) => isDangling !== isUsed();
  },
  driver: (value) => ({ volume: { driver } }) => driver === value,
  label: (value) => {
    const hasLabel = parseLabelFilter(value);
    return ({ volume }) => hasLabel(labelsOf(volume));
  },
  name: (value) => {
    const pattern = parsePattern("name", value);
    return ({ volume: { name } }) => pattern.test(name);
  },
};

/**
 * Reads filters, as `name=value`.
 *
 * @returns Whether a volume is wanted.
 * @throws {WherryError} `invalid_argument` for an unknown one or an impossible value.
 */
export function parseVolumeFilter(
  texts: readonly string[],
): (candidate: VolumeCandidate) => boolean {
  return parseFilters(texts, FILTERS);
}
