/** Brings the images of an archive into the store: found, verified, unpacked, named. @module */

import { isPresent } from "../../kernel/entry.ts";
import { treeBytes } from "../../kernel/tree_size.ts";
import { ArchiveError } from "../tar/archive_error.ts";
import {
  type ArchivedBlob,
  type ArchiveFiles,
  readVerifiedDocument,
  stageBlob,
} from "./archive_files.ts";
import { type ArchivedImage, refusePlatform } from "./archived_image.ts";
import { DigestMismatchError, type StagedBlob, stageJson } from "../store/blob_store.ts";
import { commit, type StagedImage } from "../store/commit.ts";
import { type Compression, detectCompression, MAGIC_LENGTH } from "../compression/decompress.ts";
import {
  type ChainId,
  chainIds,
  type DiffId,
  diffIdOfPlainTar,
  type Digest,
  type ImageId,
  imageIdOf,
} from "../spec/digest.ts";
import { hasher } from "../spec/digester.ts";
import { readIndex, SIZE_ANNOTATION } from "../store/image_index.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import { measureLayer, unpackLayer } from "../layer/layer_stream.ts";
import {
  describeBlob,
  type Descriptor,
  formatManifest,
  type ImageConfig,
  LAYER_MEDIA_TYPES,
  MEDIA_TYPE,
  parseImageConfig,
} from "../spec/oci.ts";
import { choosePlatform, type Platform } from "../spec/platform.ts";
import type { Reference } from "../spec/reference.ts";
import { UnpackBudget } from "../layer/room.ts";
import { chunksOf } from "../tar/source.ts";
import type { Staging } from "../store/staging.ts";

/** How to bring images in. */
export interface StageOptions {
  /** Annotations of the images' entries in the index. */
  annotations?: Readonly<Record<string, string>> | undefined;
  /** What to call images that have no name of their own. @default {nothing} */
  defaultReference?: Reference | undefined;
  /** What they must be for. @default {anything} */
  platform?: Platform | undefined;
  /** Most bytes that one image may unpack to. @default {no limit} */
  maxUnpackedBytes?: number | undefined;
}

/** An image that was brought in. */
export interface LoadedImage {
  id: ImageId;
  /** None if the archive gives the image no name. */
  references: readonly Reference[];
}

/** Where images come from and go to. */
export interface StagePlaces {
  paths: ImagePaths;
  staging: Staging;
  files: ArchiveFiles;
}

/** A layer of an archive, ready to be used. */
interface ReadyLayer {
  /** Of the staging area or of the store. */
  directory: string;
  isReused: boolean;
  descriptor: Descriptor;
  /** Bytes of the uncompressed tar; of the files in it where the tar was not read. */
  size: number;
}

/** One layer to make ready. */
interface LayerRequest {
  id: ChainId;
  diffId: DiffId;
  blob: ArchivedBlob;
  /** The unpacked layers below, base layer first. */
  lowerDirectories: readonly string[];
  budget: UnpackBudget;
}

/** Collects the work of one archive and puts all of it into the store at once. */
export class ArchiveStager {
  readonly #places: StagePlaces;
  readonly #options: StageOptions;
  readonly #mayReuseLayers: boolean;
  /** Layers that images of the archive share. */
  readonly #layers = new Map<ChainId, ReadyLayer>();
  readonly #blobs = new Map<Digest, StagedBlob>();

  /**
   * @param options.mayReuseLayers Whether unpacked layers of the store are used again; others may remove them
   * meanwhile.
   */
  constructor(places: StagePlaces, options: StageOptions & { mayReuseLayers: boolean }) {
    this.#places = places;
    this.#options = options;
    this.#mayReuseLayers = options.mayReuseLayers;
  }

