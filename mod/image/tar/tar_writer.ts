/**
 * Writes tar archives: ustar, and PAX where ustar is too narrow. The counterpart of `tar_reader.ts`.
 *
 * The same entries always give the same bytes: extended headers have fixed
 * names, times and owners, and their records a fixed order. Names are bytes
 * and are written as they are, in no encoding.
 *
 * @see {@link https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html}
 * @module
 */

import { WherryError } from "../../errors.ts";
import { bytesOf, type ByteString, byteStringOfText, quoted } from "./byte_string.ts";
import { type ExtendedAttribute, formatPaxRecords, formatPaxTime, type PaxRecord } from "./pax.ts";
import { VALID_CHUNKS } from "./source.ts";
import { BLOCK_SIZE, sealHeader, setNumber, setText } from "./tar_header.ts";
import {
  MAX_EXTENDED_HEADER,
  MAX_NAME_LENGTH,
  type TarEntry,
  type TarEntryType,
} from "./tar_reader.ts";

/** Bytes of a chunk, a multiple of {@linkcode BLOCK_SIZE}. */
const CHUNK_SIZE = 1 << 20;
/** The two blocks of zeros that end an archive. */
const END_MARKER = new Uint8Array(2 * BLOCK_SIZE);

const MAX_NAME_FIELD = 100;
const MAX_PREFIX_FIELD = 155;
/** Largest number of seven octal digits, for ids. */
const MAX_ID_FIELD = 0o7777777;
/** Largest number of eleven octal digits, for sizes and times. */
const MAX_LONG_FIELD = 0o77777777777;

const TYPE_FLAGS: Readonly<Record<TarEntryType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

/** An entry to write; a sparse file is written with its holes filled in. */
export type NewTarEntry = Omit<TarEntry, "isSparse">;

/** The bytes of one file. */
export interface TarBody {
  /**
   * Fills some of `buffer`; `null` at the end. `Deno.FsFile` is one; without a promise it is faster.
   */
  read(buffer: Uint8Array<ArrayBuffer>): number | null | Promise<number | null>;
}

/** One member of an archive to write. */
export interface TarMember {
  entry: NewTarEntry;
  /** Exactly `entry.size` bytes are taken from it; not needed where that is 0. */
  body?: TarBody | undefined;
}

/**
 * Writes an archive, end marker included, keeping about a chunk of it in memory.
 *
 * @param members Read one by one, each after the bytes of the one before it; put them in the order they shall have.
 * @returns Chunks of at most 1 MiB (more only for a larger extended header); each is valid until
 * {@linkcode VALID_CHUNKS} more have been asked for.
 * @throws {WherryError} `unsupported` as {@linkcode encodeHeader}; `corrupt` if a body ends before its size.
 */
export async function* writeTar(
  members: AsyncIterable<TarMember> | Iterable<TarMember>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const output = new ChunkBuffer();
  for await (const { entry, body } of members) {
    const header = encodeHeader(entry);
    if (header.length > output.room) yield output.take();
    if (header.length > output.room) yield header;
    else output.append(header);
    for (let left = entry.size; left > 0;) {
      if (output.room === 0) yield output.take();
      const reading = body?.read(output.space(left)) ?? null;
      const count = reading instanceof Promise ? await reading : reading;
      if (count === null) throw shortBody(entry, left);
      output.advance(count);
      left -= count;
    }
    output.padBlock();
  }
  if (END_MARKER.length > output.room) yield output.take();
  output.append(END_MARKER);
  yield output.take();
}

function shortBody({ name, size }: NewTarEntry, missing: number): WherryError {
  return new WherryError(
    "corrupt",
    `Cannot write ${quoted(name)} to an archive: it ends ${missing} of ${size} bytes early`,
  );
}

/** The chunk that is being filled, and those that consumers may still be using. */
class ChunkBuffer {
  readonly #ring: Uint8Array<ArrayBuffer>[] = [];
  #current = new Uint8Array(CHUNK_SIZE);
  #length = 0;

  /** Bytes that still fit. */
  get room(): number {
    return CHUNK_SIZE - this.#length;
  }

  /** The next free bytes, at most `size`; {@linkcode ChunkBuffer.advance} says how many were filled. */
  space(size: number): Uint8Array<ArrayBuffer> {
    return this.#current.subarray(this.#length, Math.min(this.#length + size, CHUNK_SIZE));
  }

  advance(count: number): void {
    this.#length += count;
  }

