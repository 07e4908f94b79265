/** Loads what `docker save` wrote. @module */

import { ArchiveError, explainFailure } from "./archive_error.ts";
import { ArchiveFiles } from "./archive_files.ts";
import { DigestMismatchError, parseJson, type StagedBlob, stageJson } from "./blob_store.ts";
import { commit, type StagedImage, type StagedLayer } from "./commit.ts";
import { type Compression, detectCompression } from "./decompress.ts";
import {
  type ChainId,
  chainIds,
  type DiffId,
  diffIdOfPlainTar,
  hexOf,
  type ImageId,
  imageIdOf,
} from "./digest.ts";
import { type Hasher, hasher } from "./digester.ts";
import { SIZE_ANNOTATION } from "./image_index.ts";
import type { ImagePaths } from "./image_paths.ts";
import { unpackLayer } from "./layer_stream.ts";
import {
  describeBlob,
  type Descriptor,
  formatManifest,
  type ImageConfig,
  LAYER_MEDIA_TYPES,
  MAX_DOCUMENT_SIZE,
  MEDIA_TYPE,
  parseImageConfig,
} from "./oci.ts";
import { parseReference, type Reference } from "./reference.ts";
import { type ByteSource, chunksOf, peek } from "./source.ts";
import { Staging } from "./staging.ts";

/** What to load. */
export interface LoadOptions {
  /** Where the archive comes from, for messages. */
  sourceName: string;
  /** Annotations of the images' entries in the index. */
  annotations?: Readonly<Record<string, string>> | undefined;
  /** What to call images that have no name of their own. */
  defaultReference?: Reference | undefined;
}

/** An image that was loaded. */
export interface LoadedImage {
  id: ImageId;
  /** None if the archive gives the image no name. */
  references: readonly Reference[];
}

/**
 * Loads a docker archive, plain or compressed with gzip, zstd, xz or bzip2: `manifest.json` with `<id>/layer.tar` (docker
 * before 25) or with `blobs/sha256/` (since).
 *
 * Files go to the staging area while the stream is read, so it may come from a pipe. Every digest is verified.
 * All images are named at once at the end; on failure the store is as it was.
 *
 * @param source Read to its end; the caller closes it.
 * @returns The images, in the archive's order.
 * @throws {WherryError} `corrupt` if the archive is damaged or a digest does not match, `unavailable` if the disk is full.
 */
export async function loadDockerArchive(
  paths: ImagePaths,
  source: ByteSource,
  options: LoadOptions,
): Promise<LoadedImage[]> {
  try {
    using staging = Staging.open(paths);
    const files = await ArchiveFiles.read(staging, hasher, source);
    return await new Loader(staging, hasher, files, options).load(paths);
  } catch (error) {
    throw explainFailure(`load "${options.sourceName}"`, error);
  }
}

/** One image of `manifest.json`. */
interface ArchivedImage {
  config: string;
  references: readonly Reference[];
  layers: readonly string[];
}

const MANIFEST = "manifest.json";

/** Collects the staged work of one archive. */
class Loader {
  readonly #staging: Staging;
  readonly #hasher: Hasher;
  readonly #files: ArchiveFiles;
  readonly #options: LoadOptions;
  /** Unpacked layers, which images of one archive share. */
  readonly #layers = new Map<ChainId, UnpackedArchiveLayer>();
  readonly #blobs = new Map<string, StagedBlob>();

  constructor(staging: Staging, hasher: Hasher, files: ArchiveFiles, options: LoadOptions) {
    this.#staging = staging;
    this.#hasher = hasher;
    this.#files = files;
    this.#options = options;
  }

  async load(paths: ImagePaths): Promise<LoadedImage[]> {
    const images: StagedImage[] = [];
    const loaded: LoadedImage[] = [];
    for (const archived of this.#readManifest()) {
      const { image, id } = await this.#stageImage(archived);
      images.push(image);
      loaded.push({ id, references: image.references });
    }
    commit(paths, {
      blobs: [...this.#blobs.values()],
      layers: [...this.#layers.values()].map(({ staged }) => staged),
      images,
    });
    return loaded;
  }

  #readManifest(): ArchivedImage[] {
    const manifest = this.#files.find(MANIFEST);
    if (manifest === undefined) {
      throw new ArchiveError(`not a docker archive: it has no ${MANIFEST}`);
    }
    return parseJson(readText(manifest, MANIFEST), MANIFEST, parseArchiveManifest);
  }

  async #stageImage(archived: ArchivedImage): Promise<{ image: StagedImage; id: ImageId }> {
    const configBlob = this.#take(archived.config);
    const config = parseJson(
      readText(configBlob, archived.config),
      archived.config,
      parseImageConfig,
    );
    checkConfig(config, archived);
    const layers = await this.#stageLayers(archived.layers, config.diffIds);
    const manifest = stageJson(
      this.#staging,
      formatManifest({
        config: describeBlob(configBlob, MEDIA_TYPE.config),
        layers: layers.map(({ descriptor }) => descriptor),
      }),
    );
    this.#blobs.set(manifest.digest, manifest);
    const size = layers.reduce((sum, layer) => sum + layer.size, 0);
    const annotations = { ...this.#options.annotations, [SIZE_ANNOTATION]: String(size) };
    return {
      image: {
        manifest: { ...describeBlob(manifest, MEDIA_TYPE.manifest), annotations },
        references: this.#referencesOf(archived),
      },
      id: imageIdOf(configBlob.digest),
    };
  }

  #referencesOf({ references }: ArchivedImage): readonly Reference[] {
    const { defaultReference } = this.#options;
    return references.length > 0 || defaultReference === undefined
      ? references
      : [defaultReference];
  }

