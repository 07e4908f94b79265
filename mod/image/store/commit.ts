/** Puts staged work into the image store, all or nothing. @module */

import { WherryError } from "../../errors.ts";
import { isPresent } from "../../kernel/entry.ts";
import { syncDirectory } from "../../store/record.ts";
import { isIntact, type StagedBlob } from "./blob_store.ts";
import type { ChainId } from "../spec/digest.ts";
import { addManifest, lockImages, readIndex, writeIndex } from "./image_index.ts";
import type { ImagePaths } from "./image_paths.ts";
import type { Descriptor } from "../spec/oci.ts";
import type { Reference } from "../spec/reference.ts";

/** An unpacked layer that is not in the store yet. */
export interface StagedLayer {
  id: ChainId;
  /** Where it waits. */
  directory: string;
}

/** An image whose blobs and layers are staged. */
export interface StagedImage {
  /** The manifest; its annotations go into the index. */
  manifest: Descriptor;
  /** What it will be called; none for an image without a name. */
  references: readonly Reference[];
}

/** Complete work. */
export interface StagedWork {
  blobs: readonly StagedBlob[];
  layers: readonly StagedLayer[];
  images: readonly StagedImage[];
  /** Paths of blobs and layers of the store that the images stand on, besides those. @default {none} */
  reused?: readonly string[];
}

/** Something of the store that was to be used again has been removed meanwhile. */
export class StoreChangedError extends WherryError {
  /** @param path What is gone. */
  constructor(path: string) {
    super("conflict", `Cannot use "${path}" again: another command has removed it`);
  }
}

/**
 * Moves blobs and layers to their places and then names the images.
 *
 * What is there already stays, unless it is a damaged blob, and the staged copy is left for the staging area to remove.
 * The index is
 * written last: before that, nobody can see anything of it, and a failure takes everything back.
 * The lock keeps a removal from sweeping what this is about to name.
 *
 * @throws {StoreChangedError} If something that was to be used again is gone.
 */
export function commit(paths: ImagePaths, work: StagedWork): void {
  using _lock = lockImages(paths, "exclusive");
  const missing = work.reused?.find((path) => !isPresent(path));
  if (missing !== undefined) throw new StoreChangedError(missing);
  using undo = new DisposableStack();
  for (const { id, directory } of work.layers) {
    moveInto(paths.layer(id), directory, undo);
  }
  for (const blob of work.blobs) putBlob(paths.blob(blob.digest), blob, undo);
  syncDirectory(paths.layers);
  syncDirectory(paths.blobs);
  const index = work.images.reduce(
    (soFar, { manifest, references }) => addManifest(soFar, manifest, references),
    readIndex(paths),
  );
  writeIndex(paths, index);
  undo.move();
}

function putBlob(target: string, blob: StagedBlob, undo: DisposableStack): void {
  // In the place of a damaged one it stays, whatever becomes of the rest
  if (isPresent(target) && !isIntact(target, blob)) Deno.renameSync(blob.path, target);
  else moveInto(target, blob.path, undo);
}

function moveInto(target: string, staged: string, undo: DisposableStack): void {
  if (isPresent(target)) return;
  Deno.renameSync(staged, target);
  undo.defer(() => Deno.renameSync(target, staged));
}
