/**
 * Reads tar archives: bytes are pushed in, entries and their data come out.
 *
 * Understands ustar, PAX (also global headers, extended attributes, times in
 * nanoseconds), GNU long names, base-256 numbers and all four kinds of sparse
 * files. It is pure: it opens nothing and trusts nothing.
 *
 * ```
 * header -> extended (x g L K) -> header -> ... entry() -> data()* -> endEntry() -> header
 *                                            |
 *                                            +-> sparse map blocks, when the map precedes the data
 * ```
 *
 * @see {@link https://www.gnu.org/software/tar/manual/html_node/Tar-Internals.html}
 * @module
 */

import { ArchiveError } from "./archive_error.ts";
import { type ByteString, byteStringOf, quoted } from "./byte_string.ts";
import {
  attributeOf,
  type ExtendedAttribute,
  type FileTime,
  parsePaxRecords,
  parsePaxTime,
  type PaxRecord,
} from "./pax.ts";
import {
  checkRegions,
  parseSparseMap,
  readOldSparseExtension,
  readOldSparseHeader,
  SparseMapReader,
  type SparseRegion,
} from "./sparse.ts";
import {
  BLOCK_SIZE,
  checkId,
  isChecksumRight,
  isZeroBlock,
  type RawHeader,
  readDecimal,
  readHeader,
} from "./tar_header.ts";

/** What an entry is. */
export type TarEntryType =
  | "file"
  | "directory"
  | "symlink"
  | "hardlink"
  | "character"
  | "block"
  | "fifo";

/** One member of an archive, extended headers included. */
export interface TarEntry {
  type: TarEntryType;
  /** As the archive has it: may be absolute and contain `..`. */
  name: ByteString;
  /** Content of a symbolic link, or the other name of a hard link. */
  linkName: ByteString;
  /** Permission bits, with setuid, setgid and sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** Size of the file in bytes, holes included; 0 for anything but a file. */
  size: number;
  modifiedAt: FileTime;
  deviceMajor: number;
  deviceMinor: number;
  attributes: readonly ExtendedAttribute[];
  /** Whether the file has holes: the offsets of its data then have gaps. */
  isSparse: boolean;
}

/** Where a {@linkcode TarReader} puts what it reads. */
export interface TarSink {
  /** A new entry begins. */
  entry(entry: TarEntry): void;
  /**
   * A part of the current file.
   *
   * @param bytes A view that is valid during the call only.
   * @param offset In bytes from the start of the file.
   */
  data(bytes: Uint8Array<ArrayBuffer>, offset: number): void;
  /** The current entry is complete. */
  endEntry(): void;
}

/** Options of a {@linkcode TarReader}. */
export interface TarReaderOptions {
  /**
   * Whether an archive must end with a block of zeros. Without it a cut at the end of an entry cannot
   * be seen, so it is only for archives whose digest is known.
   * @default {true}
   */
  needsEndMarker?: boolean;
}

/** Most bytes of one extended header or GNU long name. */
export const MAX_EXTENDED_HEADER = 1 << 20;
/** Most bytes of a name or link target. */
export const MAX_NAME_LENGTH = 4096;

const ENTRY_TYPES: Readonly<Record<string, TarEntryType>> = {
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
  "7": "file",
  "D": "directory", // GNU incremental dump: the directory's listing follows as data
  "S": "file",
};

/** Extended headers, collected before the entry that they are about. */
const EXTENDED_TYPES = "xXgLK";
/** GNU volume label: says nothing about a file. */
const VOLUME_LABEL = "V";

/** What the bytes at the current position are. */
type State = "header" | "extended" | "sparse-extension" | "sparse-map" | "data" | "ended";

const decoder = new TextDecoder();

/** A push parser; give it every byte of the archive, in pieces of any size, and then {@linkcode TarReader.end}. */
export class TarReader {
  readonly #sink: TarSink;
  readonly #needsEndMarker: boolean;
  readonly #block = new Uint8Array(BLOCK_SIZE);
  #blockFill = 0;
  #state: State = "header";
  /** Bytes taken so far. */
  #position = 0;
  #entryCount = 0;

