/** Points in time as `--since` and `--until` take them. @module */

import { WherryError } from "../../errors.ts";
import { parseDuration } from "./units.ts";

const CALENDAR =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?(Z|[+-]\d\d:?\d\d)?$/;
const UNIX_SECONDS = /^(\d{1,12})(?:\.(\d{1,9}))?$/;

/**
 * Reads a point in time: a duration before `nowMs` (`10m`), Unix seconds (`1700000000.5`), or an
 * RFC 3339 date with or without its time and zone (`2026-01-02T15:04:05Z`). Without a zone the
 * host's local time is meant.
 *
 * @param nowMs What durations count back from, in milliseconds since 1970.
 * @returns Nanoseconds since 1970.
 * @throws {WherryError} `invalid_argument` if `text` is none of these.
 */
export function parseTimestamp(text: string, nowMs: number): bigint {
  const calendar = CALENDAR.exec(text);
  if (calendar !== null) return parseCalendar(text, calendar);
  const unix = UNIX_SECONDS.exec(text);
  if (unix !== null) {
    return BigInt(unix[1] ?? "0") * 1_000_000_000n + parseFraction(unix[2]);
  }
  return millisecondsToNanoseconds(nowMs) - millisecondsToNanoseconds(parseAge(text));
}

function parseAge(text: string): number {
  try {
    return parseDuration(text);
  } catch (cause) {
    throw invalidTimestamp(text, cause);
  }
}

function parseCalendar(text: string, match: RegExpExecArray): bigint {
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction, zone] = match;
  const wallTime = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const date = new Date(wallTime + formatZone(zone));
  // Date rolls 31 February over into March; reading the fields back as UTC shows it.
  const isRolledOver = new Date(`${wallTime}Z`).toJSON()?.slice(0, 19) !== wallTime;
  if (Number.isNaN(date.getTime()) || isRolledOver) throw invalidTimestamp(text);
  return BigInt(date.getTime()) * 1_000_000n + parseFraction(fraction);
}

/** Date.parse wants `+01:00`, and takes a missing zone for local time once there is a time. */
function formatZone(zone: string | undefined): string {
  return zone?.replace(/^([+-]\d\d):?(\d\d)$/, "$1:$2") ?? "";
}

function parseFraction(digits: string | undefined): bigint {
  return BigInt((digits ?? "").padEnd(9, "0"));
}

function millisecondsToNanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1000)) * 1000n;
}

function invalidTimestamp(text: string, cause?: unknown): WherryError {
  return new WherryError("invalid_argument", `Cannot read time "${text}": no known form`, {
    hint: "Write 10m, 2026-01-02T15:04:05Z or Unix seconds",
    cause,
  });
}
