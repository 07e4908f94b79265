/**
 * Follows the frames of a zstd stream without decompressing them.
 *
 * `node:zlib` on Deno takes the end of its input for the end of the stream,
 * even in the middle of a frame, and drops what follows a frame in one write.
 * This says where frames end.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc8878.html#section-3}
 * @module
 */

import { ArchiveError } from "../tar/archive_error.ts";

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
const DICTIONARY_ID_SIZES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_SIZES = [0, 2, 4, 8] as const;
const BLOCK_TYPE_RLE = 1;

/** What the next bytes are. */
type Part = "magic" | "skippable-size" | "descriptor" | "block";

/** Length in bytes of each part that is looked at. */
const PART_SIZES: Readonly<Record<Part, number>> = {
  "magic": 4,
  "skippable-size": 4,
  "descriptor": 1,
  "block": 3,
};

/** A push parser that knows at any moment whether a frame is open. */
export class ZstdFrameScanner {
  #part: Part = "magic";
  #value = 0;
  #fill = 0;
  /** Bytes to pass over before the next part. */
  #skip = 0;
  #hasChecksum = false;

  /**
   * Takes the next bytes of the compressed stream.
   *
   * @returns Positions in `chunk` at which frames end, in order.
   * @throws {ArchiveError} If something that is not a frame follows a frame.
   */
  push(chunk: Uint8Array): number[] {
    const ends: number[] = [];
    for (let at = 0; at < chunk.length;) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at);
        this.#skip -= skipped;
        at += skipped;
      } else {
        this.#value += (chunk[at++] ?? 0) * 2 ** (8 * this.#fill++);
        if (this.#fill === PART_SIZES[this.#part]) this.#endPart();
      }
      if (this.#isBetweenFrames) ends.push(at);
    }
    return ends;
  }

  get #isBetweenFrames(): boolean {
    return this.#part === "magic" && this.#fill === 0 && this.#skip === 0;
  }

  /**
   * Says that there is nothing more.
   *
   * @throws {ArchiveError} If a frame is not complete.
   */
  end(): void {
    if (this.#isBetweenFrames) return;
    throw new ArchiveError("truncated zstd stream");
  }

  #endPart(): void {
    const value = this.#value;
    this.#value = 0;
    this.#fill = 0;
    this.#part = this.#nextPart(value);
  }

  #nextPart(value: number): Part {
    switch (this.#part) {
      case "magic":
        if (value === MAGIC) return "descriptor";
        if (((value & SKIPPABLE_MASK) >>> 0) === SKIPPABLE_MAGIC) return "skippable-size";
        throw new ArchiveError("damaged zstd stream: something that is not zstd follows");
      case "skippable-size":
        this.#skip = value;
        return "magic";
      case "descriptor":
        this.#hasChecksum = (value & 4) !== 0;
        this.#skip = headerRest(value);
        return "block";
      case "block":
        return this.#endBlockHeader(value);
    }
  }

  #endBlockHeader(value: number): Part {
    const isRunLength = ((value >> 1) & 3) === BLOCK_TYPE_RLE;
    this.#skip = isRunLength ? 1 : value >> 3;
    if ((value & 1) === 0) return "block";
    if (this.#hasChecksum) this.#skip += 4;
    return "magic";
  }
}

/** Bytes of a frame header after its descriptor. */
function headerRest(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryId = DICTIONARY_ID_SIZES[descriptor & 3] ?? 0;
  const contentSize = CONTENT_SIZE_SIZES[descriptor >> 6] ?? 0;
  return dictionaryId + (isSingleSegment ? Math.max(contentSize, 1) : contentSize + 1);
}
