/**
 * Which parts of a sparse file an archive holds; the rest are holes.
 *
 * @see {@link https://www.gnu.org/software/tar/manual/html_node/Sparse-Formats.html}
 * @module
 */

import { ArchiveError } from "./archive_error.ts";
import { readDecimal, readSize } from "./tar_header.ts";

/** A part of a file that is stored. */
export interface SparseRegion {
  /** In bytes from the start of the file. */
  offset: number;
  /** In bytes; may be 0 to mark the end of the file. */
  length: number;
}

/** Most regions of one file: 16 MiB of extents at 24 bytes each would be absurd already. */
const MAX_REGIONS = 262_144;

/** Offset of the region list in an old GNU header. */
const OLD_HEADER_LIST = 386;
const OLD_HEADER_REGIONS = 4;
const OLD_HEADER_MORE = 482;
const OLD_HEADER_SIZE = { offset: 483, length: 12, name: "sparse file size" };
const OLD_EXTENSION_REGIONS = 21;
const OLD_EXTENSION_MORE = 504;
const OLD_REGION_SIZE = 24;

/** What an old GNU header or extension block says. */
export interface OldSparseBlock {
  regions: SparseRegion[];
  /** Whether another extension block follows. */
  hasMore: boolean;
}

function readOldList(block: Uint8Array, offset: number, count: number): SparseRegion[] {
  const regions: SparseRegion[] = [];
  for (let i = 0; i < count; i++) {
    const at = offset + i * OLD_REGION_SIZE;
    // An unused slot ends the list
    if (block[at] === 0 && block[at + 12] === 0) break;
    regions.push({
      offset: readSize(block, { offset: at, length: 12, name: "sparse map" }),
      length: readSize(block, { offset: at + 12, length: 12, name: "sparse map" }),
    });
  }
  return regions;
}

/** Reads the sparse part of an old GNU header (type `S`). */
export function readOldSparseHeader(block: Uint8Array): OldSparseBlock & { fileSize: number } {
  return {
    regions: readOldList(block, OLD_HEADER_LIST, OLD_HEADER_REGIONS),
    hasMore: block[OLD_HEADER_MORE] !== 0,
    fileSize: readSize(block, OLD_HEADER_SIZE),
  };
}

/** Reads a block that continues the list of an old GNU header. */
export function readOldSparseExtension(block: Uint8Array): OldSparseBlock {
  return {
    regions: readOldList(block, 0, OLD_EXTENSION_REGIONS),
    hasMore: block[OLD_EXTENSION_MORE] !== 0,
  };
}

/**
 * Reads the list `offset,length,offset,length…` of PAX format 0.1.
 *
 * @throws {ArchiveError} If it is malformed.
 */
export function parseSparseMap(text: string): SparseRegion[] {
  return pairUp(text === "" ? [] : text.split(","));
}

function pairUp(numbers: readonly string[]): SparseRegion[] {
  if (numbers.length % 2 !== 0) throw new ArchiveError("damaged sparse map");
  const regions: SparseRegion[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    regions.push({
      offset: readDecimal(numbers[i] ?? "", "sparse map"),
      length: readDecimal(numbers[i + 1] ?? "", "sparse map"),
    });
  }
  return regions;
}

/**
 * The map that PAX format 1.0 puts in front of the data: a count and then
 * offsets and lengths, a decimal number on each line, filled up to a whole block.
 */
export class SparseMapReader {
  #line = "";
  #numbers: string[] = [];
  #expected = -1;

  /**
   * Takes one block of the map.
   *
   * @returns The regions once the map is complete.
   * @throws {ArchiveError} If it is malformed.
   */
  push(block: Uint8Array): SparseRegion[] | undefined {
    for (const byte of block) {
      if (byte !== 0x0a) {
        this.#line += String.fromCharCode(byte);
        if (this.#line.length > 20) throw new ArchiveError("damaged sparse map");
        continue;
      }
      this.#takeLine();
      if (this.#numbers.length === this.#expected) return pairUp(this.#numbers);
    }
    return undefined;
  }

  #takeLine(): void {
    const line = this.#line;
    this.#line = "";
    if (this.#expected >= 0) {
      this.#numbers.push(line);
      return;
    }
    const count = readDecimal(line, "sparse map");
    if (count > MAX_REGIONS) throw new ArchiveError("sparse map with too many regions");
    this.#expected = 2 * count;
  }
}

/**
 * Checks that regions are in order, do not overlap, end inside the file and hold as many bytes as are stored.
 *
 * @param fileSize Size of the whole file in bytes.
 * @param storedSize Bytes of data in the archive.
 * @throws {ArchiveError} If not.
 */
export function checkRegions(
  regions: readonly SparseRegion[],
  fileSize: number,
  storedSize: number,
): void {
  let [end, sum] = [0, 0];
  for (const { offset, length } of regions) {
    if (offset < end || offset + length > fileSize) throw new ArchiveError("damaged sparse map");
    end = offset + length;
    sum += length;
  }
  if (sum !== storedSize || regions.length > MAX_REGIONS) {
    throw new ArchiveError("damaged sparse map");
  }
}
