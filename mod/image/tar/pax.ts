/**
 * Extended headers of the PAX format: `LENGTH KEY=VALUE\n` records.
 *
 * @see {@link https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html}
 * @module
 */

import { ArchiveError } from "./archive_error.ts";
import { byteStringOf } from "./byte_string.ts";
import { readDecimal } from "./tar_header.ts";

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;

/** One record; the value is a view of the payload it was read from. */
export interface PaxRecord {
  key: string;
  value: Uint8Array<ArrayBuffer>;
}

const decoder = new TextDecoder();

/**
 * Splits the payload of an extended header into its records, in their order.
 *
 * @throws {ArchiveError} If a length does not fit.
 */
export function parsePaxRecords(payload: Uint8Array<ArrayBuffer>): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let start = 0; start < payload.length;) {
    // Some writers fill the payload up with NULs
    if (payload[start] === 0) break;
    const space = payload.indexOf(SPACE, start);
    if (space < 0 || space - start > 10) throw malformed();
    const end = start + readDecimal(byteStringOf(payload, start, space), "extended header");
    const equals = payload.indexOf(EQUALS, space + 1);
    if (end > payload.length || equals < 0 || equals >= end || payload[end - 1] !== NEWLINE) {
      throw malformed();
    }
    const key = decoder.decode(payload.subarray(space + 1, equals));
    records.push({ key, value: payload.subarray(equals + 1, end - 1) });
    start = end;
  }
  return records;
}

const encoder = new TextEncoder();

/** Joins records to the payload of an extended header, the opposite of {@linkcode parsePaxRecords}. */
export function formatPaxRecords(records: readonly PaxRecord[]): Uint8Array<ArrayBuffer> {
  const parts = records.map(({ key, value }) => {
    const start = encoder.encode(` ${key}=`);
    return { start, value, length: recordLength(start.length + value.length + 1) };
  });
  const payload = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const { start, value, length } of parts) {
    const digits = encoder.encode(String(length));
    payload.set(digits, at);
    payload.set(start, at + digits.length);
    payload.set(value, at + digits.length + start.length);
    at += length;
    payload[at - 1] = NEWLINE;
  }
  return payload;
}

/** Length of a record whose length counts its own digits. */
function recordLength(rest: number): number {
  let length = rest + String(rest).length;
  while (rest + String(length).length !== length) length++;
  return length;
}

function malformed(): ArchiveError {
  return new ArchiveError("damaged extended header");
}

/** A time with the precision that file systems keep. */
export interface FileTime {
  /** Seconds since the epoch; may be negative. */
  seconds: bigint;
  /** 0 to 999,999,999, added to `seconds`. */
  nanoseconds: bigint;
}

const TIME = /^(-?)([0-9]{1,17})(?:\.([0-9]*))?$/;
const SECOND = 1_000_000_000n;

/**
 * Reads a time such as `1700000000.123456789`; digits beyond nanoseconds are dropped.
 *
 * @throws {ArchiveError} If it is malformed.
 */
export function parsePaxTime(text: string): FileTime {
  const [, sign, whole = "", fraction = ""] = TIME.exec(text) ?? [];
  if (whole === "") throw new ArchiveError("damaged extended header: bad modification time");
  const nanoseconds = BigInt(fraction.slice(0, 9).padEnd(9, "0"));
  const seconds = BigInt(whole);
  if (sign !== "-") return { seconds, nanoseconds };
  if (nanoseconds === 0n) return { seconds: -seconds, nanoseconds };
  return { seconds: -seconds - 1n, nanoseconds: SECOND - nanoseconds };
}

/** Writes a time as {@linkcode parsePaxTime} reads it, with no more digits than needed. */
export function formatPaxTime({ seconds, nanoseconds }: FileTime): string {
  if (nanoseconds === 0n) return String(seconds);
  if (seconds >= 0n) return `${seconds}.${formatFraction(nanoseconds)}`;
  return `-${-seconds - 1n}.${formatFraction(SECOND - nanoseconds)}`;
}

function formatFraction(nanoseconds: bigint): string {
  return String(nanoseconds).padStart(9, "0").replace(/0+$/, "");
}

const SCHILY_PREFIX = "SCHILY.xattr.";
const LIBARCHIVE_PREFIX = "LIBARCHIVE.xattr.";

/** An extended attribute of a file. */
export interface ExtendedAttribute {
  /** With its class, for example `security.capability`. */
  name: string;
  value: Uint8Array<ArrayBuffer>;
}

/**
 * The extended attribute that a record holds.
 *
 * @returns `undefined` if the record is about something else.
 * @throws {ArchiveError} If its encoding is damaged.
 */
export function attributeOf({ key, value }: PaxRecord): ExtendedAttribute | undefined {
  if (key.startsWith(SCHILY_PREFIX)) {
    // GNU tar writes "=" and "%" of a name as %3D and %25, since "=" ends the key
    const name = key.slice(SCHILY_PREFIX.length).replaceAll("%3D", "=").replaceAll("%25", "%");
    return { name: checkName(name), value: value.slice() };
  }
  if (!key.startsWith(LIBARCHIVE_PREFIX)) return undefined;
  try {
    const name = decodeURIComponent(key.slice(LIBARCHIVE_PREFIX.length));
    return { name: checkName(name), value: Uint8Array.fromBase64(decoder.decode(value)) };
  } catch (cause) {
    throw new ArchiveError("damaged extended header: bad extended attribute", "corrupt", { cause });
  }
}

function checkName(name: string): string {
  if (name === "" || name.includes("\0")) {
    throw new ArchiveError("damaged extended header: bad name of an extended attribute");
  }
  return name;
}
