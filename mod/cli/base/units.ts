/** Sizes and times as docker prints and reads them. @module */

import type { WherryError } from "../../errors.ts";
import { argumentError } from "./argument_error.ts";

const DECIMAL_UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"] as const;
const BINARY_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"] as const;

/**
 * Formats a size in powers of 1000, as `images` and `ps -s` show it: `4.26MB`.
 *
 * Differs from docker in one case: a size that rounds up to the next unit is shown in that unit
 * (`1MB`), where docker prints `1e+03kB`.
 *
 * @param bytes Size in bytes, 0 or more.
 * @param digits Significant digits, 1 to 17.
 * @see {@link https://github.com/docker/go-units/blob/v0.5.0/size.go}
 */
export function formatDecimalSize(bytes: number, digits = 3): string {
  return formatScaled(bytes, { base: 1000, units: DECIMAL_UNITS, digits });
}

/**
 * Formats a size in powers of 1024 with four significant digits, as `stats` shows memory: `1.5GiB`.
 *
 * @param bytes Size in bytes, 0 or more.
 */
export function formatBinarySize(bytes: number): string {
  return formatScaled(bytes, { base: 1024, units: BINARY_UNITS, digits: 4 });
}

interface Scale {
  readonly base: number;
  readonly units: readonly string[];
  readonly digits: number;
}

function formatScaled(bytes: number, { base, units, digits }: Scale): string {
  let value = bytes;
  let index = 0;
  while (Number(value.toPrecision(digits)) >= base && index < units.length - 1) {
    value /= base;
    index++;
  }
  return `${Number(value.toPrecision(digits))}${units[index]}`;
}

/** Suffixes of a size and the power of the base that each stands for. */
const SIZE_POWERS: ReadonlyMap<string, number> = new Map([
  ["", 0],
  ["b", 0],
  ["k", 1],
  ["m", 2],
  ["g", 3],
  ["t", 4],
  ["p", 5],
]);

/**
 * Reads a size such as `100m`, `1.5g`, `64KiB` or `4096`; suffixes are powers of 1024.
 *
 * @returns Whole bytes, rounded down.
 * @throws {WherryError} `invalid_argument` if `text` is negative or not a size.
 * @see {@link https://github.com/docker/go-units/blob/v0.5.0/size.go} `RAMInBytes`
 */
export function parseSize(text: string): number {
  return parseScaled(text, 1024);
}

/**
 * Reads a size as {@linkcode parseSize} does, but with suffixes as powers of 1000, as docker has it for log files.
 *
 * @returns Whole bytes, rounded down.
 * @throws {WherryError} `invalid_argument` if `text` is negative or not a size.
 * @see {@link https://github.com/docker/go-units/blob/v0.5.0/size.go} `FromHumanSize`
 */
export function parseDecimalSize(text: string): number {
  return parseScaled(text, 1000);
}

function parseScaled(text: string, base: 1000 | 1024): number {
  const match = /^(.*[0-9.]) ?([^0-9. ]*)$/s.exec(text);
  const digits = match?.[1];
  if (digits === undefined || !/^\+?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(digits)) {
    throw argumentError(`invalid size: '${text}'`);
  }
  const suffix = match?.[2]?.toLowerCase() ?? "";
  const power = SIZE_POWERS.get(suffix.replace(/^([kmgtp])i?b$/, "$1"));
  if (power === undefined) {
    throw argumentError(`invalid suffix: '${suffix}'`, {
      hint: "Use b, k, m or g, as in 100m",
    });
  }
  const bytes = Math.floor(Number(digits) * base ** power);
  if (!Number.isSafeInteger(bytes)) {
    throw argumentError(`invalid size: '${text}'`);
  }
  return bytes;
}

const MINUTE_S = 60;
const HOUR_S = 3600;

/**
 * Formats a length of time in one rough unit: `3 seconds`, `About a minute`, `2 weeks`.
 *
 * The words around it (`Up …`, `… ago`) are the caller's.
 *
 * @param durationMs Length in milliseconds; a negative one counts as 0.
 * @see {@link https://github.com/docker/go-units/blob/v0.5.0/duration.go} `HumanDuration`
 */
export function formatDuration(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < MINUTE_S) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / MINUTE_S);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(durationMs / 1000 / HOUR_S + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(seconds / HOUR_S / 24 / 365)} years`;
}

const DURATION_UNITS_MS: ReadonlyMap<string, number> = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3],
  ["μs", 1e-3],
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

/**
 * Reads a duration such as `10s`, `1m30s`, `1.5h` or `-5ms`, as Go writes them.
 *
 * @returns Milliseconds; fractions are kept.
 * @throws {WherryError} `invalid_argument` if `text` is not a duration or has no unit.
 * @see {@link https://pkg.go.dev/time#ParseDuration}
 */
export function parseDuration(text: string): number {
  const sign = text.startsWith("-") ? -1 : 1;
  let rest = text.replace(/^[+-]/, "");
  if (rest === "0") return 0;
  if (rest === "") throw invalidDuration(text);
  let totalMs = 0;
  while (rest !== "") {
    const match = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest);
    if (match === null) throw invalidDuration(text);
    const [whole, amount, unit = ""] = match;
    const unitMs = DURATION_UNITS_MS.get(unit);
    if (unitMs === undefined) throw invalidUnit(text, unit);
    totalMs += Number(amount) * unitMs;
    rest = rest.slice(whole.length);
  }
  if (!Number.isSafeInteger(Math.trunc(totalMs))) throw invalidDuration(text);
  return sign * totalMs;
}

function invalidDuration(text: string): WherryError {
  return argumentError(`time: invalid duration "${text}"`, {
    hint: "Write a number and a unit, as in 10s, 1m30s or 500ms",
  });
}

function invalidUnit(text: string, unit: string): WherryError {
  const problem = unit === ""
    ? `missing unit in duration "${text}"`
    : `unknown unit "${unit}" in duration "${text}"`;
  return argumentError(`time: ${problem}`, {
    hint: "Units are ns, us, ms, s, m and h, as in 1m30s",
  });
}
