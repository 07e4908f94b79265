/**
 * Finding out what of the store nothing needs, and removing it.
 *
 * Blobs and layers have no counters that a crash could leave wrong. Who removes them holds the store's lock
 * (`lockImages`) alone, marks what the index and the containers need, and moves all else to a staging directory,
 * which is deleted after the lock is gone. That is safe beside everybody else:
 *
 * ```
 * import, load, pull   move staged blobs and layers to their places and name them under the same lock
 * run, create          hold it shared from finding an image until the container's record says what it stands on
 * rmi, prune           write the index before they move anything: killed in between, they leave garbage only
 * ```
 *
 * The lock of the store is taken before any other, and nobody who holds it waits for another one.
 *
 * @module
 */

import { listNames } from "../kernel/entry.ts";
import { removeAbandonedFiles } from "../store/record.ts";
import { listBlobs } from "./blob_store.ts";
import { type ChainId, type Digest, hexOf, type ImageId } from "./digest.ts";
import { ImageDocuments } from "./image_documents.ts";
import { lockImages, readIndex } from "./image_index.ts";
import { type DamagedImage, sortOut } from "./image_list.ts";
import type { ImagePaths } from "./image_paths.ts";
import { LayerSizes } from "./layer_sizes.ts";
import { WherryError } from "../errors.ts";
import type { ImageIndex } from "./oci.ts";
import { removeAbandonedStaging, Staging } from "./staging.ts";

/** A container that was made from an image. */
export interface ImageUser {
  /** What people call it. */
  name: string;
  isRunning: boolean;
}

/** What containers need. */
export interface ImageUse {
  /** Containers that were made from an image. */
  usersOf(id: ImageId): readonly ImageUser[];
  /** Unpacked layers that containers stand on, also those of images that are gone; `undefined` if that is not known. */
  layers(): Iterable<ChainId> | undefined;
}

/** What nothing needs. */
export interface Garbage {
  blobs: readonly Digest[];
  /** Names in the directory of layers. */
  layers: readonly string[];
  /** Images that keep what might be theirs from being garbage. */
  damaged: readonly DamagedImage[];
}

/**
 * Marks what the images in `index` and the containers need; the rest is garbage.
 *
 * A damaged document does not say what it needs, and may be mended: by a copy from elsewhere, or by pulling the image
 * again. So while a manifest is damaged, every blob and every layer may be needed, and while a config blob is, every
 * layer. That ends when the damaged image is removed, which is always possible.
 *
 * Call it with the store locked.
 */
export function findGarbage(
  paths: ImagePaths,
  { index, use, documents }: { index: ImageIndex; use: ImageUse; documents: ImageDocuments },
): Garbage {
  const { images, damaged } = sortOut(index, documents);
  const usedLayers = use.layers();
  const layers = new Set<string>([...usedLayers ?? []].map(hexOf));
  for (const image of images) for (const id of image.layers) layers.add(hexOf(id));
  const blobs = neededBlobs(index, documents);
  return {
    blobs: blobs === undefined ? [] : listBlobs(paths).filter((digest) => !blobs.has(digest)),
    layers: usedLayers === undefined || damaged.length > 0
      ? []
      : listNames(paths.layers).filter((name) => !layers.has(name)),
    damaged,
  };
}

/** @returns `undefined` if that is not known. */
function neededBlobs(
  { manifests }: ImageIndex,
  documents: ImageDocuments,
): Set<Digest> | undefined {
  const blobs = new Set<Digest>();
  for (const { digest } of manifests) {
    if (blobs.has(digest)) continue;
    const manifest = documents.findManifest(digest);
    if (manifest instanceof WherryError) return undefined;
    for (const blob of [{ digest }, manifest.config, ...manifest.layers]) blobs.add(blob.digest);
  }
  return blobs;
}

/** What was garbage, on its way out. */
export interface Discarded {
  /** Where it waits to be deleted. */
  path: string;
  /** What it takes, if that is known. */
  bytes: number | undefined;
}

/** Renames, which is quick and atomic; the deletion comes with the end of `trash`. */
export function removeGarbage(
  paths: ImagePaths,
  { blobs, layers }: Pick<Garbage, "blobs" | "layers">,
  trash: Staging,
): Discarded[] {
  const discard = (place: string, bytes?: number): Discarded => {
    const path = trash.newPath();
    Deno.renameSync(place, path);
    return { path, bytes };
  };
  using sizes = new LayerSizes(paths);
  return [
    ...layers.map((name) => discard(`${paths.layers}/${name}`, sizes.forget(name))),
    ...blobs.map((digest) => discard(paths.blob(digest))),
  ];
}

/** What a clean-up removed. */
export interface Sweep {
  /** Unfinished imports and removals of killed processes. */
  stagingCount: number;
  /** Blobs that no image needs. */
  blobCount: number;
  /** Unpacked layers that no image or container needs. */
  layerCount: number;
}

/** The same, and what kept it from removing more. */
export interface SweepReport extends Sweep {
  /** Images that keep what might be theirs from being removed. */
  damaged: readonly DamagedImage[];
}

/**
 * Removes what killed processes left behind and what nothing needs. Work in progress is not touched.
 *
 * @param use Called while the store is locked, so that the answer stays true.
 */
export function sweepImages(paths: ImagePaths, use: () => ImageUse): SweepReport {
  const stagingCount = removeAbandonedStaging(paths);
  using trash = Staging.open(paths);
  using _lock = lockImages(paths, "exclusive");
  removeAbandonedFiles(paths.root);
  const documents = new ImageDocuments(paths);
  const garbage = findGarbage(paths, { index: readIndex(paths), use: use(), documents });
  removeGarbage(paths, garbage, trash);
  return {
    stagingCount,
    blobCount: garbage.blobs.length,
    layerCount: garbage.layers.length,
    damaged: garbage.damaged,
  };
}
