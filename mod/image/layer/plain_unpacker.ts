/** Unpacks a tar of files that are no layer: as they are, with holes where there are long runs of zeros. @module */

import type { ByteString } from "../tar/byte_string.ts";
import type { TarEntry } from "../tar/tar_entry.ts";
import type { TarSink } from "../tar/tar_reader.ts";
import { normaliseName } from "./entry_path.ts";
import { LayerUnpacker } from "./layer.ts";

/** Bytes of the blocks of zeros that become holes: those of most file systems. */
const BLOCK_SIZE = 4096;
/** Size in bytes from which on a file is looked through for holes. */
const MIN_SPARSE_SIZE = 64 * 1024;

/** Puts the entries of a tar on disk, as {@linkcode LayerUnpacker} does; no name and no attribute means anything. */
export class PlainUnpacker implements TarSink, Disposable {
  readonly #unpacker: LayerUnpacker;
  readonly #described = new Set<ByteString>();
  #makesHoles = false;

  /**
   * @param directory Must exist and be empty.
   * @throws {SystemError} If it cannot be opened.
   */
  constructor(directory: string) {
    const options = { isBase: true, hasPlainNames: true, keepsOverlayAttributes: true };
    this.#unpacker = new LayerUnpacker(directory, options);
  }

  /** Names of extended attributes that the file system would not take. */
  get skippedAttributes(): ReadonlySet<string> {
    return this.#unpacker.skippedAttributes;
  }

  /** Whether the tar says what a directory is like; `""` is the top one. Others are there for what is in them. */
  isDescribed(path: ByteString): boolean {
    return this.#described.has(path);
  }

  /** As of {@linkcode LayerUnpacker}. */
  entry(entry: TarEntry): void {
    if (entry.type === "directory") {
      this.#described.add(normaliseName(entry, entry.name, "destination"));
    }
    this.#makesHoles = entry.type === "file" && entry.size >= MIN_SPARSE_SIZE;
    this.#unpacker.entry(this.#makesHoles ? { ...entry, isSparse: true } : entry);
  }

  /** As of {@linkcode LayerUnpacker}. */
  data(bytes: Uint8Array<ArrayBuffer>, offset: number): void {
    if (!this.#makesHoles) return this.#unpacker.data(bytes, offset);
    for (const [start, end] of runsOfData(bytes, offset)) {
      this.#unpacker.data(bytes.subarray(start, end), offset + start);
    }
  }

  /** As of {@linkcode LayerUnpacker}. */
  endEntry(): void {
    this.#unpacker.endEntry();
  }

  /** As of {@linkcode LayerUnpacker}. */
  finish(): void {
    this.#unpacker.finish();
  }

  [Symbol.dispose](): void {
    this.#unpacker[Symbol.dispose]();
  }
}

/**
 * What is left of a part of a file without its blocks of zeros.
 *
 * @param offset Of `bytes` in the file: blocks begin at its multiples of 4096.
 */
export function* runsOfData(
  bytes: Uint8Array,
  offset: number,
): Generator<[start: number, end: number]> {
  let start = 0;
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(at + BLOCK_SIZE - (offset + at) % BLOCK_SIZE, bytes.length);
    if (isZero(bytes, at, end)) {
      if (start < at) yield [start, at];
      start = end;
    }
    at = end;
  }
  if (start < bytes.length) yield [start, bytes.length];
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0) return false;
  return true;
}
