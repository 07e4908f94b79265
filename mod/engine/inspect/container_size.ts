/** How much room containers take. @module */

import { treeBytes } from "../../kernel/tree_size.ts";
import type { Engine } from "../base/engine.ts";
import type { Container } from "../record/find.ts";
import { lowerDirectoriesOf, ownDirectoryOf } from "../base/storage.ts";

/** How much room a container takes. */
export interface ContainerSize {
  /** What it has written itself, in bytes; with the storage driver `copy`, all of its files. */
  writtenBytes: number;
  /** That and its image, in bytes. Containers of one image share the latter. */
  totalBytes: number;
}

/** Measures containers by walking through their directories; a layer that several share once. */
export class SizeMeter {
  readonly #engine: Engine;
  readonly #layers = new Map<string, number>();

  /** Measures nothing yet. */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Walks through a container's directories, which takes milliseconds for each thousand files. */
  measure({ config, paths }: Container): ContainerSize {
    const writtenBytes = treeBytes(ownDirectoryOf(config, paths));
    if (config.storageDriver === "copy") return { writtenBytes, totalBytes: writtenBytes };
    const imageBytes = lowerDirectoriesOf(this.#engine, config)
      .reduce((sum, directory) => sum + this.#measureLayer(directory), 0);
    return { writtenBytes, totalBytes: writtenBytes + imageBytes };
  }

  #measureLayer(directory: string): number {
    const known = this.#layers.get(directory);
    if (known !== undefined) return known;
    const bytes = treeBytes(directory);
    this.#layers.set(directory, bytes);
    return bytes;
  }
}
