/** Makes an image of what a container has changed, on top of the image that it was made from. @module */

import { WherryError } from "../../errors.ts";
import { explainFailure } from "../tar/archive_error.ts";
import {
  BlobWriter,
  pinBlob,
  readJsonBlob,
  type StagedBlob,
  stageJson,
} from "../store/blob_store.ts";
import type { ProcessConfig } from "../spec/changes.ts";
import { commit, type StagedLayer } from "../store/commit.ts";
import {
  chainId,
  type DiffId,
  diffIdOfPlainTar,
  type ImageId,
  imageIdOf,
  parseDigest,
} from "../spec/digest.ts";
import { hasher } from "../spec/digester.ts";
import { readIndex, SIZE_ANNOTATION } from "../store/image_index.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import type { Image } from "../store/images.ts";
import { storing, unpackLayer } from "./layer_stream.ts";
import {
  describeBlob,
  type Descriptor,
  formatManifest,
  MEDIA_TYPE,
  parseManifest,
} from "../spec/oci.ts";
import { hostPlatform } from "../spec/platform.ts";
import type { Reference } from "../spec/reference.ts";
import { Staging } from "../store/staging.ts";
import { type TarMember, writeTar } from "../tar/tar_writer.ts";

/** An image to make. */
export interface ChildImageOptions {
  /** The image below; `undefined` for one that stands by itself. */
  parent: Image | undefined;
  /** What it holds besides: see `layer_writer.ts`. Read once, to its end unless something fails. */
  members: AsyncIterable<TarMember>;
  /** How containers of it are run. */
  process: ProcessConfig;
  /** What to call it; `undefined` leaves it without a name. */
  reference: Reference | undefined;
  /** Who made it; empty if nobody says. */
  author: string;
  /** Note in its history; may be empty. */
  comment: string;
  /** Command that made it, for its history. */
  createdBy: string;
  /** What is being done, with its object, for messages: `commit "web"`. */
  action: string;
}

/** An image that was made. */
export interface ChildImage {
  id: ImageId;
  /** Extended attributes that the file system would not take; worth a warning. */
  skippedAttributes: ReadonlySet<string>;
}

/**
 * Makes an image of one more layer; of no more than the parent has if nothing is in the layer, as docker does.
 *
 * The layer is stored, hashed and unpacked in one pass, uncompressed. Nothing can be seen of the image before it is
 * complete, and on failure the store is as it was.
 *
 * @throws {WherryError} `not_found` if blobs of the parent are not in the store any more, `conflict` if it is removed
 * meanwhile, `unavailable` if the disk is full, and what `members` throws.
 */
export async function makeChildImage(
  paths: ImagePaths,
  options: ChildImageOptions,
): Promise<ChildImage> {
  try {
    using staging = Staging.open(paths);
    const parent = options.parent === undefined
      ? undefined
      : holdParent(paths, staging, options.parent);
    const layer = await stageLayer(staging, options);
    return commitChild(paths, { staging, parent, layer, options });
  } catch (error) {
    // Who says how the command ends, such as a signal, says all
    if (error instanceof WherryError && error.exitCode !== undefined) throw error;
    throw explainFailure(options.action, error);
  }
}

/** What the new image takes over. */
interface Parent {
  image: Image;
  layers: readonly Descriptor[];
  /** Staged too, so that they stay whatever is removed from the store meanwhile. */
  blobs: readonly StagedBlob[];
  /** Bytes of its layers, uncompressed; `undefined` if that is not known. */
  size: number | undefined;
  /** The config blob as it is. */
  document: Readonly<Record<string, unknown>>;
}

function holdParent(paths: ImagePaths, staging: Staging, image: Image): Parent {
  const { layers } = readJsonBlob(paths, image.digest, parseManifest);
  const entry = readIndex(paths).manifests.find(({ digest }) => digest === image.digest);
  const size = entry?.annotations[SIZE_ANNOTATION];
  return {
    image,
    layers: layers.map(asOciLayer),
    blobs: layers.map((layer) => holdBlob(paths, staging, layer)),
    size: size === undefined ? undefined : Number(size),
    // Checked when the image was read
    document: readJsonBlob(paths, parseDigest(image.id), (json) => json as Parent["document"]),
  };
}

/** A manifest of OCI's lists OCI's media types; the bytes are the same. */
function asOciLayer(layer: Descriptor): Descriptor {
  return layer.mediaType === MEDIA_TYPE.dockerLayer
    ? { ...layer, mediaType: MEDIA_TYPE.layerGzip }
    : layer;
}

