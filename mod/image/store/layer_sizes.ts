/** How much unpacked layers take. @module */

import { isCorrupt, WherryError } from "../../errors.ts";
import { isPresent } from "../../kernel/entry.ts";
import { treeBytes } from "../../kernel/tree_size.ts";
import { readRecord, removeIfPresent, writeRecord } from "../../store/record.ts";
import { isCount, isObject } from "../../store/record_fields.ts";
import { type ChainId, hexOf } from "../spec/digest.ts";
import type { ImagePaths } from "./image_paths.ts";

/**
 * Measures unpacked layers, each once in its life.
 *
 * A layer never changes, and its name is its content: what was measured is kept in a file, which may be lost or
 * damaged at any time.
 */
export class LayerSizes implements Disposable {
  readonly #paths: ImagePaths;
  readonly #sizes: Map<string, number>;
  #isChanged = false;

  /** Reads what is known. */
  constructor(paths: ImagePaths) {
    this.#paths = paths;
    this.#sizes = readSizes(paths);
  }

  /**
   * Bytes of a layer's files, as docker counts them; each hard link once.
   *
   * @returns `undefined` if there is no such layer.
   */
  find(id: ChainId): number | undefined {
    const hex = hexOf(id);
    const directory = this.#paths.layer(id);
    if (!isPresent(directory)) return undefined;
    const known = this.#sizes.get(hex);
    if (known !== undefined) return known;
    const bytes = treeBytes(directory);
    this.#sizes.set(hex, bytes);
    this.#isChanged = true;
    return bytes;
  }

  /**
   * Forgets a layer that is going.
   *
   * @param name Its name in the directory of layers.
   * @returns Its size if somebody has asked for it before.
   */
  forget(name: string): number | undefined {
    const known = this.#sizes.get(name);
    this.#isChanged = this.#sizes.delete(name) || this.#isChanged;
    return known;
  }

  /** Keeps what was found out. */
  [Symbol.dispose](): void {
    if (!this.#isChanged) return;
    if (this.#sizes.size === 0) return removeIfPresent(this.#paths.layerSizes);
    const sizes = Object.fromEntries(this.#sizes);
    try {
      writeRecord(this.#paths.layerSizes, { schema: 1, sizes }, { isDurable: false });
    } catch (error) {
      // A full or read-only disk: they are measured again next time
      if (!(error instanceof Error && error.message.includes("(os error "))) throw error;
    }
  }
}

function readSizes({ layerSizes }: ImagePaths): Map<string, number> {
  try {
    return readRecord(layerSizes, parseSizes) ?? new Map();
  } catch (error) {
    if (isCorrupt(error)) return new Map();
    throw error;
  }
}

function parseSizes(json: unknown): Map<string, number> {
  const sizes = isObject(json) ? json["sizes"] : undefined;
  if (!isObject(sizes)) throw new WherryError("corrupt", "Cannot read sizes: not an object");
  const known = new Map<string, number>();
  for (const [id, size] of Object.entries(sizes)) if (isCount(size)) known.set(id, size);
  return known;
}
