/** The words of `prune --filter`. @module */

import type { PruneFilter } from "../engine/prune.ts";
import { argumentError } from "./argument_error.ts";
import { parseTimestamp } from "./timestamp.ts";

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/** A label's name and value; any value without one. */
interface LabelPattern {
  name: string;
  value: string | undefined;
}

/**
 * Reads filters: `until=TIMESTAMP`, `label=NAME[=VALUE]` and `label!=NAME[=VALUE]`.
 *
 * Of several labels all must be there; what has all of those after `label!` stays.
 *
 * @param nowMs What durations count back from, in milliseconds since 1970.
 * @throws {WherryError} `invalid_argument` for any other filter, or an impossible time.
 */
export function parsePruneFilter(texts: readonly string[], nowMs: number): PruneFilter {
  const wanted: LabelPattern[] = [];
  const kept: LabelPattern[] = [];
  const times: string[] = [];
  for (const text of texts) {
    const [name, value] = splitFilter(text);
    if (name === "label") wanted.push(parseLabel(value));
    else if (name === "label!") kept.push(parseLabel(value));
    else if (name === "until") times.push(value);
    else {throw argumentError(`invalid filter '${name}'`, {
        hint: "Filter by until, label, label!",
      });}
  }
  return {
    ...parseUntil(times, nowMs),
    matchesLabels: (labels) =>
      wanted.every((pattern) => hasLabel(labels, pattern)) &&
      !(kept.length > 0 && kept.every((pattern) => hasLabel(labels, pattern))),
  };
}

function splitFilter(text: string): [name: string, value: string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()];
  throw argumentError(
    `invalid argument "${text}" for "--filter" flag: bad format of filter ` +
      "(expected name=value)",
  );
}

function parseUntil([text, ...others]: readonly string[], nowMs: number): { beforeMs?: number } {
  if (text === undefined) return {};
  if (others.length > 0) throw argumentError("more than one until filter specified");
  return { beforeMs: Number(parseTimestamp(text, nowMs) / NANOSECONDS_PER_MILLISECOND) };
}

function parseLabel(text: string): LabelPattern {
  const at = text.indexOf("=");
  return at < 0
    ? { name: text, value: undefined }
    : { name: text.slice(0, at), value: text.slice(at + 1) };
}

function hasLabel(
  labels: Readonly<Record<string, string>>,
  { name, value }: LabelPattern,
): boolean {
  return Object.hasOwn(labels, name) && (value === undefined || labels[name] === value);
}
