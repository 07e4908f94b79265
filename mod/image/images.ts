/** Finding, listing and removing images. @module */

import { WherryError } from "../errors.ts";
import { listNames } from "../kernel/entry.ts";
import { treeBytes } from "../kernel/tree_size.ts";
import { listBlobs, readJsonBlob } from "./blob_store.ts";
import {
  type ChainId,
  chainIds,
  type Digest,
  hexOf,
  type ImageId,
  imageIdOf,
  parseDigest,
} from "./digest.ts";
import {
  addManifest,
  lockImages,
  readIndex,
  referenceOf,
  removeManifest,
  removeReference,
  SIZE_ANNOTATION,
  writeIndex,
} from "./image_index.ts";
import type { ImagePaths } from "./image_paths.ts";
import {
  type Descriptor,
  type ImageConfig,
  type ImageIndex,
  type Manifest,
  parseImageConfig,
  parseManifest,
} from "./oci.ts";
import { formatReference, formatRepository, parseReference, type Reference } from "./reference.ts";
import { removeAbandonedStaging, Staging } from "./staging.ts";

/** An image, ready to be used. */
export interface Image {
  id: ImageId;
  /** Digest of its manifest. */
  digest: Digest;
  config: ImageConfig;
  /** Directories of its unpacked layers, base layer first. */
  layerDirs: readonly string[];
}

/** An image as a list shows it. */
export interface ListedImage {
  id: ImageId;
  /** Digest of its manifest. */
  digest: Digest;
  /** In full; none for an image that lost its name. */
  references: readonly Reference[];
  /** Bytes of its layers, uncompressed; of the stored blobs where that is not known. */
  sizeBytes: number;
  config: ImageConfig;
}

/**
 * Finds an image by reference, id, or the start of an id.
 *
 * Reads three small files, takes no lock and lists no directory. Whoever must rely on the image
 * staying holds {@linkcode lockImages} `shared` until its use is recorded.
 *
 * @param text As a person types it.
 * @returns `undefined` if there is no such image.
 * @throws {WherryError} `invalid_argument` if `text` is neither a reference nor an id, or several ids start with
 * it; `corrupt` if the image's documents are damaged.
 */
export function findImage(paths: ImagePaths, text: string): Image | undefined {
  const entry = findEntry(paths, readIndex(paths), text);
  return entry === undefined ? undefined : readImage(paths, entry);
}

/**
 * Finds an image that must be there.
 *
 * @param text As a person types it.
 * @throws {WherryError} `not_found` if there is no such image; otherwise as {@linkcode findImage}.
 */
export function getImage(paths: ImagePaths, text: string): Image {
  return findImage(paths, text) ?? notFound(text);
}

function notFound(text: string): never {
  throw new WherryError(
    "not_found",
    `Cannot find image "${text}": there is none of this name or id`,
    {
      hint: "See them all with `wherry images`, or make one with `wherry import FILE NAME`",
    },
  );
}

function readImage(paths: ImagePaths, entry: Descriptor): Image {
  const { config: configDescriptor } = readManifest(paths, entry.digest);
  const config = readJsonBlob(paths, configDescriptor.digest, parseImageConfig);
  return {
    id: imageIdOf(configDescriptor.digest),
    digest: entry.digest,
    config,
    layerDirs: chainIds(config.diffIds).map((id) => paths.layer(id)),
  };
}

function readManifest(paths: ImagePaths, digest: Digest): Manifest {
  return readJsonBlob(paths, digest, parseManifest);
}

function idOf(paths: ImagePaths, entry: Descriptor): ImageId {
  return imageIdOf(readManifest(paths, entry.digest).config.digest);
}

const ID_OR_PREFIX = /^(?:sha256:)?([0-9a-f]{1,64})$/;

