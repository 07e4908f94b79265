/** Root file systems as tars. @module */

import { explainFailure } from "../image/archive_error.ts";
import { ImagePaths } from "../image/image_paths.ts";
import { getImage } from "../image/images.ts";
import { rootfsMembers } from "../image/layer_writer.ts";
import { writeTar } from "../image/tar_writer.ts";
import type { TreeSource } from "../image/tree_walk.ts";
import { lockImages } from "../image/image_index.ts";
import { rootSources } from "./container_files.ts";
import type { Engine } from "./engine.ts";
import { recordContainerEvent } from "./events.ts";
import { findContainer } from "./find.ts";

/**
 * Writes the root file system of a container as a tar, without what is mounted in it. A container that runs goes on
 * meanwhile: of a file that it writes to, the tar has some of both.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @returns Chunks, each valid until `VALID_CHUNKS` (source.ts) more have been asked for.
 * @throws {WherryError} `not_found` if there is no such container; while iterating, `unsupported` if something in
 * it cannot be in an archive, `unavailable` if it cannot be read.
 */
export function exportContainer(
  engine: Engine,
  wanted: string,
): AsyncIterable<Uint8Array<ArrayBuffer>> {
  const container = findContainer(engine, wanted);
  recordContainerEvent(engine, { config: container.config, action: "export" });
  return tarOf(rootSources(engine, container), `export container "${wanted}"`);
}

/**
 * Writes the root file system of an image as a tar; it cannot be removed meanwhile.
 *
 * @param wanted A reference, an id or the beginning of an id.
 * @returns As {@linkcode exportContainer}.
 * @throws {WherryError} `not_found` if there is no such image; while iterating, as {@linkcode exportContainer}.
 */
export async function* exportImage(
  engine: Engine,
  wanted: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const paths = new ImagePaths(engine.paths.root);
  using _lock = lockImages(paths, "shared");
  const { layerDirs } = getImage(paths, wanted);
  const sources = layerDirs.toReversed().map((path) => ({ path, mayHoldMounts: false }));
  yield* tarOf(sources, `export image "${wanted}"`);
}

async function* tarOf(
  sources: readonly TreeSource[],
  action: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const chunks = writeTar(rootfsMembers(sources));
  try {
    yield* chunks;
  } catch (error) {
    throw explainFailure(action, error);
  }
}
