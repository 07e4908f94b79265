/** How much has been copied, as docker counts it. @module */

import { encodeHeader, type NewTarEntry } from "../../image/tar/tar_writer.ts";

const BLOCK_SIZE = 512;
/** Two blocks of zeros. */
const END_SIZE = 2 * BLOCK_SIZE;

/** Counts the bytes that a tar of a copy has, which is what docker sends and tells of. */
export class CopyMeter {
  readonly #onProgress: (bytes: number) => void;
  #bytes = 0;
  /** Bytes of the current file that have been told of as it was copied. */
  #early = 0;

  /** @param onProgress Told of all bytes so far, often. */
  constructor(onProgress: (bytes: number) => void = () => {}) {
    this.#onProgress = onProgress;
  }

  /** All so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts a part of a file that is not complete yet. */
  addPart(count: number): void {
    this.#early += count;
    this.#onProgress(this.#bytes + this.#early);
  }

  /** Counts a whole entry. */
  addEntry(entry: NewTarEntry): void {
    this.#early = 0;
    this.#bytes += headerSize(entry) + Math.ceil(entry.size / BLOCK_SIZE) * BLOCK_SIZE;
    this.#onProgress(this.#bytes);
  }

  /** Counts the end of the archive. */
  finish(): void {
    this.#bytes += END_SIZE;
  }
}

/** Longest name or link that needs no extended header, in bytes, with the slash of a directory. */
const MAX_PLAIN_NAME = 99;

/** In bytes. */
function headerSize(entry: NewTarEntry): number {
  const { name, linkName, attributes, modifiedAt: { seconds } } = entry;
  if (Math.max(name.length, linkName.length) <= MAX_PLAIN_NAME && attributes.length === 0) {
    return BLOCK_SIZE;
  }
  // Docker's times are whole seconds, which need no extended header
  return encodeHeader({ ...entry, modifiedAt: { seconds, nanoseconds: 0n } }).length;
}