function holdBlob(paths: ImagePaths, staging: Staging, { digest }: Descriptor): StagedBlob {
  const blob = pinBlob(paths, staging, digest);
  if (blob !== undefined) return blob;
  throw new WherryError("not_found", `Cannot use blob "${digest}": it is not in the store`);
}

/** The new layer, as a blob and unpacked. */
interface ChildLayer {
  blob: StagedBlob;
  diffId: DiffId;
  directory: string;
  /** Bytes of the tar. */
  size: number;
  entryCount: number;
  skippedAttributes: ReadonlySet<string>;
}

async function stageLayer(
  staging: Staging,
  { parent, members }: ChildImageOptions,
): Promise<ChildLayer> {
  const directory = staging.newDirectory();
  using writer = new BlobWriter(staging, hasher.open());
  const { size, entryCount, skippedAttributes } = await unpackLayer(
    storing(writeTar(members), writer),
    "none",
    {
      directory,
      isBase: parent === undefined,
      lowerDirectories: parent?.layerDirs ?? [],
      needsEndMarker: true,
      hasher: undefined,
    },
  );
  const blob = await writer.finish();
  const diffId = diffIdOfPlainTar(blob.digest);
  return { blob, diffId, directory, size, entryCount, skippedAttributes };
}

interface StagedChild {
  staging: Staging;
  parent: Parent | undefined;
  layer: ChildLayer;
  options: ChildImageOptions;
}

function commitChild(paths: ImagePaths, child: StagedChild): ChildImage {
  const { staging, parent, layer, options } = child;
  const isEmpty = layer.entryCount === 0;
  const diffIds = [...(parent?.image.config.diffIds ?? []), ...(isEmpty ? [] : [layer.diffId])];
  const newLayers: StagedLayer[] = isEmpty
    ? []
    : [{ id: chainId(diffIds), directory: layer.directory }];
  const config = stageJson(staging, formatConfig(child, diffIds));
  const manifest = stageJson(
    staging,
    formatManifest({
      config: describeBlob(config, MEDIA_TYPE.config),
      layers: [
        ...(parent?.layers ?? []),
        ...(isEmpty ? [] : [describeBlob(layer.blob, MEDIA_TYPE.layer)]),
      ],
    }),
  );
  commit(paths, {
    blobs: [...(parent?.blobs ?? []), ...(isEmpty ? [] : [layer.blob]), config, manifest],
    layers: newLayers,
    reused: parent?.image.layerDirs ?? [],
    images: [{
      manifest: {
        ...describeBlob(manifest, MEDIA_TYPE.manifest),
        annotations: sizeAnnotation(parent, isEmpty ? 0 : layer.size),
      },
      references: options.reference === undefined ? [] : [options.reference],
    }],
  });
  return { id: imageIdOf(config.digest), skippedAttributes: layer.skippedAttributes };
}

function sizeAnnotation(parent: Parent | undefined, size: number): Record<string, string> {
  const below = parent === undefined ? 0 : parent.size;
  return below === undefined ? {} : { [SIZE_ANNOTATION]: String(below + size) };
}

/** A config blob as docker makes it of a commit. */
function formatConfig(
  { parent, layer, options }: StagedChild,
  diffIds: readonly DiffId[],
): unknown {
  const { process, author, comment, createdBy } = options;
  const created = new Date().toISOString();
  const { history } = parent?.document ?? {};
  const entry = {
    created,
    ...(author === "" ? {} : { author }),
    "created_by": createdBy,
    ...(comment === "" ? {} : { comment }),
    ...(layer.entryCount === 0 ? { "empty_layer": true } : {}),
  };
  return {
    ...platformOf(parent),
    created,
    ...(author === "" ? {} : { author }),
    ...(comment === "" ? {} : { comment }),
    config: process,
    rootfs: { type: "layers", "diff_ids": diffIds },
    history: [...(Array.isArray(history) ? history : []), entry],
  };
}

/** Where it runs: wherever its parent does. */
const PLATFORM_KEYS = ["architecture", "variant", "os", "os.version", "os.features"] as const;

function platformOf(parent: Parent | undefined): Record<string, unknown> {
  if (parent === undefined) {
    const { os, architecture, variant } = hostPlatform();
    return { architecture, ...(variant === "" ? {} : { variant }), os };
  }
  const { document } = parent;
  return Object.fromEntries(
    PLATFORM_KEYS.filter((key) => document[key] !== undefined).map((key) => [key, document[key]]),
  );
}
