/**
 * Puts images into registries.
 *
 * ```
 * layers     several at a time; what the repository has, or another one beside it, is not sent
 * config     then
 * manifest   last, so that nobody finds an image there that is not complete
 * ```
 *
 * @module
 */

import { WherryError } from "../../errors.ts";
import { explainFailure } from "../tar/archive_error.ts";
import {
  DigestMismatchError,
  pinBlob,
  readJsonBlob,
  type StagedBlob,
} from "../store/blob_store.ts";
import { StoreChangedError } from "../store/commit.ts";
import { compressLayers } from "./compress_layers.ts";
import { type Digest, digestFromHex, digestOfBytes, hexOf } from "../spec/digest.ts";
import {
  lockImages,
  readIndex,
  referenceOf,
  REPOSITORY_DIGEST_ANNOTATION,
  repositoryDigestOf,
  writeIndex,
} from "../store/image_index.ts";
import { checkLayerCount, isForeignType } from "../spec/image_manifest.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import { type Descriptor, parseImageConfig, parseManifest } from "../spec/oci.ts";
import type { LayerPhase, ProgressListener } from "../spec/progress.ts";
import { formatFamiliar, formatReference, type Reference } from "../spec/reference.ts";
import { Staging } from "../store/staging.ts";
import { RegistryError } from "./registry_error.ts";
import type { Repository, TransferOptions, Upload } from "./registry.ts";
import { describeRetry } from "./retry.ts";
import { Slots } from "./slots.ts";

/** What to push. */
export interface PushOptions {
  /** Of an image of the store, with a tag. */
  reference: Reference;
  /** Ends it at once; a later push goes on where this one was. */
  signal: AbortSignal;
  /** Told what becomes of each layer, which is named by its DiffID; the top one comes first. */
  onProgress?: ProgressListener | undefined;
}

/** What a repository has now. */
export interface PushedManifest {
  /** By which the repository has it. */
  digest: Digest;
  /** In bytes. */
  size: number;
}

/** Layers that are sent at a time, as docker does. */
const MAX_UPLOADS = 5;
/** How often it begins again because another push has compressed the same layers meanwhile. */
const MAX_ATTEMPTS = 5;
/** Repositories that are asked for a layer before it is sent: each costs a request. */
const MAX_MOUNT_SOURCES = 4;

/**
 * Puts an image into a repository, under the tag of its reference, and notes its digest there in the index.
 *
 * The manifest goes as it is stored. Layers that are stored as plain tars are compressed before, see
 * `compress_layers.ts`. What is to be sent stays until it is, even if the image is removed meanwhile.
 *
 * @throws {WherryError} `not_found` if the image or a blob of it is missing, `corrupt` if it is damaged; otherwise
 * as {@linkcode Repository} does.
 * @throws The signal's reason.
 */
export async function pushTo(
  repository: Repository,
  paths: ImagePaths,
  options: PushOptions,
): Promise<PushedManifest> {
  try {
    return await new ImagePush(repository, paths, options).run();
  } catch (error) {
    options.signal.throwIfAborted();
    // What a registry refuses is worded as a push's failure already
    if (error instanceof RegistryError) throw error;
    throw explainFailure(`push "${formatFamiliar(options.reference)}"`, error);
  }
}

/** A layer on its way. */
interface LayerToPush {
  descriptor: Descriptor;
  /** What it is called while it is pushed: its DiffID. */
  name: Digest;
}

/** One image on its way. */
class ImagePush {
  readonly #repository: Repository;
  readonly #paths: ImagePaths;
  readonly #options: PushOptions;
  /** Ends what goes on beside a failure. */
  readonly #failure = new AbortController();
  readonly #signal: AbortSignal;
  /** What is to be sent. */
  readonly #blobs = new Map<Digest, StagedBlob>();

  constructor(repository: Repository, paths: ImagePaths, options: PushOptions) {
    this.#repository = repository;
    this.#paths = paths;
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#failure.signal]);
  }

