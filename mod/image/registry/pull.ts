/**
 * Pulls one image.
 *
 * ```
 * resolve     tag or digest -> manifest, or index -> the manifest for a platform
 * config      fetched and checked: which layers there are, and what each unpacks to
 * layers      in parallel, each in one pass: fetched, kept in partial/, hashed, unpacked into the staging area
 * commit      everything at once: layers, blobs, and last of all the name
 * ```
 *
 * What the store has is neither fetched nor unpacked again. Whatever interrupts a pull leaves the store as it was; the
 * beginnings of blobs in partial/ are where the next one goes on.
 *
 * @module
 */

import { WherryError } from "../../errors.ts";
import { isPresent } from "../../kernel/entry.ts";
import { explainFailure } from "../tar/archive_error.ts";
import {
  DigestMismatchError,
  isIntact,
  parseJson,
  readJsonBlob,
  stageBytes,
  type StagedBlob,
} from "../store/blob_store.ts";
import { commit, StoreChangedError } from "../store/commit.ts";
import { type Digest, digestOfBytes, type ImageId, imageIdOf } from "../spec/digest.ts";
import {
  readIndex,
  referenceOf,
  REPOSITORY_DIGEST_ANNOTATION,
  SIZE_ANNOTATION,
} from "../store/image_index.ts";
import { checkLayerCount } from "../spec/image_manifest.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import {
  describeBlob,
  type Descriptor,
  type ImageConfig,
  type Manifest,
  MAX_DOCUMENT_SIZE,
  parseImageConfig,
  parseManifest,
} from "../spec/oci.ts";
import { hostPlatform, normalisePlatform, type Platform } from "../spec/platform.ts";
import type { ProgressListener } from "../spec/progress.ts";
import { formatFamiliar, formatReference, type Reference } from "../spec/reference.ts";
import { UnpackBudget } from "../layer/room.ts";
import { Staging } from "../store/staging.ts";
import { checkLayers, LayerStack, type PulledLayer } from "./layer_stack.ts";
import { removePartial } from "./partial_blob.ts";
import type { FetchedManifest, Repository, TransferOptions } from "./registry.ts";
import { type ResolvedManifest, resolveManifest } from "./resolve.ts";

/** How often a pull begins again because others removed what it was going to use again. */
const MAX_ATTEMPTS = 5;

/** What to pull. */
export interface PullOptions {
  /** What it will be called; where it has a digest, that counts and not the tag. */
  reference: Reference;
  /** What it is to run on. @default {this machine} */
  platform?: Platform | undefined;
  /** Most bytes that the layers which are not here may unpack to. @default {no limit} */
  maxUnpackedBytes?: number | undefined;
  /** Ends it at once; what has been fetched is kept for the next time. */
  signal: AbortSignal;
  /** Told when the registry has given what the reference names. */
  onNamed?: (() => void) | undefined;
  /** Told what becomes of each layer. */
  onProgress?: ProgressListener | undefined;
}

/** An image that was pulled. */
export interface PulledImage {
  /** Of its config blob. */
  id: ImageId;
  /** What it is called: with a tag or with a digest. */
  reference: Reference;
  /** Of what the reference names: an index, or the manifest. */
  digest: Digest;
  /** What it runs on, as it says itself. */
  platform: Platform;
  /** The image's labels. */
  labels: Readonly<Record<string, string>>;
  /** Whether the reference meant another image before, or none. */
  isNew: boolean;
  /** Extended attributes that the file system would not take; worth a warning. */
  skippedAttributes: ReadonlySet<string>;
}

/**
 * Pulls an image from a repository, or finds out that it is here already.
 *
 * The image is there as a whole or not at all. Two pulls at a time, of the same image or of two that share layers, fetch
 * each layer once. Blobs, documents and the index survive a power loss; the unpacked files are left to the kernel's
 * write-back.
 *
 * @throws {WherryError} As {@linkcode Repository} does; `corrupt` if what came is not sound, `unsupported` if it is no
 * image that wherry can run, `unavailable` if the disk is full.
 * @throws The signal's reason.
 */
export async function pullFrom(
  repository: Repository,
  paths: ImagePaths,
  options: PullOptions,
): Promise<PulledImage> {
  try {
    return await new ImagePull(repository, paths, options).run();
  } catch (error) {
    options.signal.throwIfAborted();
    throw explainPull(options.reference, error);
  }
}