  async #stageLayers(
    names: readonly string[],
    diffIds: readonly DiffId[],
  ): Promise<UnpackedArchiveLayer[]> {
    const layers: UnpackedArchiveLayer[] = [];
    const ids = chainIds(diffIds);
    for (const [i, name] of names.entries()) {
      const [id, diffId] = [ids[i], diffIds[i]];
      if (id === undefined || diffId === undefined) continue;
      const blob = this.#take(name);
      const layer = this.#layers.get(id) ??
        await this.#unpack(
          name,
          blob,
          { id, diffId },
          layers.map(({ staged }) => staged.directory),
        );
      this.#layers.set(id, layer);
      layers.push(layer);
    }
    return layers;
  }

  /** Finds a file of the archive that will become a blob of the store; checks the digest in its name. */
  #take(name: string): StagedBlob {
    const blob = this.#files.find(name);
    if (blob === undefined) throw new ArchiveError(`${MANIFEST} names "${name}", which is missing`);
    const [, promised] = /^(?:blobs\/sha256\/)?([0-9a-f]{64})(?:\.json)?$/.exec(name) ?? [];
    if (promised !== undefined && promised !== hexOf(blob.digest)) {
      throw new DigestMismatchError(`"${name}"`, `sha256:${promised}`, blob.digest);
    }
    this.#blobs.set(blob.digest, blob);
    return blob;
  }

  async #unpack(
    name: string,
    blob: StagedBlob,
    { id, diffId }: { id: ChainId; diffId: DiffId },
    lowerDirectories: readonly string[],
  ): Promise<UnpackedArchiveLayer> {
    using file = Deno.openSync(blob.path);
    const { start, chunks } = await peek(chunksOf(file));
    const compression = detectCompression(start);
    if (compression === "none") checkDiffId(name, diffId, diffIdOfPlainTar(blob.digest));
    const directory = this.#staging.newDirectory();
    const unpacked = await unpackLayer(chunks, compression, {
      directory,
      isBase: lowerDirectories.length === 0,
      lowerDirectories,
      needsEndMarker: false,
      hasher: compression === "none" ? undefined : this.#hasher,
    });
    if (unpacked.diffId !== undefined) checkDiffId(name, diffId, unpacked.diffId);
    return {
      staged: { id, directory },
      descriptor: describeLayer(blob, compression),
      size: unpacked.size,
    };
  }
}

/** A layer of an archive, unpacked and verified. */
interface UnpackedArchiveLayer {
  staged: StagedLayer;
  descriptor: Descriptor;
  /** Bytes of the uncompressed tar. */
  size: number;
}

function describeLayer(blob: StagedBlob, compression: Compression): Descriptor {
  return describeBlob(blob, LAYER_MEDIA_TYPES[compression]);
}

function checkDiffId(name: string, expected: DiffId, actual: DiffId): void {
  if (actual !== expected) throw new DigestMismatchError(`layer "${name}"`, expected, actual);
}

function checkConfig({ os, diffIds }: ImageConfig, { config, layers }: ArchivedImage): void {
  if (os !== "linux") {
    throw new ArchiveError(
      `"${config}" is an image for the system "${os}", not linux`,
      "unsupported",
    );
  }
  if (diffIds.length !== layers.length || layers.length === 0) {
    throw new ArchiveError(
      `"${config}" is about ${diffIds.length} layers, ${MANIFEST} lists ${layers.length}`,
    );
  }
}

function readText({ path, size }: StagedBlob, name: string): string {
  if (size > MAX_DOCUMENT_SIZE) {
    throw new ArchiveError(`"${name}" is larger than ${MAX_DOCUMENT_SIZE} bytes`);
  }
  return Deno.readTextFileSync(path);
}

function parseArchiveManifest(json: unknown): ArchivedImage[] {
  if (!Array.isArray(json) || json.length === 0) throw new ArchiveError(`damaged ${MANIFEST}`);
  return json.map(parseArchivedImage);
}

function parseArchivedImage(json: unknown): ArchivedImage {
  if (typeof json !== "object" || json === null) throw new ArchiveError(`damaged ${MANIFEST}`);
  const { Config: config, RepoTags: tags, Layers: layers } = json as Record<string, unknown>;
  if (typeof config !== "string" || !isStrings(layers) || !isStrings(tags ?? [])) {
    throw new ArchiveError(`damaged ${MANIFEST}`);
  }
  return { config, layers, references: ((tags ?? []) as string[]).map(parseReference) };
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