/** Looks for a reference first, as docker does; only then for an id, which needs every manifest. */
function findEntry(paths: ImagePaths, index: ImageIndex, text: string): Descriptor | undefined {
  const hex = ID_OR_PREFIX.exec(text)?.[1];
  if (hex === undefined) return findByReference(index, parseReference(text));
  const isWholeId = hex.length === 64;
  const named = isWholeId || text !== hex
    ? undefined
    : findByReference(index, parseReference(text));
  return named ?? findById(paths, index, hex);
}

function findByReference(
  { manifests }: ImageIndex,
  reference: Reference,
): Descriptor | undefined {
  if (reference.digest === undefined) {
    const name = formatReference(reference);
    return manifests.find((entry) => referenceOf(entry) === name);
  }
  const repository = formatRepository(reference);
  return manifests.find((entry) => {
    if (entry.digest !== reference.digest) return false;
    const name = referenceOf(entry);
    return name !== undefined && formatRepository(parseReference(name)) === repository;
  });
}

/** Finds by the start of an image id, or of a manifest's digest. */
function findById(
  paths: ImagePaths,
  { manifests }: ImageIndex,
  hex: string,
): Descriptor | undefined {
  const found = new Map<ImageId, Descriptor>();
  for (const entry of manifests) {
    const id = idOf(paths, entry);
    if (hexOf(id).startsWith(hex) || hexOf(entry.digest).startsWith(hex)) found.set(id, entry);
  }
  if (found.size > 1) {
    throw new WherryError(
      "invalid_argument",
      `Cannot find image "${hex}": the ids of several images start with it`,
      { hint: "Give more digits of the id" },
    );
  }
  const [entry] = found.values();
  return entry;
}

/** All images, each once, in the order in which they came. */
export function listImages(paths: ImagePaths): ListedImage[] {
  const byDigest = Map.groupBy(readIndex(paths).manifests, ({ digest }) => digest);
  return [...byDigest.values()].map((entries) => listedImage(paths, entries));
}

function listedImage(paths: ImagePaths, entries: readonly Descriptor[]): ListedImage {
  const [entry] = entries;
  if (entry === undefined) throw new TypeError("Cannot list an image: it has no entry");
  const manifest = readManifest(paths, entry.digest);
  const names = entries.map(referenceOf).filter((name) => name !== undefined);
  const stored = manifest.layers.reduce((sum, { size }) => sum + size, 0);
  return {
    id: imageIdOf(manifest.config.digest),
    digest: entry.digest,
    references: names.map(parseReference),
    sizeBytes: Number(entry.annotations[SIZE_ANNOTATION] ?? stored),
    config: readJsonBlob(paths, manifest.config.digest, parseImageConfig),
  };
}

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

/** How to remove an image. */
export interface RemoveOptions {
  /** Called while the store is locked, so that the answer stays true. */
  use: () => ImageUse;
  /** Whether to remove also an image that stopped containers were made from, or that has several names. */
  isForced: boolean;
}

/** What a removal did. */
export interface Removal {
  /** The image, whether it is gone or not. */
  id: ImageId;
  /** The image's labels. */
  labels: Readonly<Record<string, string>>;
  /** References that were taken away. */
  untagged: readonly Reference[];
  /** The image that is gone, if it is. */
  deleted: ImageId | undefined;
}

/**
 * Removes a reference, and the image with it when it was the last; or an image by id with all its references.
 *
 * Blobs and layers that nothing needs any more are removed too.
 *
 * @param text As a person types it.
 * @throws {WherryError} `not_found`; `conflict` if containers use the image or it has several names, see
 * {@linkcode RemoveOptions}.
 */
