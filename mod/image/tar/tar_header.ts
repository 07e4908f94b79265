/**
 * The 512-byte header block of a tar archive.
 *
 * @see {@link https://www.gnu.org/software/tar/manual/html_node/Standard.html}
 * @module
 */

import { ArchiveError } from "./archive_error.ts";
import { type ByteString, byteStringOf } from "./byte_string.ts";

/** Size of a header, and the unit that data is padded to, in bytes. */
export const BLOCK_SIZE = 512;

const CHECKSUM_OFFSET = 148;
const CHECKSUM_SIZE = 8;
const MAGIC_OFFSET = 257;
const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;

/** The fields as they stand in one header block, before extended headers change them. */
export interface RawHeader {
  /** Type flag, one character; `"0"` for the NUL of old archives. */
  type: string;
  name: ByteString;
  linkName: ByteString;
  /** Permission bits, with setuid, setgid and sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of data that follow the header. */
  size: number;
  /** Modification time in seconds since the epoch; may be negative. */
  mtime: number;
  deviceMajor: number;
  deviceMinor: number;
}

/** Where a number stands in a block. */
export interface NumberField {
  /** In bytes from the start of the block. */
  offset: number;
  /** In bytes. */
  length: number;
  /** For error messages. */
  name: string;
}

/** Reads a NUL-terminated or full field. */
export function readText(block: Uint8Array, offset: number, length: number): ByteString {
  const nul = block.indexOf(0, offset);
  const end = nul < 0 || nul > offset + length ? offset + length : nul;
  return byteStringOf(block, offset, end);
}

/**
 * Reads a number: octal digits with spaces or NULs around them, or base 256 when the first bit is set.
 *
 * @returns A safe integer, negative only in base 256; an empty field is 0.
 * @throws {ArchiveError} If it is neither, or too large.
 */
function readNumber(block: Uint8Array, { offset, length, name }: NumberField): number {
  const first = block[offset] ?? 0;
  const value = (first & 0x80) === 0
    ? readOctal(block, offset, length)
    : readBase256(block, offset, length);
  if (!Number.isSafeInteger(value)) throw new ArchiveError(`damaged header: bad ${name}`);
  return value;
}

/** @returns `NaN` if the field is not a number. */
function readOctal(block: Uint8Array, offset: number, length: number): number {
  const end = offset + length;
  let at = offset;
  while (at < end && block[at] === SPACE) at++;
  let value = 0;
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; at < end; at++) {
    if (block[at] === 0) break;
    if (block[at] !== SPACE) return NaN;
  }
  return value;
}

/** Two's complement, big-endian; the first bit only marks the format, the second is the sign. */
function readBase256(block: Uint8Array, offset: number, length: number): number {
  const isNegative = ((block[offset] ?? 0) & 0x40) !== 0;
  let value = 0;
  for (let i = 0; i < length; i++) {
    const byte = i === 0 ? (block[offset] ?? 0) & 0x7f : block[offset + i] ?? 0;
    const digit = isNegative ? (i === 0 ? byte ^ 0x7f : byte ^ 0xff) : byte;
    value = value * 256 + digit;
  }
  return isNegative ? -value - 1 : value;
}

/** Whether the block is nothing but zeros. */
export function isZeroBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** Whether the header's checksum is right; old tars summed signed bytes, which counts too. */
export function isChecksumRight(block: Uint8Array): boolean {
  const stored = readOctal(block, CHECKSUM_OFFSET, CHECKSUM_SIZE);
  const field = block.subarray(CHECKSUM_OFFSET, CHECKSUM_OFFSET + CHECKSUM_SIZE);
  // In place of the field itself spaces are summed
  const unsigned = sumOfBlock(block) - sumOf(field) + CHECKSUM_SIZE * SPACE;
  return stored === unsigned || stored === unsigned - 256 * (countHigh(block) - countHigh(field));
}

/** Sum of a whole block's bytes, four at a time: even and odd ones, each two of them side by side in 16 bits. */
function sumOfBlock(block: Uint8Array): number {
  const words = new DataView(block.buffer, block.byteOffset, BLOCK_SIZE);
  let even = 0;
  let odd = 0;
  for (let at = 0; at < BLOCK_SIZE; at += 4) {
    const word = words.getInt32(at);
    even += word & 0xff00ff;
    odd += word >>> 8 & 0xff00ff;
  }
  return (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16);
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return sum;
}

/** How many bytes are negative as signed ones. */
function countHigh(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) count += byte >> 7;
  return count;
}

/** What stands at the magic: decides whether there is a name prefix. */
function isUstar(block: Uint8Array): boolean {
  return block[MAGIC_OFFSET] === 0x75 && block[MAGIC_OFFSET + 1] === 0x73 &&
    block[MAGIC_OFFSET + 5] === 0; // "ustar\0"; GNU's "ustar  " has other fields at the prefix
}

/** Whether the bytes look like the start of a tar archive: a checksum that is right. */
export function looksLikeTar(start: Uint8Array): boolean {
  if (start.length < BLOCK_SIZE) return false;
  const block = start.subarray(0, BLOCK_SIZE);
  return !isZeroBlock(block) && isChecksumRight(block);
}