  /**
   * Brings in all images, or none.
   *
   * @throws {ArchiveError} If what the archive says does not fit together.
   * @throws {DigestMismatchError} If content is not what it should be.
   * @throws {StoreChangedError} If a layer that was used again has been removed from the store.
   */
  async bringIn(archived: readonly ArchivedImage[]): Promise<LoadedImage[]> {
    const images: StagedImage[] = [];
    const stored: LoadedImage[] = [];
    for (const one of archived) {
      const { image, id } = await this.#stageImage(one);
      images.push(image);
      stored.push({ id, references: image.references });
    }
    const layers = [...this.#layers].map(([id, layer]) => ({ id, ...layer }));
    commit(this.#places.paths, {
      blobs: [...this.#blobs.values()],
      layers: layers.filter(({ isReused }) => !isReused),
      reused: layers.filter(({ isReused }) => isReused).map(({ directory }) => directory),
      images,
    });
    return stored;
  }

  async #stageImage(archived: ArchivedImage): Promise<{ image: StagedImage; id: ImageId }> {
    const { files } = this.#places;
    const config = await readVerifiedDocument(files, archived.config, parseImageConfig);
    checkConfig(config, archived, this.#options.platform);
    const configBlob = await this.#take(archived.config);
    const layers = await this.#stageLayers(archived.layers, config.diffIds);
    const manifest = await this.#stageManifest(archived, configBlob, layers);
    return {
      image: {
        manifest: { ...manifest, annotations: this.#annotationsOf(manifest, layers) },
        references: this.#referencesOf(archived),
      },
      id: imageIdOf(configBlob.digest),
    };
  }

  async #stageManifest(
    { manifest }: ArchivedImage,
    config: StagedBlob,
    layers: readonly ReadyLayer[],
  ): Promise<Descriptor> {
    if (manifest !== undefined) {
      return describeBlob(await this.#take(manifest.blob), manifest.mediaType);
    }
    const made = stageJson(
      this.#places.staging,
      formatManifest({
        config: describeBlob(config, MEDIA_TYPE.config),
        layers: layers.map(({ descriptor }) => descriptor),
      }),
    );
    this.#blobs.set(made.digest, made);
    return describeBlob(made, MEDIA_TYPE.manifest);
  }

  /** An image that is known keeps its size: some of its layers may not have been read this time. */
  #annotationsOf({ digest }: Descriptor, layers: readonly ReadyLayer[]): Record<string, string> {
    const known = readIndex(this.#places.paths).manifests.find((entry) => entry.digest === digest);
    const size = known?.annotations[SIZE_ANNOTATION] ??
      String(layers.reduce((sum, layer) => sum + layer.size, 0));
    return { ...this.#options.annotations, [SIZE_ANNOTATION]: size };
  }

  #referencesOf({ references }: ArchivedImage): readonly Reference[] {
    const { defaultReference } = this.#options;
    return references.length > 0 || defaultReference === undefined
      ? references
      : [defaultReference];
  }

  /** Finds a file of the archive that will become a blob of the store. */
  async #take(blob: ArchivedBlob): Promise<StagedBlob> {
    const staged = await stageBlob(this.#places.files, blob);
    this.#blobs.set(staged.digest, staged);
    return staged;
  }

  async #stageLayers(
    blobs: readonly ArchivedBlob[],
    diffIds: readonly DiffId[],
  ): Promise<ReadyLayer[]> {
    const budget = new UnpackBudget(this.#options.maxUnpackedBytes);
    const ids = chainIds(diffIds);
    const layers: ReadyLayer[] = [];
    for (const [i, blob] of blobs.entries()) {
      const [id, diffId] = [ids[i], diffIds[i]];
      if (id === undefined || diffId === undefined) continue;
      const lowerDirectories = layers.map(({ directory }) => directory);
      const layer = await this.#stageLayer({ id, diffId, blob, lowerDirectories, budget });
      this.#layers.set(id, layer);
      layers.push(layer);
    }
    return layers;
  }

  /** The same files may be named by another blob: that must be the layer, too. */
  async #stageLayer(request: LayerRequest): Promise<ReadyLayer> {
    const { id, diffId, blob } = request;
    const staged = await this.#take(blob);
    const shared = this.#layers.get(id);
    if (shared?.descriptor.digest === staged.digest) return shared;
    const compression = compressionOf(staged);
    if (compression === "none") checkDiffId(blob, diffId, diffIdOfPlainTar(staged.digest));
    const descriptor = describeBlob(staged, LAYER_MEDIA_TYPES[compression]);
    const known = shared ?? this.#findStored(id);
    const content = { staged, compression };
    const unpacked = known === undefined
      ? { ...await this.#unpack(request, content), isReused: false }
      : { ...known, size: await this.#measure(request, content, known.directory) };
    return { ...unpacked, descriptor };
  }

  #findStored(id: ChainId): { directory: string; isReused: boolean } | undefined {
    const directory = this.#places.paths.layer(id);
    return this.#mayReuseLayers && isPresent(directory) ? { directory, isReused: true } : undefined;
  }

  async #unpack(
    { blob, diffId, lowerDirectories, budget }: LayerRequest,
    { staged, compression }: LayerContent,
  ): Promise<{ directory: string; size: number }> {
    using file = Deno.openSync(staged.path);
    const directory = this.#places.staging.newDirectory();
    const unpacked = await unpackLayer(chunksOf(file), compression, {
      directory,
      isBase: lowerDirectories.length === 0,
      lowerDirectories,
      needsEndMarker: false,
      hasher: compression === "none" ? undefined : hasher,
      budget,
      expectedBytes: staged.size,
    });
    if (unpacked.diffId !== undefined) checkDiffId(blob, diffId, unpacked.diffId);
    return { directory, size: unpacked.size };
  }

  /** Makes sure that a layer is the one that is unpacked already; both being in the store, somebody has done so. */
  async #measure(
    { blob, diffId, budget }: LayerRequest,
    { staged, compression }: LayerContent,
    directory: string,
  ): Promise<number> {
    if (compression === "none") return staged.size;
    if (isPresent(this.#places.paths.blob(staged.digest))) return treeBytes(directory);
    using file = Deno.openSync(staged.path);
    const measured = await measureLayer(chunksOf(file), compression, budget);
    checkDiffId(blob, diffId, measured.diffId);
    return measured.size;
  }
}

/** The stored form of a layer. */
interface LayerContent {
  staged: StagedBlob;
  compression: Compression;
}

function compressionOf({ path }: StagedBlob): Compression {
  using file = Deno.openSync(path);
  const start = new Uint8Array(MAGIC_LENGTH);
  return detectCompression(start.subarray(0, file.readSync(start) ?? 0));
}

function checkDiffId({ path }: ArchivedBlob, expected: DiffId, actual: DiffId): void {
  if (actual !== expected) throw new DigestMismatchError(`layer "${path}"`, expected, actual);
}

function checkConfig(
  { os, architecture, variant, diffIds }: ImageConfig,
  { config, layers }: ArchivedImage,
  wanted: Platform | undefined,
): void {
  if (os !== "linux") {
    throw new ArchiveError(
      `"${config.path}" is an image for the system "${os}", not linux`,
      "unsupported",
    );
  }
  const platform = { os, architecture, variant };
  if (wanted !== undefined && choosePlatform([platform], wanted, (one) => one) === undefined) {
    refusePlatform(wanted, [platform]);
  }
  if (diffIds.length === 0 && layers.length === 0) {
    throw new ArchiveError(`"${config.path}" is an image without layers`, "unsupported");
  }
  if (diffIds.length !== layers.length) {
    throw new ArchiveError(
      `"${config.path}" is about ${diffIds.length} layers, the archive lists ${layers.length}`,
    );
  }
}
