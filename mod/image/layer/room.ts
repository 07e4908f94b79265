/** How much may be unpacked, and how much there is room for. @module */

import { WherryError } from "../../errors.ts";
import { freeBytes } from "../../kernel/file_system.ts";
import { ArchiveError } from "../tar/archive_error.ts";

/**
 * A limit on what comes out of compressed data: a few kilobytes can be made to fill any disk.
 *
 * All that counts together shares one: the layers of an image, also ones that are unpacked at the same time.
 */
export class UnpackBudget {
  readonly #maxBytes: number;
  #usedBytes = 0;

  /** @param maxBytes Limit in bytes; `undefined` for none. */
  constructor(maxBytes: number | undefined) {
    this.#maxBytes = maxBytes ?? Infinity;
  }

  /**
   * Takes note of bytes that have come out.
   *
   * @throws {ArchiveError} `unsupported` if they are more than the limit, together with those before.
   */
  spend(bytes: number): void {
    this.#usedBytes += bytes;
    if (this.#usedBytes <= this.#maxBytes) return;
    throw new ArchiveError(
      `it unpacks to more than the limit of ${this.#maxBytes} bytes`,
      "unsupported",
      { hint: "Allow more with --max-unpacked" },
    );
  }
}

/**
 * Makes sure that there is room, where it is known how much is needed: better than a full disk half way.
 *
 * @param directory On the file system in question.
 * @param bytes How much will be written at least.
 * @throws {WherryError} `unavailable` if that is more than what is free.
 */
export function checkRoom(directory: string, bytes: number): void {
  const free = freeBytes(directory);
  if (bytes <= free) return;
  throw new WherryError(
    "unavailable",
    `Cannot unpack: no space left on device: it needs ${formatMegabytes(bytes)}, ${
      formatMegabytes(free)
    } are free`,
    { hint: "Free some space, or give another --root" },
  );
}

function formatMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
