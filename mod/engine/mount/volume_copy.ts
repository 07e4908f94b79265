/** Filling volumes with what images have. @module */

import { findRootPlace } from "../../container/launch/root_place.ts";
import { WherryError } from "../../errors.ts";
import { copyMerged } from "../../image/layer/merged_copy.ts";
import type { TreeSource } from "../../image/layer/tree_walk.ts";
import { closeDescriptor } from "../../kernel/file.ts";
import { openWithoutMounts } from "../../kernel/file_reading.ts";
import { findInRoot, openDirectory } from "../../kernel/open.ts";
import { fillVolume, finishFilling } from "../../volume/volume_filling.ts";
import { type Engine, systemFailure } from "../base/engine.ts";
import { type ContentSource, rootLayersOf } from "./root_content.ts";

/**
 * Fills the directory of a volume that nobody knows yet.
 *
 * @throws {WherryError} `unavailable` for example if the disk is full; the caller removes what was made.
 */
export function fillNewVolume(engine: Engine, source: ContentSource, data: string): void {
  try {
    copyContent(engine, source, data);
  } catch (cause) {
    throw fillFailure(source, cause);
  }
}

/**
 * Fills a volume that exists if it is empty, whoever uses it; the volumes are locked. An interrupted filling is
 * finished, and nothing else is done then.
 *
 * @throws {WherryError} `unavailable` for example if the disk is full; the volume is as it was then.
 */
export function fillExistingVolume(engine: Engine, source: ContentSource, name: string): void {
  try {
    fillVolume(engine.paths, name, (directory) => copyContent(engine, source, directory));
  } catch (cause) {
    throw fillFailure(source, cause);
  }
}

/**
 * Does what is left to do of the interrupted filling of a volume.
 *
 * @throws {WherryError} `unavailable` if the file system refuses.
 */
export function finishVolume(engine: Engine, name: string): void {
  try {
    finishFilling(engine.paths, name);
  } catch (cause) {
    throw systemFailure(`finish filling volume "${name}"`, cause);
  }
}

function fillFailure({ target }: ContentSource, cause: unknown): unknown {
  return systemFailure(`copy what the image has at "${target}" into a volume`, cause);
}

function copyContent(engine: Engine, source: ContentSource, directory: string): void {
  using place = source.root.type === "image"
    ? findInLayers(engine, source)
    : findInDirectory(engine, source, source.root.path);
  if (place === undefined) return;
  const skipped = copyMerged(place.sources, directory, { includesRoot: true });
  if (skipped.size === 0) return;
  const names = [...skipped].join(", ");
  engine.onWarning(
    `Files of the volume at "${source.target}" lack ${names}: the file system keeps no such attributes`,
  );
}

/** A directory of a root file system, ready to be copied. */
interface ContentPlace extends Disposable {
  /** The topmost first. */
  sources: TreeSource[];
}

/** Nobody but wherry can change layers. */
function findInLayers(engine: Engine, source: ContentSource): ContentPlace | undefined {
  const layers = rootLayersOf(engine, source);
  const place = findRootPlace(layers, source.target);
  if (place.type !== "directory") return undefined;
  const { mayHoldMarkers } = layers;
  const sources = place.directories.map((directory) => ({
    path: directory + place.path,
    mayHoldMounts: false,
    mayHoldMarkers,
  }));
  return { sources, [Symbol.dispose]: () => {} };
}

/** In a directory of the host others may mount something, and put links in the way at any moment. */
function findInDirectory(
  engine: Engine,
  { target }: ContentSource,
  rootPath: string,
): ContentPlace | undefined {
  using undo = new DisposableStack();
  const fd = openWithoutMounts(rootPath);
  undo.defer(() => closeDescriptor(fd));
  const directory = `/proc/self/fd/${fd}`;
  const place = findRootPlace({ directories: [directory], mayHoldMarkers: false }, target);
  if (place.type !== "directory") return undefined;
  checkOutside(engine, rootPath + place.path, target);
  const root = undo.use(openDirectory(`${directory}/.`));
  const found = findInRoot(root, place.path);
  if (found === undefined) return undefined;
  undo.use(found);
  const held = undo.move();
  return {
    sources: [{ path: `/proc/self/fd/${found.number}/.`, mayHoldMounts: false }],
    [Symbol.dispose]: () => held.dispose(),
  };
}

/** A directory cannot be copied into itself. */
function checkOutside({ paths }: Engine, source: string, target: string): void {
  if (!`${Deno.realPathSync(paths.volumes)}/`.startsWith(`${source}/`)) return;
  throw new WherryError(
    "invalid_argument",
    `Cannot copy "${target}" into a volume: the volumes themselves are in "${source}"`,
    { hint: "Mount the volume with nocopy" },
  );
}
