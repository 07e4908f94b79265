/** Finding images by what people call them. @module */

import { WherryError } from "../../errors.ts";
import { readJsonBlob } from "./blob_store.ts";
import { chainIds, type Digest, hexOf, type ImageId, imageIdOf } from "../spec/digest.ts";
import { readIndex, referenceOf, REPOSITORY_DIGEST_ANNOTATION } from "./image_index.ts";
import type { ImagePaths } from "./image_paths.ts";
import {
  type Descriptor,
  type ImageConfig,
  type ImageIndex,
  parseImageConfig,
  parseManifest,
} from "../spec/oci.ts";
import {
  formatReference,
  formatRepository,
  parseReference,
  type Reference,
} from "../spec/reference.ts";

/** An image, ready to be used. */
export interface Image {
  id: ImageId;
  /** Digest of its manifest. */
  digest: Digest;
  config: ImageConfig;
  /** Directories of its unpacked layers, base layer first. */
  layerDirs: readonly string[];
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
      hint: "See them all with `wherry images`, or download one with `wherry pull NAME`",
    },
  );
}

function readImage(paths: ImagePaths, entry: Descriptor): Image {
  const { config: configDescriptor } = readJsonBlob(paths, entry.digest, parseManifest);
  const config = readJsonBlob(paths, configDescriptor.digest, parseImageConfig);
  return {
    id: imageIdOf(configDescriptor.digest),
    digest: entry.digest,
    config,
    layerDirs: chainIds(config.diffIds).map((id) => paths.layer(id)),
  };
}

const ID_OR_PREFIX = /^(?:sha256:)?([0-9a-f]{1,64})$/;

/**
 * Finds an entry of the index: by reference first, as docker does, and only then by id, which needs every manifest.
 *
 * @throws {WherryError} `invalid_argument` as {@linkcode findImage}; damaged documents are passed over.
 */
export function findEntry(
  paths: ImagePaths,
  index: ImageIndex,
  text: string,
): Descriptor | undefined {
  const hex = ID_OR_PREFIX.exec(text)?.[1];
  if (hex === undefined) return findByReference(index, parseReference(text));
  const isWholeId = hex.length === 64;
  const named = isWholeId || text !== hex
    ? undefined
    : findByReference(index, parseReference(text));
  return named ?? findById(paths, index, hex);
}

/**
 * Finds an entry that must be there, as {@linkcode findEntry} does.
 *
 * @throws {WherryError} `not_found` if there is none.
 */
export function getEntry(paths: ImagePaths, index: ImageIndex, text: string): Descriptor {
  return findEntry(paths, index, text) ?? notFound(text);
}

function findByReference(
  { manifests }: ImageIndex,
  reference: Reference,
): Descriptor | undefined {
  const { digest } = reference;
  if (digest === undefined) {
    const name = formatReference(reference);
    return manifests.find((entry) => referenceOf(entry) === name);
  }
  // The digest alone decides, whatever tag stands beside it: content cannot have moved
  const repository = formatRepository(reference);
  return manifests.find((entry) => {
    const name = referenceOf(entry);
    if (name === undefined) return false;
    const known = parseReference(name);
    return formatRepository(known) === repository &&
      [entry.digest, known.digest, entry.annotations[REPOSITORY_DIGEST_ANNOTATION]]
        .includes(digest);
  });
}

/** Finds by the start of an image id, or of a manifest's digest. */
function findById(
  paths: ImagePaths,
  { manifests }: ImageIndex,
  hex: string,
): Descriptor | undefined {
  const found = new Map<string, Descriptor>();
  for (const entry of manifests) {
    const id = readId(paths, entry);
    const isMeant = hexOf(entry.digest).startsWith(hex) ||
      (id !== undefined && hexOf(id).startsWith(hex));
    const key = id ?? entry.digest;
    if (isMeant && !found.has(key)) found.set(key, entry);
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

/** Not known if the manifest is damaged, which must not keep other images from being found. */
function readId(paths: ImagePaths, entry: Descriptor): ImageId | undefined {
  try {
    return imageIdOf(readJsonBlob(paths, entry.digest, parseManifest).config.digest);
  } catch (error) {
    if (error instanceof WherryError) return undefined;
    throw error;
  }
}