  append(bytes: Uint8Array): void {
    this.#current.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Fills up with zeros to a whole block, for which there is always room. */
  padBlock(): void {
    const end = Math.ceil(this.#length / BLOCK_SIZE) * BLOCK_SIZE;
    this.#current.fill(0, this.#length, end);
    this.#length = end;
  }

  /** Hands the chunk out and begins another. */
  take(): Uint8Array<ArrayBuffer> {
    const chunk = this.#current.subarray(0, this.#length);
    this.#ring.push(this.#current);
    const oldest = this.#ring.length > VALID_CHUNKS ? this.#ring.shift() : undefined;
    this.#current = oldest ?? new Uint8Array(CHUNK_SIZE);
    this.#length = 0;
    return chunk;
  }
}

/**
 * Encodes all that stands before an entry's bytes: an extended header where one is needed, and the header block.
 *
 * @param entry A directory's name gets the `/` it ends with if it has none.
 * @returns Whole blocks.
 * @throws {WherryError} `unsupported` if name, link target or attributes are longer than readers take.
 */
export function encodeHeader(entry: NewTarEntry): Uint8Array<ArrayBuffer> {
  const name = nameOf(entry);
  checkNames(name, entry.linkName);
  const place = splitName(name);
  const records = recordsOf(entry, name, place !== undefined);
  const block = encodeBlock(entry, place ?? { prefix: "", name });
  if (records.length === 0) return block;
  const payload = formatPaxRecords(records);
  if (payload.length > MAX_EXTENDED_HEADER) {
    throw refusal(name, `extended attributes of ${payload.length} bytes`, MAX_EXTENDED_HEADER);
  }
  return joinHeader(encodeExtendedBlock(name, payload.length), payload, block);
}

function nameOf({ name, type }: NewTarEntry): ByteString {
  return type === "directory" && !name.endsWith("/") ? `${name}/` as ByteString : name;
}

function checkNames(name: ByteString, linkName: ByteString): void {
  for (const [what, { length }] of [["path", name], ["link target", linkName]] as const) {
    if (length > MAX_NAME_LENGTH) {
      throw refusal(name, `${what} of ${length} bytes`, MAX_NAME_LENGTH);
    }
  }
}

function refusal(name: ByteString, what: string, limit: number): WherryError {
  return new WherryError(
    "unsupported",
    `Cannot write ${quoted(name)} to an archive: ${what}, at most ${limit} are possible`,
  );
}

/** How ustar holds a name: `prefix/name`, or the name alone. */
interface UstarName {
  prefix: string;
  name: string;
}

/** @returns `undefined` if the name is too long for ustar, or has no slash in the right place. */
function splitName(name: ByteString): UstarName | undefined {
  if (name.length <= MAX_NAME_FIELD) return { prefix: "", name };
  const slash = name.indexOf("/", name.length - MAX_NAME_FIELD - 1);
  if (slash <= 0 || slash > MAX_PREFIX_FIELD || slash === name.length - 1) return undefined;
  return { prefix: name.slice(0, slash), name: name.slice(slash + 1) };
}

/** What the header block cannot hold, in a fixed order. */
function recordsOf(entry: NewTarEntry, name: ByteString, fitsUstar: boolean): PaxRecord[] {
  const records: PaxRecord[] = [];
  const add = (key: string, value: Uint8Array<ArrayBuffer>): void => {
    records.push({ key, value });
  };
  const { linkName, uid, gid, modifiedAt: { seconds, nanoseconds } } = entry;
  if (!fitsUstar) add("path", bytesOf(name));
  if (linkName.length > MAX_NAME_FIELD) add("linkpath", bytesOf(linkName));
  if (entry.size > MAX_LONG_FIELD) add("size", textBytes(String(entry.size)));
  if (uid > MAX_ID_FIELD) add("uid", textBytes(String(uid)));
  if (gid > MAX_ID_FIELD) add("gid", textBytes(String(gid)));
  if (nanoseconds !== 0n || fieldTime(seconds) !== Number(seconds)) {
    add("mtime", textBytes(formatPaxTime(entry.modifiedAt)));
  }
  for (const { name, value } of sortedAttributes(entry.attributes)) {
    add(`SCHILY.xattr.${name.replaceAll("%", "%25").replaceAll("=", "%3D")}`, value);
  }
  return records;
}

function textBytes(text: string): Uint8Array<ArrayBuffer> {
  return bytesOf(byteStringOfText(text));
}

function sortedAttributes(attributes: readonly ExtendedAttribute[]): ExtendedAttribute[] {
  return attributes.toSorted((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** The seconds that the header block gives: the nearest that it can hold. */
function fieldTime(seconds: bigint): number {
  return Math.min(Math.max(Number(seconds), 0), MAX_LONG_FIELD);
}

/** A number that is 0 where an extended header has the true one. */
function fieldNumber(value: number, max: number): number {
  return value > max ? 0 : value;
}

function encodeBlock(entry: NewTarEntry, { prefix, name }: UstarName): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK_SIZE);
  setText(block, "name", name);
  setText(block, "type", TYPE_FLAGS[entry.type]);
  setText(block, "linkName", entry.linkName);
  setText(block, "prefix", prefix);
  setNumber(block, "mode", entry.mode);
  setNumber(block, "uid", fieldNumber(entry.uid, MAX_ID_FIELD));
  setNumber(block, "gid", fieldNumber(entry.gid, MAX_ID_FIELD));
  setNumber(block, "size", fieldNumber(entry.size, MAX_LONG_FIELD));
  setNumber(block, "mtime", fieldTime(entry.modifiedAt.seconds));
  setNumber(block, "deviceMajor", entry.deviceMajor);
  setNumber(block, "deviceMinor", entry.deviceMinor);
  sealHeader(block);
  return block;
}

/** Header block of an extended header; only tools that do not know PAX make a file of it. */
function encodeExtendedBlock(name: ByteString, size: number): Uint8Array<ArrayBuffer> {
  const path = name.endsWith("/") ? name.slice(0, -1) : name;
  const block = new Uint8Array(BLOCK_SIZE);
  setText(block, "name", `PaxHeaders.0/${path.slice(path.lastIndexOf("/") + 1)}`);
  setText(block, "type", "x");
  setNumber(block, "mode", 0o644);
  for (const field of ["uid", "gid", "mtime", "deviceMajor", "deviceMinor"] as const) {
    setNumber(block, field, 0);
  }
  setNumber(block, "size", size);
  sealHeader(block);
  return block;
}

function joinHeader(
  extendedBlock: Uint8Array,
  payload: Uint8Array,
  block: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const paddedLength = Math.ceil(payload.length / BLOCK_SIZE) * BLOCK_SIZE;
  const joined = new Uint8Array(2 * BLOCK_SIZE + paddedLength);
  joined.set(extendedBlock);
  joined.set(payload, BLOCK_SIZE);
  joined.set(block, BLOCK_SIZE + paddedLength);
  return joined;
}
