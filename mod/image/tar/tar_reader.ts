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
import type { ByteString } from "./byte_string.ts";
import { parsePaxRecords, type PaxRecord } from "./pax.ts";
import {
  checkRegions,
  readOldSparseExtension,
  readOldSparseHeader,
  SparseMapReader,
  type SparseRegion,
} from "./sparse.ts";
import { mergeHeaders, readLongName, type TarEntry } from "./tar_entry.ts";
import {
  BLOCK_SIZE,
  isChecksumRight,
  isZeroBlock,
  type RawHeader,
  readHeader,
} from "./tar_header.ts";

export { MAX_NAME_LENGTH, type TarEntry, type TarEntryType } from "./tar_entry.ts";

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
  /**
   * Does all that is to be done for entries which are whole, as the methods above would. The reader asks where a header
   * should be that no extended one is about.
   *
   * @param bytes What comes next in the archive; not checked, and valid during the call only.
   * @returns How many entries were taken from the beginning of `bytes`, and how many bytes they are, a multiple of the
   * block size. What comes next goes the usual way.
   * @default {takes none}
   */
  takeWhole?(bytes: Uint8Array<ArrayBuffer>): { count: number; bytes: number };
}

/** Options of a {@linkcode TarReader}. */
export interface TarReaderOptions {
  /**
   * Whether an archive must end with a block of zeros. Without it the padding of the last file may be missing too
   * (umoci leaves it out), and a cut at the end of an entry cannot be seen, so it is only for archives whose digest is
   * known.
   * @default {true}
   */
  needsEndMarker?: boolean;
}

/** Most bytes of one extended header or GNU long name. */
export const MAX_EXTENDED_HEADER = 1 << 20;
/** Most bytes of all extended headers of one entry, and of all global ones that are in force. */
const MAX_EXTENDED_HEADERS = 4 << 20;

/** Extended headers, collected before the entry that they are about. */
const EXTENDED_TYPES = "xXgLK";
/** GNU volume label: says nothing about a file. */
const VOLUME_LABEL = "V";

/** What the bytes at the current position are. */
type State = "header" | "extended" | "sparse-extension" | "sparse-map" | "data" | "ended";

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
  /** Bytes of the extended headers since the last entry. */
  #extendedSize = 0;
  #globalRecords = new Map<string, PaxRecord>();
  /** Bytes of all global headers so far. */
  #globalSize = 0;
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
        : this.#takeWhole(chunk, at) || this.#takeBlock(chunk, at);
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
    if (this.#isBetweenEntries && !this.#needsEndMarker) return;
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

  /** @returns Bytes of the entries that the sink took by itself. */
  #takeWhole(chunk: Uint8Array<ArrayBuffer>, at: number): number {
    if (this.#sink.takeWhole === undefined || !this.#isBetweenEntries) return 0;
    // Global records say something about every entry
    if (this.#globalRecords.size > 0) return 0;
    const { count, bytes } = this.#sink.takeWhole(chunk.subarray(at));
    this.#entryCount += count;
    return bytes;
  }

  /** Whether the next thing is a header, or the end, and nothing has been said about its entry. */
  get #isBetweenEntries(): boolean {
    return this.#state === "header" && this.#blockFill === 0 && this.#left === 0 &&
      this.#records.length === 0 && this.#longName === undefined && this.#longLink === undefined;
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
    if (type === "g") this.#globalSize += size;
    else this.#extendedSize += size;
    if (Math.max(this.#globalSize, this.#extendedSize) > MAX_EXTENDED_HEADERS) {
      throw new ArchiveError(
        `extended headers of one entry, or global ones, have more than ${MAX_EXTENDED_HEADERS} bytes`,
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
    }
  }

  #beginEntry(header: RawHeader, block: Uint8Array): void {
    const merged = mergeHeaders(header, {
      records: this.#allRecords(),
      longName: this.#longName,
      longLink: this.#longLink,
    });
    this.#records = [];
    this.#extendedSize = 0;
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
