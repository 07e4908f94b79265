/** A private image store that knows what a healthy one looks like. @module */

import { deepStrictEqual } from "node:assert/strict";
import type { ImageId } from "../../mod/image/spec/digest.ts";
import { ImagePaths } from "../../mod/image/store/image_paths.ts";
import type { ImageUse } from "../../mod/image/store/image_sweep.ts";
import { importRootfs } from "../../mod/image/archive/import.ts";
import { parseReference } from "../../mod/image/spec/reference.ts";
import { needs } from "../needs.ts";
import { sourceOf } from "./byte_source.ts";
import { tarOf } from "./tar_builder.ts";

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

/** Imports a tar with one file as an image made in 1970. */
export async function makeImage(paths: ImagePaths, name: string, file = name): Promise<ImageId> {
  const tar = tarOf({ name: file });
  const { id } = await importRootfs(paths, sourceOf(tar), {
    reference: parseReference(name),
    sourceName: "-",
    createdAt: new Date(0),
  });
  return id;
}

/** Registers a test with an image store of its own. */
export function testStore(
  name: string,
  body: (store: TestImageStore) => Promise<void> | void,
): void {
  Deno.test({
    name,
    ignore: !needs("root"),
    fn: async () => {
      using store = new TestImageStore();
      await body(store);
    },
  });
}

/** One container, called `web`, was made from an image. */
export function usedBy(id: ImageId, isRunning: boolean): ImageUse {
  const user = { name: "web", isRunning };
  return { usersOf: (asked) => asked === id ? [user] : [], layers: () => [] };
}

function listNames(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
