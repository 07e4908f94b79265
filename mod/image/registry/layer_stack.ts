/** The layers of an image that is pulled: fetched, verified and unpacked in parallel. @module */

import { WherryError } from "../../errors.ts";
import { isPresent } from "../../kernel/entry.ts";
import { treeBytes } from "../../kernel/tree_size.ts";
import { ArchiveError } from "../tar/archive_error.ts";
import { DigestMismatchError, type StagedBlob } from "../store/blob_store.ts";
import type { StagedLayer } from "../store/commit.ts";
import { detectCompression } from "../compression/decompress.ts";
import { type ChainId, chainIds, type DiffId } from "../spec/digest.ts";
import { hasher } from "../spec/digester.ts";
import { isForeignType, isLayerType } from "../spec/image_manifest.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import { measureLayer, type UnpackedLayer, unpackLayer } from "../layer/layer_stream.ts";
import type { Descriptor } from "../spec/oci.ts";
import type { LayerPhase, ProgressListener } from "../spec/progress.ts";
import { checkRoom, type UnpackBudget } from "../layer/room.ts";
import { chunksOf, peek } from "../tar/source.ts";
import type { Staging } from "../store/staging.ts";
import { PartialBlob } from "./partial_blob.ts";
import type { Repository } from "./registry.ts";
import { describeRetry } from "./retry.ts";
import { Slots } from "./slots.ts";

/** Layers that are worked on at a time, as docker has it. */
const MAX_LAYERS_AT_A_TIME = 3;

/**
 * Checks what can be known of layers before they are fetched.
 *
 * @throws {WherryError} `unsupported` for what is no layer, or one that registries may not give away; `corrupt` for
 * one without content.
 */
export function checkLayers(layers: readonly Descriptor[]): void {
  for (const { digest, mediaType, size } of layers) {
    if (isForeignType(mediaType)) {
      throw new WherryError(
        "unsupported",
        `Cannot use layer ${digest}: it is a foreign layer, which the registry does not have`,
      );
    }
    if (!isLayerType(mediaType)) {
      throw new WherryError(
        "unsupported",
        `Cannot use layer ${digest}: its media type is unknown: ${mediaType}`,
      );
    }
    if (size === 0) throw new WherryError("corrupt", `Cannot use layer ${digest}: it is empty`);
  }
}

/** What to pull, and who is told. */
export interface LayerStackOptions {
  repository: Repository;
  /** Base layer first. */
  layers: readonly Descriptor[];
  /** What they unpack to; as many as there are layers. */
  diffIds: readonly DiffId[];
  signal: AbortSignal;
  onProgress: ProgressListener;
  /** What all layers may unpack to. */
  budget: UnpackBudget;
}

/** A layer that waits for being committed, or that the store has. */
export interface PulledLayer {
  /** Unpacked; `undefined` if the store has it. */
  layer: StagedLayer | undefined;
  /** As it came; `undefined` if the store has it. */
  blob: StagedBlob | undefined;
  /** Paths in the store of what was there already. */
  reused: readonly string[];
  /** Extended attributes that the file system would not take. */
  skippedAttributes: ReadonlySet<string>;
  /** Bytes of the uncompressed tar; of the files in it where the tar was not seen. */
  size(): number;
}

/** One layer on its way. */
interface LayerJob {
  descriptor: Descriptor;
  diffId: DiffId;
  /** Names it together with the layers below. */
  id: ChainId;
  /** Position, 0 for the base layer. */
  index: number;
  /** Whether the same blob is a layer further down, too: then that one is reported. */
  isRepeated: boolean;
  /** Fulfilled with the directory when the layer is unpacked. */
  unpacked: PromiseWithResolvers<string>;
}

/** All layers of one image. */
export class LayerStack {
  readonly #paths: ImagePaths;
  readonly #staging: Staging;
  readonly #options: LayerStackOptions;
  readonly #slots = new Slots(MAX_LAYERS_AT_A_TIME);
  readonly #jobs: readonly LayerJob[];

  /** Starts nothing yet. */
  constructor(paths: ImagePaths, staging: Staging, options: LayerStackOptions) {
    this.#paths = paths;
    this.#staging = staging;
    this.#options = options;
    this.#jobs = planJobs(options);
  }

