/** A private image store that knows what a healthy one looks like. @module */

import { deepStrictEqual } from "node:assert/strict";
import { ImagePaths } from "../../mod/image/image_paths.ts";
import type { ImageUse } from "../../mod/image/images.ts";

/** Nothing uses any image. */
export const UNUSED: ImageUse = { usersOf: () => [], layers: () => [] };

/** A store in a temporary directory; disposing of it checks that no unfinished work was left. */
export class TestImageStore implements Disposable {
  readonly root: string;
  readonly paths: ImagePaths;

  constructor() {
    this.root = Deno.makeTempDirSync();
    this.paths = new ImagePaths(this.root);
  }

  /** Every file and directory but the contents of layers, sorted. */
  list(): string[] {
    const names = (directory: string): string[] => {
      return listNames(directory).map((name) => `${directory}/${name}`);
    };
    return [this.root, this.paths.blobs, this.paths.layers, this.paths.staging]
      .flatMap(names).map((path) => path.slice(this.root.length + 1)).sort();
  }

  [Symbol.dispose](): void {
    const unfinished = listNames(this.paths.staging);
    Deno.removeSync(this.root, { recursive: true });
    deepStrictEqual(unfinished, []);
  }
}

function listNames(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
