/** Removing all images that nothing uses. @module */

import { treeBytes } from "../../kernel/tree_size.ts";
import { removeAbandonedFiles } from "../../store/record.ts";
import { type ChainId, hexOf, type ImageId } from "../spec/digest.ts";
import { ImageDocuments } from "./image_documents.ts";
import { lockImages, readIndex } from "./image_index.ts";
import { type DamagedImage, shownId, sortOut, type StoredImage } from "./image_list.ts";
import { allNames, namesOf } from "./image_names.ts";
import type { ImagePaths } from "./image_paths.ts";
import {
  type Discarded,
  findGarbage,
  type Garbage,
  type ImageUse,
  removeGarbage,
  shrinkStore,
} from "./image_sweep.ts";
import type { ImageIndex } from "../spec/oci.ts";
import type { Reference } from "../spec/reference.ts";
import { removeAbandonedStaging, Staging } from "./staging.ts";

/** Which images to remove. */
export interface PruneOptions {
  /** Called while the store is locked, so that the answer stays true. */
  use: () => ImageUse;
  /** Whether an image that no container was made from may go. */
  isUnwanted: (image: StoredImage) => boolean;
  /** Whether a damaged one may go that no container was made from, as far as that is known. */
  isDamagedUnwanted: (image: DamagedImage) => boolean;
}

/** An image that is gone. */
export interface PrunedImage {
  /** Of a damaged one whose id is not known, the digest of its manifest. */
  id: ImageId;
  /** Its labels; none if they cannot be read. */
  labels: Readonly<Record<string, string>>;
  /** All references that it had. */
  untagged: readonly Reference[];
  /** Its layers that went with it, top layer first. */
  deletedLayers: readonly ChainId[];
}

/** What {@linkcode pruneImages} did. */
export interface PrunedImages {
  removed: readonly PrunedImage[];
  /** Bytes of the blobs and layers that went with them, and of others that nothing needed. */
  reclaimedBytes: number;
  /** Images that keep what might be theirs from being removed. */
  damaged: readonly DamagedImage[];
}

/**
 * Removes unwanted images that no container was made from, with the blobs and layers that nothing needs any more.
 *
 * The store is locked for reading documents and renaming; sizes are found out and files deleted afterwards. Killed at
 * any moment, it leaves all images or only those that stay; the next sweep takes what it had no time for.
 */
export function pruneImages(paths: ImagePaths, options: PruneOptions): PrunedImages {
  removeAbandonedStaging(paths);
  using trash = Staging.open(paths);
  const { removed, garbage } = pruneLocked(paths, options, trash);
  const gone = new Set(garbage.layers);
  const discarded = garbage.discarded.map(({ path, bytes }) =>
    bytes ?? (path === undefined ? 0 : treeBytes(path))
  );
  return {
    removed: removed.map((image) => describe(image, claim(image, gone))),
    reclaimedBytes: discarded.reduce((sum, bytes) => sum + bytes, 0),
    damaged: garbage.damaged,
  };
}

type AnyImage = StoredImage | DamagedImage;

interface LockedPrune {
  removed: readonly AnyImage[];
  garbage: Garbage & { discarded: readonly Discarded[] };
}

function pruneLocked(
  paths: ImagePaths,
  { use, isUnwanted, isDamagedUnwanted }: PruneOptions,
  trash: Staging,
): LockedPrune {
  using _lock = lockImages(paths, "exclusive");
  removeAbandonedFiles(paths.root);
  const documents = new ImageDocuments(paths);
  const inUse = use();
  const index = readIndex(paths);
  const { images, damaged } = sortOut(index, documents);
  const isUnused = ({ id }: AnyImage): boolean =>
    id === undefined || inUse.usersOf(id).length === 0;
  const removed = [...images.filter(isUnwanted), ...damaged.filter(isDamagedUnwanted)]
    .filter(isUnused);
  const remaining = without(index, removed);
  const garbage = findGarbage(paths, { index: remaining, use: inUse, documents });
  const discarded = removed.length === 0
    ? removeGarbage(paths, garbage, trash)
    : shrinkStore(paths, { index: remaining, garbage, trash });
  return { removed, garbage: { ...garbage, discarded } };
}

function without({ manifests }: ImageIndex, images: readonly AnyImage[]): ImageIndex {
  const entries = new Set(images.flatMap((image) => image.entries));
  return { manifests: manifests.filter((entry) => !entries.has(entry)) };
}

/** Takes an image's layers out of those that are gone, so that what several images had is told of once. */
function claim(image: AnyImage, gone: Set<string>): ChainId[] {
  if (!("layers" in image)) return [];
  return image.layers.filter((id) => gone.delete(hexOf(id))).toReversed();
}

function describe(image: AnyImage, deletedLayers: readonly ChainId[]): PrunedImage {
  return {
    id: shownId(image),
    labels: "config" in image ? image.config.process.labels : {},
    untagged: allNames(namesOf(image.entries)),
    deletedLayers,
  };
}
