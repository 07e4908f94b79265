/** Root file systems as tars. @module */

import { WherryError } from "../../errors.ts";
import { explainFailure } from "../../image/tar/archive_error.ts";
import { ImagePaths } from "../../image/store/image_paths.ts";
import { getImage } from "../../image/store/images.ts";
import { rootfsMembers } from "../../image/layer/layer_writer.ts";
import { writeTar } from "../../image/tar/tar_writer.ts";
import type { TreeSource } from "../../image/layer/tree_walk.ts";
import { isPresent } from "../../kernel/entry.ts";
import { checkStillThere, rootSources } from "../record/container_files.ts";
import type { Engine } from "../base/engine.ts";
import { recordContainerEvent } from "../base/events.ts";
import { findContainer } from "../record/find.ts";

/**
 * Writes the root file system of a container as a tar, without what is mounted in it. A container that runs goes on
 * meanwhile: of a file that it writes to, the tar has some of both.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @returns Chunks, each valid until `VALID_CHUNKS` (source.ts) more have been asked for.
 * @throws {WherryError} While iterating: `not_found` if there is no such container, or not any more; `unsupported`
 * if something in it cannot be in an archive, `unavailable` if it cannot be read.
 */
export async function* exportContainer(
  engine: Engine,
  wanted: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const container = findContainer(engine, wanted);
  recordContainerEvent(engine, { config: container.config, action: "export" });
  yield* tarOf(rootSources(engine, container), `export container "${wanted}"`);
  checkStillThere(container);
}

/**
 * Writes the root file system of an image as a tar.
 *
 * @param wanted A reference, an id or the beginning of an id.
 * @returns As {@linkcode exportContainer}.
 * @throws {WherryError} While iterating: `not_found` if there is no such image, `conflict` if it is removed
 * meanwhile; otherwise as {@linkcode exportContainer}.
 */
export async function* exportImage(
  engine: Engine,
  wanted: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { layerDirs } = getImage(new ImagePaths(engine.paths.root), wanted);
  const sources = layerDirs.toReversed().map((path) => ({ path, mayHoldMounts: false }));
  yield* tarOf(sources, `export image "${wanted}"`);
  // Whoever removes a layer moves it away first
  if (layerDirs.every(isPresent)) return;
  throw new WherryError(
    "conflict",
    `Cannot export image "${wanted}": another command has removed it meanwhile`,
  );
}

async function* tarOf(
  sources: readonly TreeSource[],
  action: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    yield* writeTar(rootfsMembers(sources));
  } catch (error) {
    throw explainFailure(action, error);
  }
}
