/** The words of `prune --filter`. @module */

import { parseLabelFilter, splitFilter } from "../../engine/base/filter_text.ts";
import type { PruneFilter } from "../../engine/base/prunable.ts";
import type { WherryError } from "../../errors.ts";
import { argumentError } from "../base/argument_error.ts";
import { parseTimestamp } from "../base/timestamp.ts";

type LabelFilter = ReturnType<typeof parseLabelFilter>;

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/**
 * Reads filters: `until=TIMESTAMP`, `label=NAME[=VALUE]` and `label!=NAME[=VALUE]`.
 *
 * Of several labels all must be there; what has all of those after `label!` stays.
 *
 * @param nowMs What durations count back from, in milliseconds since 1970.
 * @param known What the hint about another filter names. @default {all of these}
 * @throws {WherryError} `invalid_argument` for any other filter, or an impossible time.
 */
export function parsePruneFilter(
  texts: readonly string[],
  nowMs: number,
  known: readonly string[] = FILTERS,
): PruneFilter {
  const wanted: LabelFilter[] = [];
  const kept: LabelFilter[] = [];
  const times: string[] = [];
  for (const text of texts) {
    const [name, value] = splitFilter(text);
    if (name === "label") wanted.push(parseLabelFilter(value));
    else if (name === "label!") kept.push(parseLabelFilter(value));
    else if (name === "until") times.push(value);
    else throw unknownFilter(name, known);
  }
  return {
    ...parseUntil(times, nowMs),
    matchesLabels: (labels) =>
      wanted.every((hasLabel) => hasLabel(labels)) &&
      !(kept.length > 0 && kept.every((hasLabel) => hasLabel(labels))),
  };
}

/** Which volumes to remove. */
export interface VolumePruneFilter {
  /** Of volumes only labels count. */
  filter: PruneFilter;
  /** Whether those go, too, that somebody gave a name; `undefined` if nothing is said about that. */
  isAll: boolean | undefined;
}

/**
 * Reads filters of `volume prune`: `label` and `label!` as {@linkcode parsePruneFilter}, and `all=BOOLEAN`.
 *
 * @throws {WherryError} `invalid_argument` for any other filter, or if there are several of `all`.
 */
export function parseVolumePruneFilter(texts: readonly string[]): VolumePruneFilter {
  const choices: string[] = [];
  const others = texts.filter((text) => {
    const [name, value] = splitFilter(text);
    if (name === "until") throw unknownFilter(name, VOLUME_FILTERS);
    if (name === "all") choices.push(value);
    return name !== "all";
  });
  return { filter: parsePruneFilter(others, 0, VOLUME_FILTERS), isAll: parseAll(choices) };
}

function parseAll([text, ...others]: readonly string[]): boolean | undefined {
  if (text === undefined) return undefined;
  const isTrue = TRUE.test(text);
  if (others.length === 0 && (isTrue || FALSE.test(text))) return isTrue;
  throw argumentError(`invalid filter 'all=${[text, ...others].join(",")}'`);
}

/** Words that Go's `strconv.ParseBool` takes. */
const TRUE = /^(1|t|T|TRUE|true|True)$/;
const FALSE = /^(0|f|F|FALSE|false|False)$/;

const FILTERS = ["until", "label", "label!"];
const VOLUME_FILTERS = ["all", "label", "label!"];

function unknownFilter(name: string, known: readonly string[]): WherryError {
  return argumentError(`invalid filter '${name}'`, { hint: `Filter by ${known.join(", ")}` });
}

function parseUntil([text, ...others]: readonly string[], nowMs: number): { beforeMs?: number } {
  if (text === undefined) return {};
  if (others.length > 0) throw argumentError("more than one until filter specified");
  return { beforeMs: Number(parseTimestamp(text, nowMs) / NANOSECONDS_PER_MILLISECOND) };
}