  /**
   * Starts work on all layers.
   *
   * @returns One promise for each, base layer first; the staging area must stay until none is pending.
   * @throws {WherryError} `unavailable` if there is no room for what must be fetched.
   */
  stage(): Promise<PulledLayer>[] {
    checkRoom(this.#staging.newDirectory(), this.#missingBytes());
    return this.#jobs.map((job) => this.#stage(job));
  }

  /** What must be fetched at the least; what it unpacks to nobody knows yet. */
  #missingBytes(): number {
    const missing = new Map(
      this.#jobs.filter(({ descriptor }) => !this.#hasBlob(descriptor))
        .map(({ descriptor: { digest, size } }) => [digest, size]),
    );
    return missing.values().reduce((sum, size) => sum + size, 0);
  }

  /** Whether the store has a blob; one that a power loss has made shorter is fetched again. */
  #hasBlob({ digest, size }: Descriptor): boolean {
    const path = this.#paths.blob(digest);
    return isPresent(path) && Deno.lstatSync(path).size === size;
  }

  async #stage(job: LayerJob): Promise<PulledLayer> {
    try {
      const stored = this.#findStored(job);
      if (stored !== undefined) return stored;
      this.#report(job, "waiting", 0);
      using slot = await this.#slots.take();
      this.#options.signal.throwIfAborted();
      return await this.#obtain(job, slot);
    } catch (error) {
      job.unpacked.reject(error);
      throw explainLayer(job, error);
    }
  }

  /** A layer of which nothing is missing. */
  #findStored(job: LayerJob): PulledLayer | undefined {
    if (!isPresent(this.#paths.layer(job.id)) || !this.#hasBlob(job.descriptor)) return undefined;
    this.#report(job, "exists", job.descriptor.size);
    return this.#pulled(job, { layer: undefined, blob: undefined, unpacked: undefined });
  }

  /** @param slot Given back when the layer needs no network any more. */
  async #obtain(job: LayerJob, slot: Disposable): Promise<PulledLayer> {
    if (this.#hasBlob(job.descriptor)) return await this.#unpackStored(job, slot);
    using partial = await PartialBlob.open(this.#paths, job.descriptor, this.#options.signal);
    // Whoever had it before may have finished it
    const stored = this.#findStored(job);
    if (stored !== undefined) return stored;
    try {
      return await this.#fetch(job, partial, { slot, avoidsMirrors: false });
    } catch (error) {
      const isMendable = partial.keptBytes > 0 || this.#options.repository.hasMirrors;
      if (partial.isUnsound && isMendable) {
        // What an earlier pull left was damaged, as by a power loss, or what a mirror has is
        partial.restart();
        return await this.#fetch(job, partial, { slot, avoidsMirrors: true });
      }
      if (error instanceof WherryError && error.kind === "corrupt") partial.discard();
      throw error;
    }
  }

  async #fetch(
    job: LayerJob,
    partial: PartialBlob,
    { slot, avoidsMirrors }: { slot: Disposable; avoidsMirrors: boolean },
  ): Promise<PulledLayer> {
    const { repository, signal } = this.#options;
    const { descriptor } = job;
    await using reading = partial.read({
      read: (offset) =>
        repository.readBlob(descriptor, offset, {
          signal,
          avoidsMirrors,
          onRetry: (why, delayMs) => this.#reportRetry(job, why, delayMs),
        }),
      onProgress: (bytes) => this.#report(job, "downloading", bytes),
      signal,
    });
    let blob: StagedBlob | undefined;
    const finish = async (): Promise<void> => {
      this.#report(job, "verifying", descriptor.size);
      blob = await partial.finish(this.#staging);
      // Layers wait for those below them: nobody may wait for this one meanwhile
      partial[Symbol.dispose]();
      slot[Symbol.dispose]();
      this.#report(job, "extracting", descriptor.size);
    };
    try {
      const unpacked = await this.#unpack(job, reading.rest(), finish);
      return this.#pulled(job, { ...unpacked, blob });
    } catch (error) {
      // The tar is damaged because the blob is, or in spite of it
      if (error instanceof ArchiveError && blob === undefined) await partial.verify();
      throw error;
    }
  }

  /** Unpacks a layer whose blob is in the store. */
  async #unpackStored(job: LayerJob, slot: Disposable): Promise<PulledLayer> {
    using file = Deno.openSync(this.#paths.blob(job.descriptor.digest));
    this.#report(job, "extracting", job.descriptor.size);
    const source = {
      read: async (buffer: Uint8Array): Promise<number | null> => {
        this.#options.signal.throwIfAborted();
        return await file.read(buffer);
      },
    };
    const unpacked = await this.#unpack(job, chunksOf(source), () => slot[Symbol.dispose]());
    return this.#pulled(job, { ...unpacked, blob: undefined });
  }

  /** @param onRead Called when everything has been read but for what may follow the end of the tar. */
  async #unpack(
    job: LayerJob,
    stored: AsyncGenerator<Uint8Array<ArrayBuffer>>,
    onRead: () => Promise<void> | void,
  ): Promise<{ layer: StagedLayer | undefined; unpacked: Unpacked }> {
    const { start, chunks } = await peek(stored);
    const compression = detectCompression(start);
    if (isPresent(this.#paths.layer(job.id))) {
      const measured = await measureLayer(chunks, compression, this.#options.budget);
      const unpacked = { ...measured, skippedAttributes: new Set<string>() };
      await onRead();
      checkDiffId(job, unpacked);
      return { layer: undefined, unpacked };
    }
    const directory = this.#staging.newDirectory();
    const lowerDirectories: string[] = [];
    const unpacked = await unpackLayer(chunks, compression, {
      directory,
      isBase: job.index === 0,
      lowerDirectories,
      onUnpacked: async () => {
        await onRead();
        lowerDirectories.push(...await this.#directoriesBelow(job));
      },
      needsEndMarker: false,
      hasher,
      budget: this.#options.budget,
    });
    checkDiffId(job, unpacked);
    job.unpacked.resolve(directory);
    return { layer: { id: job.id, directory }, unpacked };
  }

  async #directoriesBelow({ index }: LayerJob): Promise<string[]> {
    return await Promise.all(this.#jobs.slice(0, index).map(({ unpacked }) => unpacked.promise));
  }

  #pulled(
    job: LayerJob,
    { layer, blob, unpacked }: Pick<PulledLayer, "layer" | "blob"> & {
      unpacked: Unpacked | undefined;
    },
  ): PulledLayer {
    const directory = this.#paths.layer(job.id);
    const blobPath = this.#paths.blob(job.descriptor.digest);
    if (layer === undefined) job.unpacked.resolve(directory);
    if (unpacked !== undefined) this.#report(job, "done", job.descriptor.size);
    return {
      layer,
      blob,
      reused: [
        ...(layer === undefined ? [directory] : []),
        ...(blob === undefined ? [blobPath] : []),
      ],
      skippedAttributes: unpacked?.skippedAttributes ?? new Set(),
      size: () => unpacked?.size ?? treeBytes(directory),
    };
  }

  #report({ descriptor, isRepeated }: LayerJob, phase: LayerPhase, current: number): void {
    const { digest, size } = descriptor;
    if (isRepeated) return;
    this.#options.onProgress({ digest, phase, current, total: size });
  }

  #reportRetry({ descriptor: { digest, size } }: LayerJob, why: string, delayMs: number): void {
    const detail = describeRetry(why, delayMs);
    this.#options.onProgress({ digest, phase: "retrying", current: 0, total: size, detail });
  }
}