export function removeImage(
  paths: ImagePaths,
  text: string,
  { use, isForced }: RemoveOptions,
): Removal {
  // Declared first: what the lock covers is moved here, and deleted only after the lock is gone
  using trash = Staging.open(paths);
  using _lock = lockImages(paths, "exclusive");
  const index = readIndex(paths);
  const entry = findEntry(paths, index, text) ?? notFound(text);
  const siblings = index.manifests.filter(({ digest }) => digest === entry.digest);
  const isById = isIdOf(idOf(paths, entry), text, siblings);
  const removal = planRemoval(paths, entry, siblings, isById);
  if (removal.deleted === undefined) {
    writeIndex(paths, removeReference(index, referenceOf(entry) ?? ""));
    return removal;
  }
  const inUse = use();
  checkRemovable(
    text,
    { names: siblings.length, isById, isForced },
    inUse.usersOf(removal.deleted),
  );
  const remaining = removeManifest(index, entry.digest);
  const garbage = findGarbage(paths, remaining, inUse);
  writeIndex(paths, remaining);
  removeGarbage(paths, garbage, trash);
  return removal;
}

/** Whether the person gave an id and not a name that looks like one. */
function isIdOf(id: ImageId, text: string, siblings: readonly Descriptor[]): boolean {
  const hex = ID_OR_PREFIX.exec(text)?.[1];
  if (hex === undefined || !hexOf(id).startsWith(hex)) return false;
  if (hex.length === 64 || text !== hex) return true;
  const name = formatReference(parseReference(text));
  return !siblings.some((entry) => referenceOf(entry) === name);
}

function planRemoval(
  paths: ImagePaths,
  entry: Descriptor,
  siblings: readonly Descriptor[],
  isById: boolean,
): Removal {
  const removed = isById ? siblings : [entry];
  const untagged = removed.map(referenceOf).filter((name) => name !== undefined)
    .map(parseReference);
  const isLast = isById || siblings.length === 1;
  const id = idOf(paths, entry);
  return { id, labels: findLabels(paths, entry), untagged, deleted: isLast ? id : undefined };
}

/** None of an image whose config is damaged: that must not keep it from being removed. */
function findLabels(paths: ImagePaths, entry: Descriptor): Readonly<Record<string, string>> {
  try {
    return readImage(paths, entry).config.process.labels;
  } catch (error) {
    if (error instanceof WherryError && error.kind === "corrupt") return {};
    throw error;
  }
}

/** What is to be removed. */
interface RemovalRequest {
  /** How many references the image has. */
  names: number;
  isById: boolean;
  isForced: boolean;
}

function checkRemovable(
  text: string,
  { names, isById, isForced }: RemovalRequest,
  users: readonly ImageUser[],
): void {
  const running = users.find(({ isRunning }) => isRunning);
  if (running !== undefined) {
    throw new WherryError(
      "conflict",
      `Cannot remove image "${text}": running container "${running.name}" uses it`,
      { hint: `Stop and remove the container first: wherry rm -f ${running.name}` },
    );
  }
  if (isForced) return;
  const [stopped] = users;
  if (stopped !== undefined) {
    throw new WherryError(
      "conflict",
      `Cannot remove image "${text}": stopped container "${stopped.name}" uses it`,
      { hint: "Remove the container first, or force it with -f" },
    );
  }
  if (isById && names > 1) {
    throw new WherryError(
      "conflict",
      `Cannot remove image "${text}": it has ${names} names`,
      { hint: "Remove it by name, or force it with -f" },
    );
  }
}

/** What nothing needs. */
interface Garbage {
  blobs: readonly Digest[];
  /** Names in the directory of layers. */
  layers: readonly string[];
}

/** Marks what the images in `index` and the containers need; the rest is garbage. */
function findGarbage(paths: ImagePaths, index: ImageIndex, use: ImageUse): Garbage {
  const blobs = new Set<string>();
  const used = use.layers();
  const layers = new Set<string>([...used ?? []].map(hexOf));
  for (const { digest } of index.manifests) {
    if (blobs.has(digest)) continue;
    const manifest = readManifest(paths, digest);
    const config = readJsonBlob(paths, manifest.config.digest, parseImageConfig);
    for (
      const needed of [
        digest,
        manifest.config.digest,
        ...manifest.layers.map((l) => l.digest),
      ]
    ) {
      blobs.add(needed);
    }
    for (const id of chainIds(config.diffIds)) layers.add(hexOf(id));
  }
  return {
    blobs: listBlobs(paths).filter((digest) => !blobs.has(digest)),
    layers: used === undefined ? [] : listNames(paths.layers).filter((name) => !layers.has(name)),
  };
}