  async run(): Promise<PushedManifest> {
    const { reference } = this.#options;
    const { digest, mediaType } = await this.#compress();
    using staging = Staging.open(this.#paths);
    const { manifest, config, layers } = this.#pin(digest, staging);
    await this.#pushLayers(layers);
    const transfer: TransferOptions = { signal: this.#signal };
    await this.#repository.uploadBlob(this.#uploadOf(config, []), transfer);
    await this.#repository.putManifest(
      reference.tag ?? manifest.digest,
      { ...manifest, mediaType },
      transfer,
    );
    notePushed(this.#paths, reference, manifest.digest);
    return { digest: manifest.digest, size: manifest.bytes.length };
  }

  /** @returns What the reference means then. */
  async #compress(): Promise<Descriptor> {
    for (let attempt = 1;; attempt++) {
      const entry = getEntry(this.#paths, this.#options.reference);
      const { layers } = readImage(this.#paths, entry.digest);
      if (attempt === 1) { for (const layer of layers) this.#report(layer, "waiting"); }
      try {
        return { ...entry, digest: await this.#compressImage(entry.digest, layers) };
      } catch (error) {
        if (!(error instanceof StoreChangedError) || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  async #compressImage(digest: Digest, layers: readonly LayerToPush[]): Promise<Digest> {
    return await compressLayers(this.#paths, digest, {
      signal: this.#signal,
      onProgress: (compressed, bytes) => {
        const layer = layers.find(({ descriptor }) => descriptor.digest === compressed.digest);
        if (layer !== undefined) this.#report(layer, "compressing", { current: bytes });
      },
    });
  }

  #pin(digest: Digest, staging: Staging): StoredImage {
    using _lock = lockImages(this.#paths, "shared");
    const image = readImage(this.#paths, digest);
    const pin = (descriptor: Descriptor, what: string): void => {
      const blob = pinChecked(this.#paths, staging, { descriptor, what });
      this.#blobs.set(blob.digest, blob);
    };
    for (const { descriptor } of image.layers) {
      if (!isNondistributable(descriptor)) pin(descriptor, "layer");
    }
    pin(image.config, "config blob");
    return image;
  }

  async #pushLayers(layers: readonly LayerToPush[]): Promise<void> {
    const sources = findMountSources(this.#paths, this.#options.reference);
    const slots = new Slots(MAX_UPLOADS);
    const pushes = layers.map(async (layer) => {
      using _slot = await slots.take();
      this.#signal.throwIfAborted();
      await this.#pushLayer(layer, sources.get(layer.descriptor.digest) ?? []);
    });
    // The first failure is the reason; it ends the others
    for (const push of pushes) push.catch((error) => this.#failure.abort(error));
    await Promise.allSettled(pushes);
    this.#failure.signal.throwIfAborted();
  }

  async #pushLayer(layer: LayerToPush, mountFrom: readonly string[]): Promise<void> {
    const { descriptor } = layer;
    if (isNondistributable(descriptor)) return this.#report(layer, "skipped");
    let current = 0;
    const result = await this.#repository.uploadBlob(this.#uploadOf(descriptor, mountFrom), {
      signal: this.#signal,
      onRetry: (why, delayMs) =>
        this.#report(layer, "retrying", { current, detail: describeRetry(why, delayMs) }),
      onSent: (bytes) => {
        current = bytes;
        this.#report(layer, "uploading", { current });
      },
    });
    const whole = { current: descriptor.size };
    if (result.type === "mounted") {
      this.#report(layer, "mounted", { ...whole, detail: result.from });
    } else this.#report(layer, result.type === "exists" ? "exists" : "done", whole);
  }

  #uploadOf({ digest, size }: Descriptor, mountFrom: readonly string[]): Upload {
    const { path } = this.#blobs.get(digest) ?? missing(digest, "blob");
    return { digest, size, mountFrom, open: (offset) => readFrom(path, offset) };
  }

  #report(
    { name, descriptor }: LayerToPush,
    phase: LayerPhase,
    { current = 0, detail }: { current?: number; detail?: string } = {},
  ): void {
    const total = descriptor.size;
    this.#options.onProgress?.({ digest: name, phase, current, total, detail });
  }
}

/** An image as it is stored. */
interface StoredImage {
  manifest: { digest: Digest; bytes: Uint8Array<ArrayBuffer> };
  config: Descriptor;
  /** Each once, top layer first, as docker lists them. */
  layers: readonly LayerToPush[];
}

function readImage(paths: ImagePaths, digest: Digest): StoredImage {
  const { config, layers } = readJsonBlob(paths, digest, parseManifest);
  const { diffIds } = readJsonBlob(paths, config.digest, parseImageConfig);
  checkLayerCount({ diffIds }, { layers });
  const bytes = Deno.readFileSync(paths.blob(digest));
  const actual = digestOfBytes(bytes);
  if (actual !== digest) throw new DigestMismatchError("the manifest", digest, actual);
  const each = new Map(layers.map((descriptor, i): [Digest, LayerToPush] => {
    const name = digestFromHex(hexOf(diffIds[i] ?? descriptor.digest));
    return [descriptor.digest, { descriptor, name }];
  }));
  return { manifest: { digest, bytes }, config, layers: [...each.values()].toReversed() };
}

/** Makes sure of a blob before anything is sent. */
function pinChecked(
  paths: ImagePaths,
  staging: Staging,
  { descriptor: { digest, size }, what }: { descriptor: Descriptor; what: string },
): StagedBlob {
  const blob = pinBlob(paths, staging, digest) ?? missing(digest, what);
  if (blob.size === size) return blob;
  throw new WherryError(
    "corrupt",
    `Cannot use ${what} "${digest}": ${blob.size} bytes of it are in the store, not ${size}`,
    { hint: "Remove the image, and pull, load or import it again" },
  );
}

function missing(digest: Digest, what: string): never {
  throw new WherryError("not_found", `Cannot read ${what} "${digest}": it is not in the store`, {
    hint: "Pull, load or import the image again",
  });
}

function getEntry(paths: ImagePaths, reference: Reference): Descriptor {
  const name = formatReference(reference);
  const entry = readIndex(paths).manifests.find((item) => referenceOf(item) === name);
  if (entry !== undefined) return entry;
  throw new WherryError("not_found", `Cannot find image "${name}": there is none of this name`);
}

/** Whether a layer may not be given to others: a registry takes the manifest without it. */
function isNondistributable({ mediaType, urls }: Descriptor): boolean {
  return (urls?.length ?? 0) > 0 && isForeignType(mediaType);
}

/**
 * Which repositories beside the one of `reference` are known to have a layer: images that came from there or went
 * there have it.
 *
 * @returns Paths of repositories by the layer's digest, the likeliest first.
 */
function findMountSources(paths: ImagePaths, reference: Reference): Map<Digest, string[]> {
  const sources = new Map<Digest, string[]>();
  for (const entry of readIndex(paths).manifests) {
    const known = repositoryDigestOf(entry);
    if (known === undefined) continue;
    const { domain, path } = known;
    if (domain !== reference.domain || path === reference.path) continue;
    for (const digest of listLayers(paths, entry)) {
      const known = sources.get(digest) ?? [];
      if (!known.includes(path)) sources.set(digest, [...known, path]);
    }
  }
  for (const [digest, known] of sources) {
    const sorted = known.toSorted((a, b) => likeness(b, reference) - likeness(a, reference));
    sources.set(digest, sorted.slice(0, MAX_MOUNT_SOURCES));
  }
  return sources;
}

/** How much of a repository's path is the same: who may write to one may most likely read the other. */
function likeness(path: string, reference: Reference): number {
  const wanted = reference.path.split("/");
  const differs = path.split("/").findIndex((part, i) => part !== wanted[i]);
  return differs < 0 ? wanted.length : differs;
}

function listLayers(paths: ImagePaths, { digest }: Descriptor): Digest[] {
  try {
    return readJsonBlob(paths, digest, parseManifest).layers.map((layer) => layer.digest);
  } catch (error) {
    // Only a saving is at stake; whoever uses that image is told
    if (error instanceof WherryError) return [];
    throw error;
  }
}

/** Writes down which digest the repository has the image by, unless its name is another image's by now. */
function notePushed(paths: ImagePaths, reference: Reference, digest: Digest): void {
  using _lock = lockImages(paths, "exclusive");
  const name = formatReference(reference);
  const manifests = readIndex(paths).manifests.map((entry) =>
    referenceOf(entry) === name && entry.digest === digest
      ? {
        ...entry,
        annotations: { ...entry.annotations, [REPOSITORY_DIGEST_ANNOTATION]: digest },
      }
      : entry
  );
  writeIndex(paths, { manifests });
}

/** Bytes read at once. */
const CHUNK_SIZE = 256 << 10;

/** Reads a file from `offset` on; each chunk is its receiver's. */
async function* readFrom(path: string, offset: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  using file = Deno.openSync(path);
  file.seekSync(offset, Deno.SeekMode.Start);
  for (;;) {
    const chunk = new Uint8Array(CHUNK_SIZE);
    const count = await file.read(chunk);
    if (count === null) return;
    yield chunk.subarray(0, count);
  }
}