  /** Bytes of data or extended header still to come, and of padding after them. */
  #left = 0;
  #padding = 0;

  #extendedType = "";
  #extended: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #globalRecords = new Map<string, PaxRecord>();
  #records: PaxRecord[] = [];
  #longName: ByteString | undefined;
  #longLink: ByteString | undefined;

  /** The entry whose sparse map or data is being read. */
  #entry: TarEntry | undefined;
  #regions: SparseRegion[] = [];
  #region = 0;
  #regionDone = 0;
  #mapReader: SparseMapReader | undefined;
  #storedSize = 0;

  constructor(sink: TarSink, { needsEndMarker = true }: TarReaderOptions = {}) {
    this.#sink = sink;
    this.#needsEndMarker = needsEndMarker;
  }

  /** Entries seen so far. */
  get entryCount(): number {
    return this.#entryCount;
  }

  /**
   * Takes the next bytes; what follows the end of the archive is ignored, as GNU tar does.
   *
   * @throws {ArchiveError} If the archive is damaged; the reader must not be used any more then.
   */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    let at = 0;
    while (at < chunk.length && this.#state !== "ended") {
      const taken = this.#left > 0
        ? this.#takePayload(chunk, at)
        : this.#padding > 0
        ? this.#skipPadding(chunk.length - at)
        : this.#takeBlock(chunk, at);
      at += taken;
      this.#position += taken;
    }
  }

  /**
   * Says that there is nothing more.
   *
   * @throws {ArchiveError} If the archive is not complete.
   */
  end(): void {
    if (this.#state === "ended") return;
    if (this.#position === 0) throw new ArchiveError("not a tar archive: it is empty");
    const isBetweenEntries = this.#state === "header" && this.#blockFill === 0 &&
      this.#left === 0 && this.#padding === 0 && this.#records.length === 0 &&
      this.#longName === undefined && this.#longLink === undefined;
    if (isBetweenEntries && !this.#needsEndMarker) return;
    const isShort = this.#entryCount === 0 && this.#position < BLOCK_SIZE;
    throw new ArchiveError(
      isShort ? "not a tar archive" : `truncated tar archive: it ends at byte ${this.#position}`,
    );
  }

  #takePayload(chunk: Uint8Array<ArrayBuffer>, at: number): number {
    const length = Math.min(this.#left, chunk.length - at);
    const bytes = chunk.subarray(at, at + length);
    if (this.#state === "extended") {
      this.#extended.set(bytes, this.#extended.length - this.#left);
    } else if (this.#entry !== undefined) {
      this.#emitData(this.#entry, bytes);
    }
    this.#left -= length;
    if (this.#left === 0) this.#endPayload();
    return length;
  }

  #skipPadding(available: number): number {
    const length = Math.min(this.#padding, available);
    this.#padding -= length;
    return length;
  }

  #takeBlock(chunk: Uint8Array<ArrayBuffer>, at: number): number {
    if (this.#blockFill === 0 && chunk.length - at >= BLOCK_SIZE) {
      this.#endBlock(chunk.subarray(at, at + BLOCK_SIZE));
      return BLOCK_SIZE;
    }
    const length = Math.min(BLOCK_SIZE - this.#blockFill, chunk.length - at);
    this.#block.set(chunk.subarray(at, at + length), this.#blockFill);
    this.#blockFill += length;
    if (this.#blockFill === BLOCK_SIZE) {
      this.#blockFill = 0;
      this.#endBlock(this.#block);
    }
    return length;
  }

  #endBlock(block: Uint8Array): void {
    if (this.#state === "sparse-extension") this.#takeSparseExtension(block);
    else if (this.#state === "sparse-map") this.#takeSparseMap(block);
    else this.#takeHeader(block);
  }

  #takeHeader(block: Uint8Array): void {
    // One block of zeros ends the archive for GNU tar too, which only warns that it is alone
    if (block[0] === 0 && isZeroBlock(block)) {
      this.#state = "ended";
      return;
    }
    if (!isChecksumRight(block)) {
      throw new ArchiveError(
        this.#position < BLOCK_SIZE
          ? "not a tar archive"
          : `damaged tar archive: bad header before byte ${this.#position + this.#blockFill}`,
      );
    }
    const header = readHeader(block);
    if (EXTENDED_TYPES.includes(header.type)) this.#beginExtended(header);
    else if (header.type === VOLUME_LABEL) this.#beginData(header.size);
    else this.#beginEntry(header, block);
  }

  #beginExtended({ type, size }: RawHeader): void {
    if (size > MAX_EXTENDED_HEADER) {
      throw new ArchiveError(
        `extended header of ${size} bytes: at most ${MAX_EXTENDED_HEADER} are accepted`,
      );
    }
    this.#extendedType = type;
    this.#extended = new Uint8Array(size);
    this.#beginPayload("extended", size);
  }

  #beginPayload(state: State, size: number): void {
    this.#state = state;
    this.#left = size;
    this.#padding = (BLOCK_SIZE - size % BLOCK_SIZE) % BLOCK_SIZE;
    if (size === 0) this.#endPayload();
  }

  #beginData(size: number): void {
    this.#region = 0;
    this.#regionDone = 0;
    this.#beginPayload("data", size);
  }

  #endPayload(): void {
    const wasExtended = this.#state === "extended";
    this.#state = "header";
    if (wasExtended) {
      this.#endExtended();
    } else if (this.#entry !== undefined) {
      this.#entry = undefined;
      this.#sink.endEntry();
    }
  }

  #endExtended(): void {
    const payload = this.#extended;
    if (this.#extendedType === "L") this.#longName = readLongName(payload);
    else if (this.#extendedType === "K") this.#longLink = readLongName(payload);
    else if (this.#extendedType !== "g") this.#records.push(...parsePaxRecords(payload));
    else {
      for (const record of parsePaxRecords(payload)) this.#globalRecords.set(record.key, record);
      if (this.#globalRecords.size > 1024) throw new ArchiveError("too many global headers");
    }
  }

  #beginEntry(header: RawHeader, block: Uint8Array): void {
    const merged = mergeHeaders(header, this.#allRecords(), this.#longName, this.#longLink);
    this.#records = [];
    this.#longName = this.#longLink = undefined;
    this.#entryCount++;
    this.#entry = merged.entry;
    this.#storedSize = merged.storedSize;
    this.#regions = merged.regions ?? [];
    if (header.type === "S") this.#beginOldSparse(merged.entry, block);
    else if (merged.hasMapInData) this.#beginSparseMap();
    else this.#emitEntry(merged.entry);
  }

  /** The entry's own records, and the global ones of which it has none, not even an empty one. */
  #allRecords(): PaxRecord[] {
    if (this.#globalRecords.size === 0) return this.#records;
    const own = new Set(this.#records.map(({ key }) => key));
    const global = [...this.#globalRecords.values()].filter(({ key }) => !own.has(key));
    return [...global, ...this.#records];
  }

  #emitEntry(entry: TarEntry): void {
    if (entry.isSparse) checkRegions(this.#regions, entry.size, this.#storedSize);
    this.#sink.entry(entry);
    if (entry.type === "directory" && this.#storedSize > 0) {
      this.#entry = undefined;
      this.#sink.endEntry();
    }
    this.#beginData(this.#storedSize);
  }

  #emitData(entry: TarEntry, bytes: Uint8Array<ArrayBuffer>): void {
    if (!entry.isSparse) {
      this.#sink.data(bytes, entry.size - this.#left);
      return;
    }
    for (let at = 0; at < bytes.length;) {
      const { offset, length } = this.#regions[this.#region] ?? { offset: 0, length: 0 };
      if (this.#regionDone === length) {
        this.#region++;
        this.#regionDone = 0;
        continue;
      }
      const taken = Math.min(length - this.#regionDone, bytes.length - at);
      this.#sink.data(bytes.subarray(at, at + taken), offset + this.#regionDone);
      this.#regionDone += taken;
      at += taken;
    }
  }

  #beginOldSparse(entry: TarEntry, block: Uint8Array): void {
    const { regions, hasMore, fileSize } = readOldSparseHeader(block);
    entry.size = fileSize;
    entry.isSparse = true;
    this.#regions = regions;
    if (hasMore) this.#state = "sparse-extension";
    else this.#emitEntry(entry);
  }

  #takeSparseExtension(block: Uint8Array): void {
    const { regions, hasMore } = readOldSparseExtension(block);
    this.#regions.push(...regions);
    // A region holds a byte at least, but for the last
    if (hasMore && regions.length > 0 && this.#regions.length <= this.#storedSize + 1) return;
    if (this.#entry !== undefined && !hasMore) this.#emitEntry(this.#entry);
    else throw new ArchiveError("damaged sparse map");
  }

  #beginSparseMap(): void {
    this.#mapReader = new SparseMapReader();
    this.#state = "sparse-map";
  }

  #takeSparseMap(block: Uint8Array): void {
    this.#storedSize -= BLOCK_SIZE;
    const regions = this.#mapReader?.push(block);
    if (this.#storedSize < 0) throw new ArchiveError("damaged sparse map");
    if (regions === undefined || this.#entry === undefined) return;
    this.#regions = regions;
    this.#emitEntry(this.#entry);
  }
}

function readLongName(payload: Uint8Array): ByteString {
  const nul = payload.indexOf(0);
  return checkedName(payload.subarray(0, nul < 0 ? payload.length : nul));
}

/** A name out of an extended header, which has no length of its own to keep to. */
function checkedName(bytes: Uint8Array): ByteString {
  if (bytes.length > MAX_NAME_LENGTH) {
    const start = quoted(byteStringOf(bytes, 0, 80));
    throw new ArchiveError(
      `name or link target of ${bytes.length} bytes that starts with ${start}: at most ${MAX_NAME_LENGTH} are accepted`,
    );
  }
  const name = byteStringOf(bytes, 0, bytes.length);
  if (name.includes("\0")) throw new ArchiveError(`NUL byte in the name ${quoted(name)}`);
  return name;
}

interface MergedEntry {
  entry: TarEntry;
  /** Bytes of data in the archive, a sparse map included. */
  storedSize: number;
  /** Sparse regions that the headers themselves list. */
  regions: SparseRegion[] | undefined;
  /** Whether the data starts with a sparse map (PAX format 1.0). */
  hasMapInData: boolean;
}

/** What PAX records say about the entry that follows them; the last one of a key wins. */
interface PaxOverrides {
  name?: ByteString;
  linkName?: ByteString;
  size?: number;
  uid?: number;
  gid?: number;
  modifiedAt?: FileTime;
  attributes: Map<string, ExtendedAttribute>;
  sparseName?: ByteString;
  sparseSize?: number;
  sparseRegions?: SparseRegion[];
  /** Offset of a region of format 0.0 whose length comes in the next record. */
  sparseOffset?: number;
  sparseMajor?: number;
}

type RecordHandler = (overrides: PaxOverrides, value: Uint8Array<ArrayBuffer>) => void;

/** What each key means; keys that are not here say nothing about a file on disk. */
const RECORD_HANDLERS: ReadonlyMap<string, RecordHandler> = new Map<string, RecordHandler>([
  ["path", (overrides, value) => overrides.name = checkedName(value)],
  ["linkpath", (overrides, value) => overrides.linkName = checkedName(value)],
  ["size", (overrides, value) => overrides.size = decimalOf(value, "size")],
  ["uid", (overrides, value) => overrides.uid = idOf(value, "user id")],
  ["gid", (overrides, value) => overrides.gid = idOf(value, "group id")],
  ["mtime", (overrides, value) => overrides.modifiedAt = parsePaxTime(decoder.decode(value))],
  ["GNU.sparse.name", (overrides, value) => overrides.sparseName = checkedName(value)],
  ["GNU.sparse.size", (overrides, value) => overrides.sparseSize = decimalOf(value, "size")],
  ["GNU.sparse.realsize", (overrides, value) => overrides.sparseSize = decimalOf(value, "size")],
  ["GNU.sparse.major", (overrides, value) => overrides.sparseMajor = decimalOf(value, "version")],
  ["GNU.sparse.map", (overrides, value) => {
    overrides.sparseRegions = parseSparseMap(decoder.decode(value));
  }],
  ["GNU.sparse.numblocks", (overrides) => overrides.sparseRegions ??= []],
  ["GNU.sparse.offset", (overrides, value) => {
    overrides.sparseOffset = decimalOf(value, "sparse map");
  }],
  ["GNU.sparse.numbytes", (overrides, value) => {
    const offset = overrides.sparseOffset;
    if (offset === undefined) throw new ArchiveError("damaged sparse map");
    (overrides.sparseRegions ??= []).push({ offset, length: decimalOf(value, "sparse map") });
    delete overrides.sparseOffset;
  }],
]);

function decimalOf(value: Uint8Array, field: string): number {
  return readDecimal(decoder.decode(value), field);
}

function idOf(value: Uint8Array, field: string): number {
  return checkId(decimalOf(value, field), field);
}

function readOverrides(records: readonly PaxRecord[]): PaxOverrides {
  const overrides: PaxOverrides = { attributes: new Map() };
  for (const record of records) {
    const handler = RECORD_HANDLERS.get(record.key);
    // An empty value only takes back what a global record said
    if (handler !== undefined && record.value.length > 0) handler(overrides, record.value);
    const attribute = attributeOf(record);
    if (attribute !== undefined) overrides.attributes.set(attribute.name, attribute);
  }
  return overrides;
}

const NO_OVERRIDES: PaxOverrides = { attributes: new Map() };
const NO_ATTRIBUTES: readonly ExtendedAttribute[] = [];

function mergeHeaders(
  header: RawHeader,
  records: readonly PaxRecord[],
  longName: ByteString | undefined,
  longLink: ByteString | undefined,
): MergedEntry {
  const pax = records.length === 0 ? NO_OVERRIDES : readOverrides(records);
  const name = pax.sparseName ?? pax.name ?? longName ?? header.name;
  const type = entryType(header.type, name);
  const storedSize = type === "file" || header.type === "D" ? pax.size ?? header.size : 0;
  const hasMapInData = type === "file" && pax.sparseMajor === 1;
  const isSparse = type === "file" && (pax.sparseRegions !== undefined || hasMapInData);
  const entry: TarEntry = {
    type,
    name,
    linkName: pax.linkName ?? longLink ?? header.linkName,
    mode: header.mode,
    uid: pax.uid ?? header.uid,
    gid: pax.gid ?? header.gid,
    size: type !== "file" ? 0 : isSparse ? pax.sparseSize ?? storedSize : storedSize,
    modifiedAt: pax.modifiedAt ?? { seconds: BigInt(header.mtime), nanoseconds: 0n },
    deviceMajor: header.deviceMajor,
    deviceMinor: header.deviceMinor,
    attributes: pax.attributes.size === 0 ? NO_ATTRIBUTES : [...pax.attributes.values()],
    isSparse,
  };
  return { entry, storedSize, regions: pax.sparseRegions, hasMapInData };
}

function entryType(flag: string, name: ByteString): TarEntryType {
  const type = ENTRY_TYPES[flag];
  if (type === undefined) {
    throw new ArchiveError(
      `entry ${quoted(name)} is of the unknown type ${JSON.stringify(flag)}`,
      "unsupported",
    );
  }
  // Archives older than ustar have no type for directories
  return type === "file" && flag !== "S" && name.endsWith("/") ? "directory" : type;
}
