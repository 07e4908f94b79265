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

import { listNames } from "../../kernel/entry.ts";
import { treeBytes } from "../../kernel/tree_size.ts";
import { removeAbandonedFiles } from "../../store/record.ts";
import { isFullDisk } from "../tar/archive_error.ts";
import { listBlobs } from "./blob_store.ts";
import { type ChainId, type Digest, hexOf, type ImageId } from "../spec/digest.ts";
import { ImageDocuments } from "./image_documents.ts";
import { lockImages, readIndex, writeIndex } from "./image_index.ts";
import { type DamagedImage, sortOut } from "./image_list.ts";
import type { ImagePaths } from "./image_paths.ts";
import { LayerSizes } from "./layer_sizes.ts";
import { WherryError } from "../../errors.ts";
import type { ImageIndex } from "../spec/oci.ts";
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
  /** Where it waits to be deleted; `undefined` if it is gone. */
  path: string | undefined;
  /** What it takes, if that is known. */
  bytes: number | undefined;
}

/**
 * Replaces the index by a smaller one, and removes what nothing needs any more. Call it with the store locked.
 *
 * Killed at any moment, it leaves the old index with all that it needs, or the new one and perhaps some garbage. What is
 * garbage is renamed, which is quick; the deletion comes with the end of `trash`.
 *
 * On a full disk there is no room for a new index beside the old one. Then it comes from stored layers that are garbage
 * with the new one: killed just then, an image that was about to go stays, runs, and cannot be pushed or saved.
 */
export function shrinkStore(
  paths: ImagePaths,
  { index, garbage, trash }: { index: ImageIndex; garbage: Garbage; trash: Staging },
): Discarded[] {
  const deleted = writeMakingRoom(paths, index, garbage);
  const blobs = garbage.blobs.filter((digest) => !deleted.has(digest));
  return [
    ...Array.from(deleted.values(), (bytes): Discarded => ({ path: undefined, bytes })),
    ...removeGarbage(paths, { blobs, layers: garbage.layers }, trash),
  ];
}

/** @returns The blobs that had to be deleted at once, with their sizes. */
function writeMakingRoom(
  paths: ImagePaths,
  index: ImageIndex,
  { blobs }: Garbage,
): Map<Digest, number> {
  const deleted = new Map<Digest, number>();
  try {
    writeIndex(paths, index);
  } catch (error) {
    if (!isFullDisk(error)) throw error;
    for (const digest of blobs) {
      const path = paths.blob(digest);
      if (looksLikeDocument(path)) continue;
      deleted.set(digest, treeBytes(path));
      Deno.removeSync(path);
    }
    writeIndex(paths, index);
  }
  return deleted;
}

const OPENING_BRACE = 0x7b;

/** What is not JSON is a stored layer; one that looks like it stays a little longer. */
function looksLikeDocument(path: string): boolean {
  using file = Deno.openSync(path);
  const start = new Uint8Array(1);
  return file.readSync(start) === 1 && start[0] === OPENING_BRACE;
}

/** Removes garbage, as {@linkcode shrinkStore} does, where the index stays as it is. */
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
  const discarded = [
    ...layers.map((name) => discard(`${paths.layers}/${name}`, sizes.forget(name))),
    ...blobs.map((digest) => discard(paths.blob(digest))),
  ];
  for (const directory of [paths.layers, paths.blobs]) renewIfEmptied(directory, trash);
  return discarded;
}

/** What most file systems give a directory to begin with, in bytes. */
const NEW_DIRECTORY_SIZE = 4096;

/** Puts a new directory in the place of one that has grown and is empty: ext4 never makes one smaller. */
function renewIfEmptied(directory: string, trash: Staging): void {
  const { size, mode } = Deno.lstatSync(directory);
  if (size <= NEW_DIRECTORY_SIZE || listNames(directory).length > 0) return;
  const fresh = trash.newPath();
  Deno.mkdirSync(fresh, { mode: (mode ?? 0o700) & 0o777 });
  // Atomic: there is a directory at every moment
  Deno.renameSync(fresh, directory);
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