function readName(block: Uint8Array): ByteString {
  const name = readText(block, 0, 100);
  if (!isUstar(block) || block[345] === 0) return name;
  return `${readText(block, 345, 155)}/${name}` as ByteString;
}

/** Whether a checked type flag carries device numbers, which others may leave as garbage. */
function isDevice(type: string): boolean {
  return type === "3" || type === "4";
}

/** The numbers of a header. */
const FIELDS = {
  mode: { offset: 100, length: 8, name: "mode" },
  uid: { offset: 108, length: 8, name: "user id" },
  gid: { offset: 116, length: 8, name: "group id" },
  size: { offset: 124, length: 12, name: "size" },
  mtime: { offset: 136, length: 12, name: "modification time" },
  deviceMajor: { offset: 329, length: 8, name: "device number" },
  deviceMinor: { offset: 337, length: 8, name: "device number" },
} as const satisfies Record<string, NumberField>;

/**
 * Reads one header block whose checksum has been checked.
 *
 * @param block Exactly {@linkcode BLOCK_SIZE} bytes.
 * @throws {ArchiveError} If a number is malformed or negative.
 */
export function readHeader(block: Uint8Array): RawHeader {
  const flag = block[156] ?? 0;
  const type = flag === 0 ? "0" : String.fromCharCode(flag);
  return {
    type,
    name: readName(block),
    linkName: readText(block, 157, 100),
    mode: readNumber(block, FIELDS.mode) & 0o7777,
    uid: readId(block, FIELDS.uid),
    gid: readId(block, FIELDS.gid),
    size: readSize(block, FIELDS.size),
    mtime: readNumber(block, FIELDS.mtime),
    deviceMajor: isDevice(type) ? readNumber(block, FIELDS.deviceMajor) : 0,
    deviceMinor: isDevice(type) ? readNumber(block, FIELDS.deviceMinor) : 0,
  };
}

/** Reads a number that must not be negative. */
export function readSize(block: Uint8Array, field: NumberField): number {
  const value = readNumber(block, field);
  if (value < 0) throw new ArchiveError(`damaged header: negative ${field.name}`);
  return value;
}

/** Largest user and group id; the one above it means "leave as it is" to chown(2). */
const MAX_ID = 0xfffffffe;

function readId(block: Uint8Array, field: NumberField): number {
  return checkId(readNumber(block, field), field.name);
}

/**
 * Passes on a user or group id.
 *
 * @throws {ArchiveError} If it is not one that a file can have.
 */
export function checkId(value: number, field: string): number {
  if (value >= 0 && value <= MAX_ID) return value;
  throw new ArchiveError(`damaged header: ${field} out of range`);
}

/** The texts of a header. */
const TEXT_FIELDS = {
  name: { offset: 0, length: 100 },
  type: { offset: 156, length: 1 },
  linkName: { offset: 157, length: 100 },
  prefix: { offset: 345, length: 155 },
} as const;

/**
 * Writes a text into a block that was all zeros.
 *
 * @param text Each unit one byte; what is longer than the field is cut, and must be in an extended header.
 */
export function setText(block: Uint8Array, field: keyof typeof TEXT_FIELDS, text: string): void {
  const { offset, length } = TEXT_FIELDS[field];
  const end = Math.min(text.length, length);
  for (let i = 0; i < end; i++) block[offset + i] = text.charCodeAt(i);
}

/**
 * Writes a number in octal, with a NUL behind it.
 *
 * @param value Not negative; 7 digits at most, for size and time 11.
 * @throws {RangeError} If it has more.
 */
export function setNumber(block: Uint8Array, field: keyof typeof FIELDS, value: number): void {
  const { offset, length, name } = FIELDS[field];
  let rest = value;
  for (let i = length - 2; i >= 0; i--) {
    block[offset + i] = ZERO + rest % 8;
    rest = Math.floor(rest / 8);
  }
  if (rest !== 0) throw new RangeError(`Cannot write ${name} "${value}": it is out of range`);
}

/** Completes a header block: magic and checksum. Call it last. */
export function sealHeader(block: Uint8Array): void {
  setBytes(block, MAGIC_OFFSET, "ustar\x0000");
  setBytes(block, CHECKSUM_OFFSET, " ".repeat(CHECKSUM_SIZE));
  const sum = sumOfBlock(block);
  setBytes(block, CHECKSUM_OFFSET, `${sum.toString(8).padStart(6, "0")}\0 `);
}

function setBytes(block: Uint8Array, offset: number, text: string): void {
  for (let i = 0; i < text.length; i++) block[offset + i] = text.charCodeAt(i);
}

/**
 * Reads decimal digits, as extended headers have them.
 *
 * @throws {ArchiveError} If there is anything else, or more than a safe integer.
 */
export function readDecimal(text: string, field: string): number {
  const value = isDigits(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value)) throw new ArchiveError(`damaged header: bad ${field}`);
  return value;
}

function isDigits(text: string): boolean {
  if (text.length === 0 || text.length > 20) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}
