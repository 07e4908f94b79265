/** The words of `prune --filter`. @module */

import { parseLabelFilter, splitFilter } from "../engine/filter_text.ts";
import type { PruneFilter } from "../engine/prune.ts";
import type { WherryError } from "../errors.ts";
import { argumentError } from "./argument_error.ts";
import { parseTimestamp } from "./timestamp.ts";

type LabelFilter = ReturnType<typeof parseLabelFilter>;

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/**
 * Reads filters: `until=TIMESTAMP`, `label=NAME[=VALUE]` and `label!=NAME[=VALUE]`.
 *
 * Of several labels all must be there; what has all of those after `label!` stays.
 *
 * @param nowMs What durations count back from, in milliseconds since 1970.
 * @throws {WherryError} `invalid_argument` for any other filter, or an impossible time.
 */
export function parsePruneFilter(texts: readonly string[], nowMs: number): PruneFilter {
  const wanted: LabelFilter[] = [];
  const kept: LabelFilter[] = [];
  const times: string[] = [];
  for (const text of texts) {
    const [name, value] = splitFilter(text);
    if (name === "label") wanted.push(parseLabelFilter(value));
    else if (name === "label!") kept.push(parseLabelFilter(value));
    else if (name === "until") times.push(value);
    else throw unknownFilter(name);
  }
  return {
    ...parseUntil(times, nowMs),
    matchesLabels: (labels) =>
      wanted.every((hasLabel) => hasLabel(labels)) &&
      !(kept.length > 0 && kept.every((hasLabel) => hasLabel(labels))),
  };
}

function unknownFilter(name: string): WherryError {
  return argumentError(`invalid filter '${name}'`, { hint: "Filter by until, label, label!" });
}

function parseUntil([text, ...others]: readonly string[], nowMs: number): { beforeMs?: number } {
  if (text === undefined) return {};
  if (others.length > 0) throw argumentError("more than one until filter specified");
  return { beforeMs: Number(parseTimestamp(text, nowMs) / NANOSECONDS_PER_MILLISECOND) };
}
