/** All images, the damaged ones too. @module */

import { WherryError } from "../../errors.ts";
import { type ChainId, chainIds, type Digest, type ImageId, imageIdOf } from "../spec/digest.ts";
import { ImageDocuments } from "./image_documents.ts";
import { readIndex, SIZE_ANNOTATION, TAG_TIME_ANNOTATION } from "./image_index.ts";
import { namesOf } from "./image_names.ts";
import type { ImagePaths } from "./image_paths.ts";
import { LayerSizes } from "./layer_sizes.ts";
import type { Descriptor, ImageConfig, ImageIndex, Manifest } from "../spec/oci.ts";
import type { Reference } from "../spec/reference.ts";

/** What an image has of the store, and what it is called. */
export interface StoredImage {
  id: ImageId;
  /** Its entries in the index, which may name several manifests: of its layers in different compressions. */
  entries: readonly Descriptor[];
  /** In full and sorted, those with a tag; none for an image that lost its name. */
  references: readonly Reference[];
  /** The same for digests by which registries have it. */
  repositoryDigests: readonly Reference[];
  /** When it was given a name here, RFC 3339; `undefined` if it came with its names. */
  taggedAt: string | undefined;
  manifest: Manifest;
  config: ImageConfig;
  /** Its layers, base layer first. */
  layers: readonly ChainId[];
}

/** An image as a list shows it. */
export interface ListedImage extends StoredImage {
  /** Bytes of the files of its layers; what was recorded when the image came where layers are missing. */
  sizeBytes: number;
}

/** An image whose documents cannot be used. */
export interface DamagedImage {
  /** Of its manifest. */
  digest: Digest;
  /** `undefined` if its manifest is damaged, and not its config blob. */
  id: ImageId | undefined;
  entries: readonly Descriptor[];
  /** As of {@linkcode StoredImage}. */
  references: readonly Reference[];
  /** As of {@linkcode StoredImage}. */
  repositoryDigests: readonly Reference[];
  /** What is wrong. */
  problem: WherryError;
}

/** The id that people see: of a damaged image whose id is not known, the digest of its manifest. */
export function shownId(image: StoredImage | DamagedImage): ImageId {
  if (!("problem" in image)) return image.id;
  return image.id ?? imageIdOf(image.digest);
}

/** What the index names. */
export interface ImageList<I = ListedImage> {
  /** Each image once, in the order in which they came. */
  images: I[];
  /** Each damaged one once. */
  damaged: DamagedImage[];
}

/**
 * Lists all images. Takes no lock.
 *
 * @throws {WherryError} `corrupt` if the index itself is damaged.
 */
export function listImages(paths: ImagePaths): ImageList {
  const { images, damaged } = sortOut(readIndex(paths), new ImageDocuments(paths));
  using sizes = new LayerSizes(paths);
  return {
    images: images.map((image) => ({ ...image, sizeBytes: sizeOf(image, sizes) })),
    damaged: damaged.length === 0 ? damaged : stillListed(paths, damaged),
  };
}

/** Who removes an image changes the index before its documents go: what it names no more is not damaged but gone. */
function stillListed(paths: ImagePaths, damaged: readonly DamagedImage[]): DamagedImage[] {
  const digests = new Set(readIndex(paths).manifests.map(({ digest }) => digest));
  return damaged.filter(({ digest }) => digests.has(digest));
}

/** Bytes of an image's layers. */
export function sizeOf({ entries, manifest, layers }: StoredImage, sizes: LayerSizes): number {
  const found = layers.map((id) => sizes.find(id));
  if (!found.includes(undefined)) return found.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  const stored = manifest.layers.reduce((sum, { size }) => sum + size, 0);
  return Number(entries[0]?.annotations[SIZE_ANNOTATION] ?? stored);
}

/** Puts the entries of the index together that are of the same image, and the damaged ones apart. */
export function sortOut(
  { manifests }: ImageIndex,
  documents: ImageDocuments,
): ImageList<StoredImage> {
  const list: ImageList<StoredImage> = { images: [], damaged: [] };
  const groups = Map.groupBy(manifests, (entry) => keyOf(entry, documents));
  for (const entries of groups.values()) {
    const image = describe(entries, documents);
    if ("problem" in image) list.damaged.push(image);
    else list.images.push(image);
  }
  return list;
}

/** The id of its image, or if that is not known its own digest. */
function keyOf({ digest }: Descriptor, documents: ImageDocuments): Digest {
  const manifest = documents.findManifest(digest);
  return manifest instanceof WherryError ? digest : manifest.config.digest;
}

function describe(
  entries: readonly Descriptor[],
  documents: ImageDocuments,
): StoredImage | DamagedImage {
  const [entry] = entries;
  if (entry === undefined) throw new TypeError("Cannot list an image: it has no entry");
  const { digest } = entry;
  const { tags: references, digests: repositoryDigests } = namesOf(entries);
  const common = { entries, references, repositoryDigests };
  const manifest = documents.findManifest(digest);
  if (manifest instanceof WherryError) {
    return { ...common, digest, id: undefined, problem: manifest };
  }
  const id = imageIdOf(manifest.config.digest);
  const config = documents.findConfig(manifest.config.digest);
  if (config instanceof WherryError) return { ...common, digest, id, problem: config };
  const layers = chainIds(config.diffIds);
  return { ...common, id, taggedAt: lastTagTime(entries), manifest, config, layers };
}

function lastTagTime(entries: readonly Descriptor[]): string | undefined {
  const times = entries.flatMap(({ annotations }) => annotations[TAG_TIME_ANNOTATION] ?? []);
  return times.toSorted().at(-1);
}