/** What a repository says about a request is complete as it is. */
function explainPull(reference: Reference, error: unknown): unknown {
  if (error instanceof WherryError && error.message.startsWith('Cannot pull "')) return error;
  return explainFailure(`pull "${formatFamiliar(reference)}"`, error);
}

/** One image on its way. */
class ImagePull {
  readonly #repository: Repository;
  readonly #paths: ImagePaths;
  readonly #options: PullOptions;
  /** Ends what goes on beside a failure. */
  readonly #failure = new AbortController();
  readonly #transfer: TransferOptions;

  constructor(repository: Repository, paths: ImagePaths, options: PullOptions) {
    this.#repository = repository;
    this.#paths = paths;
    this.#options = options;
    this.#transfer = { signal: AbortSignal.any([options.signal, this.#failure.signal]) };
  }

  async run(): Promise<PulledImage> {
    const { reference, platform = hostPlatform(), onNamed } = this.#options;
    const transfer = this.#transfer;
    const resolved = await resolveManifest(this.#repository, {
      reference,
      platform,
      transfer,
      onNamed,
    });
    checkLayers(resolved.manifest.layers);
    using staging = Staging.open(this.#paths);
    const configBytes = await this.#fetchConfig(resolved.manifest.config);
    const config = parseConfig(resolved.manifest, configBytes);
    const documents = [
      stageBytes(staging, configBytes),
      stageBytes(staging, resolved.fetched.bytes),
    ];
    const { isNew, layers } = await this.#stageAndCommit(staging, { resolved, config, documents });
    for (const { digest } of resolved.manifest.layers) removePartial(this.#paths, digest);
    return {
      id: imageIdOf(resolved.manifest.config.digest),
      reference: storedReference(reference),
      digest: resolved.named.digest,
      platform: normalisePlatform(config),
      labels: config.process.labels,
      isNew,
      skippedAttributes: new Set(layers.flatMap((layer) => [...layer.skippedAttributes])),
    };
  }

  /** A config blob is small: it is fetched even if the store has it. */
  async #fetchConfig({ digest, size }: Descriptor): Promise<Uint8Array<ArrayBuffer>> {
    if (size > MAX_DOCUMENT_SIZE) {
      throw new WherryError(
        "corrupt",
        `Cannot use the image: its config blob is of ${size} bytes, more than ${MAX_DOCUMENT_SIZE}`,
      );
    }
    const blob = { digest, size };
    const { hasMirrors } = this.#repository;
    const first = await this.#readBlob(blob, { avoidsMirrors: false });
    if (digestOfBytes(first) === digest) return first;
    const bytes = hasMirrors ? await this.#readBlob(blob, { avoidsMirrors: true }) : first;
    const actual = digestOfBytes(bytes);
    if (actual !== digest) throw new DigestMismatchError("the config blob", digest, actual);
    return bytes;
  }