/** Renames, which is quick and atomic; the deletion comes with the end of `trash`. */
function removeGarbage(paths: ImagePaths, { blobs, layers }: Garbage, trash: Staging): void {
  for (const name of layers) Deno.renameSync(`${paths.layers}/${name}`, trash.newPath());
  for (const digest of blobs) Deno.renameSync(paths.blob(parseDigest(digest)), trash.newPath());
}

/** Which images to remove. */
export interface PruneOptions {
  /** Called while the store is locked, so that the answer stays true. */
  use: () => ImageUse;
  /** Whether an image that no container was made from may go. */
  isUnwanted: (image: ListedImage) => boolean;
}

/** What {@linkcode pruneImages} did. */
export interface PrunedImages {
  /** The images that are gone, with the references they had. */
  removed: readonly ListedImage[];
  /** Bytes of the blobs and layers that went with them. */
  reclaimedBytes: number;
}

/**
 * Removes unwanted images that no container was made from, with the blobs and layers that nothing needs any more.
 *
 * @throws {WherryError} `corrupt` if an image's documents are damaged: then nothing is removed.
 */
export function pruneImages(
  paths: ImagePaths,
  { use, isUnwanted }: PruneOptions,
): PrunedImages {
  using trash = Staging.open(paths);
  using _lock = lockImages(paths, "exclusive");
  const inUse = use();
  const removed = listImages(paths)
    .filter((image) => inUse.usersOf(image.id).length === 0 && isUnwanted(image));
  const remaining = removed.reduce(
    (index, { digest }) => removeManifest(index, digest),
    readIndex(paths),
  );
  const garbage = findGarbage(paths, remaining, inUse);
  const reclaimedBytes = garbageBytes(paths, garbage);
  if (removed.length > 0) writeIndex(paths, remaining);
  removeGarbage(paths, garbage, trash);
  return { removed, reclaimedBytes };
}

function garbageBytes(paths: ImagePaths, { blobs, layers }: Garbage): number {
  const places = [
    ...layers.map((name) => `${paths.layers}/${name}`),
    ...blobs.map((digest) => paths.blob(parseDigest(digest))),
  ];
  return places.reduce((sum, place) => sum + treeBytes(place), 0);
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

/**
 * Removes what killed processes left behind and what nothing needs. Work in progress is not touched.
 *
 * @param use Called while the store is locked, so that the answer stays true.
 * @throws {WherryError} `corrupt` if an image's documents are damaged: then nothing is removed but unfinished work.
 */
export function sweepImages(paths: ImagePaths, use: () => ImageUse): Sweep {
  const stagingCount = removeAbandonedStaging(paths);
  using trash = Staging.open(paths);
  using _lock = lockImages(paths, "exclusive");
  const garbage = findGarbage(paths, readIndex(paths), use());
  removeGarbage(paths, garbage, trash);
  return { stagingCount, blobCount: garbage.blobs.length, layerCount: garbage.layers.length };
}

/**
 * Gives an image one more reference, taking it away from the image that had it.
 *
 * @param text The image, as a person types it.
 * @throws {WherryError} `not_found` if there is no such image.
 */
export function tagImage(paths: ImagePaths, text: string, reference: Reference): void {
  using _lock = lockImages(paths, "exclusive");
  const index = readIndex(paths);
  const entry = findEntry(paths, index, text) ?? notFound(text);
  writeIndex(paths, addManifest(index, entry, [reference]));
}