/** What a layer turned out to be. */
type Unpacked = Pick<UnpackedLayer, "diffId" | "size" | "skippedAttributes">;

function planJobs({ layers, diffIds }: LayerStackOptions): LayerJob[] {
  const ids = chainIds(diffIds);
  return layers.flatMap((descriptor, index) => {
    const [id, diffId] = [ids[index], diffIds[index]];
    if (id === undefined || diffId === undefined) return [];
    const unpacked = Promise.withResolvers<string>();
    // Its failure is that of the layer itself; perhaps no other one waits for it
    unpacked.promise.catch(() => undefined);
    const first = layers.findIndex(({ digest }) => digest === descriptor.digest);
    return [{ descriptor, diffId, id, index, isRepeated: first < index, unpacked }];
  });
}

function checkDiffId({ descriptor, diffId }: LayerJob, unpacked: Unpacked): void {
  if (unpacked.diffId === undefined || unpacked.diffId === diffId) return;
  throw new DigestMismatchError(
    `the content of layer ${descriptor.digest}`,
    diffId,
    unpacked.diffId,
  );
}

/** An archive's error says what is wrong, and not with which of the layers. */
function explainLayer({ descriptor: { digest } }: LayerJob, error: unknown): unknown {
  if (!(error instanceof ArchiveError)) return error;
  const kind = error.kind === "unsupported" ? "unsupported" : "corrupt";
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new ArchiveError(`layer ${digest}: ${error.detail}`, kind, { cause: error, ...hint });
}