  async #readBlob(
    blob: { digest: Digest; size: number },
    { avoidsMirrors }: { avoidsMirrors: boolean },
  ): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(blob.size);
    let length = 0;
    const options = { ...this.#transfer, avoidsMirrors };
    for await (const chunk of this.#repository.readBlob(blob, 0, options)) {
      bytes.set(chunk, length);
      length += chunk.length;
    }
    return bytes.subarray(0, length);
  }

  /** @returns The layers, and whether the reference means another image than before. */
  async #stageAndCommit(
    staging: Staging,
    image: StagedDocuments,
  ): Promise<{ isNew: boolean; layers: readonly PulledLayer[] }> {
    for (let attempt = 1;; attempt++) {
      const layers = await this.#stageLayers(staging, image);
      try {
        return { isNew: this.#commit(image, layers), layers };
      } catch (error) {
        if (!(error instanceof StoreChangedError) || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  async #stageLayers(staging: Staging, image: StagedDocuments): Promise<PulledLayer[]> {
    const isKnown = hasManifest(this.#paths, image.resolved.fetched.digest);
    const stack = new LayerStack(this.#paths, staging, {
      repository: this.#repository,
      layers: image.resolved.manifest.layers,
      diffIds: image.config.diffIds,
      signal: this.#transfer.signal,
      budget: new UnpackBudget(this.#options.maxUnpackedBytes),
      // As docker, not a word about the layers of an image that is here
      onProgress: (progress) => {
        if (!isKnown || progress.phase !== "exists") this.#options.onProgress?.(progress);
      },
    });
    const stagings = stack.stage();
    // The first failure is the reason; it ends the others, and only then may the staging area go
    for (const one of stagings) one.catch((error) => this.#failure.abort(error));
    await Promise.allSettled(stagings);
    this.#failure.signal.throwIfAborted();
    return await Promise.all(stagings);
  }

  /** @returns Whether the reference means another image than before. */
  #commit({ resolved, documents }: StagedDocuments, layers: readonly PulledLayer[]): boolean {
    const reference = storedReference(this.#options.reference);
    const { fetched, named, manifest } = resolved;
    const known = findKnown(this.#paths, reference, fetched);
    const isStaged = layers.some(({ layer, blob }) => layer !== undefined || blob !== undefined);
    const isUpToDate = !isStaged && documents.every((blob) => isStored(this.#paths, blob)) &&
      known.named?.digest === fetched.digest &&
      known.named.annotations[REPOSITORY_DIGEST_ANNOTATION] === named.digest;
    if (isUpToDate) return false;
    const size = known.size ?? String(layers.reduce((sum, layer) => sum + layer.size(), 0));
    const annotations = {
      [REPOSITORY_DIGEST_ANNOTATION]: named.digest,
      [SIZE_ANNOTATION]: size,
    };
    const descriptor = { digest: fetched.digest, size: fetched.bytes.length };
    commit(this.#paths, {
      blobs: [...documents, ...layers.map(({ blob }) => blob).filter((blob) => blob !== undefined)],
      layers: layers.map(({ layer }) => layer).filter((layer) => layer !== undefined),
      images: [{
        manifest: { ...describeBlob(descriptor, fetched.mediaType), annotations },
        references: [reference],
      }],
      reused: layers.flatMap((layer) => layer.reused),
    });
    return known.id !== imageIdOf(manifest.config.digest);
  }
}

/** An image but for its layers. */
interface StagedDocuments {
  resolved: ResolvedManifest;
  config: ImageConfig;
  /** Config blob and manifest. */
  documents: readonly StagedBlob[];
}

/** Under a digest an image needs no tag, and under a tag no digest. */
function storedReference(reference: Reference): Reference {
  return reference.digest === undefined ? reference : { ...reference, tag: undefined };
}

function isStored(paths: ImagePaths, blob: StagedBlob): boolean {
  const path = paths.blob(blob.digest);
  return isPresent(path) && isIntact(path, blob);
}

function hasManifest(paths: ImagePaths, digest: Digest): boolean {
  return readIndex(paths).manifests.some((entry) => entry.digest === digest);
}

/** What the store says of an image that is pulled. */
interface KnownImage {
  /** The entry that has the reference now. */
  named: Descriptor | undefined;
  /** The image that it means. */
  id: ImageId | undefined;
  /** Bytes of all layers in decimal, if the image is here under any reference. */
  size: string | undefined;
}

function findKnown(
  paths: ImagePaths,
  reference: Reference,
  { digest }: FetchedManifest,
): KnownImage {
  const { manifests } = readIndex(paths);
  const name = formatReference(reference);
  const named = manifests.find((entry) => referenceOf(entry) === name);
  const same = manifests.find((entry) => entry.digest === digest);
  return {
    named,
    id: named === undefined ? undefined : idOf(paths, named),
    size: same?.annotations[SIZE_ANNOTATION],
  };
}

/** @returns `undefined` for an image whose manifest is damaged: to pull it anew is what helps. */
function idOf(paths: ImagePaths, { digest }: Descriptor): ImageId | undefined {
  try {
    return imageIdOf(readJsonBlob(paths, digest, parseManifest).config.digest);
  } catch (error) {
    if (error instanceof WherryError) return undefined;
    throw error;
  }
}

function parseConfig(manifest: Manifest, bytes: Uint8Array): ImageConfig {
  const { digest } = manifest.config;
  const parsed = parseJson(new TextDecoder().decode(bytes), digest, parseImageConfig);
  if (parsed.os !== "" && parsed.os !== "linux") {
    throw new WherryError(
      "unsupported",
      `Cannot use the image: image operating system "${parsed.os}" cannot be used on this platform`,
    );
  }
  if (parsed.diffIds.length === 0 && manifest.layers.length === 0) {
    throw new WherryError("unsupported", "Cannot use the image: it has no layers");
  }
  checkLayerCount(parsed, manifest);
  return parsed;
}
