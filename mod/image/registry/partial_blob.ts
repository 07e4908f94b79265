/**
 * Beginnings of blobs, kept from one pull to the next.
 *
 * ```
 * open        partial/<hex>.lock is locked, waiting for whoever fetches the same blob
 * read        what partial/<hex> holds, then the rest from the registry, which is appended to it meanwhile
 * finish      verified, durable, and linked into the staging area; partial/<hex> stays for who waits
 * dispose     unlocked; an empty partial/<hex> is removed
 * ```
 *
 * Bytes are appended by whoever holds the lock, and never to a file that has another name already: a finished blob may
 * be on its way into the store.
 *
 * @module
 */

import type { Descriptor as FileDescriptor } from "../../../ffi/descriptor.ts";
import { isPresent, listNames } from "../../kernel/entry.ts";
import { tryAcquireLock } from "../../store/lock.ts";
import { removeIfPresent } from "../../store/record.ts";
import { DigestMismatchError, type StagedBlob } from "../store/blob_store.ts";
import { type Digest, digestFromHex, hexOf } from "../spec/digest.ts";
import { type Digester, hasher } from "../spec/digester.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import { storing } from "../layer/layer_stream.ts";
import { type ByteSource, chunksOf } from "../tar/source.ts";
import type { Staging } from "../store/staging.ts";

/** How often is looked whether another process has let go of a blob, in milliseconds. */
const LOCK_INTERVAL_MS = 50;

/** What a blob should be. */
export interface ExpectedBlob {
  digest: Digest;
  /** In bytes. */
  size: number;
}

/** How to get a blob. */
export interface BlobRequest {
  /** Reads the blob from `offset` on; the bytes need not be right, but there are no more than promised. */
  read: (offset: number) => AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Told how many bytes are there, often. */
  onProgress: (bytes: number) => void;
  /** Ends it between two pieces. */
  signal: AbortSignal;
}

/** A blob that is being fetched: read it to its end, then call {@linkcode PartialBlob.finish}. */
export class PartialBlob implements Disposable {
  readonly #place: PartialPlace;
  readonly #blob: ExpectedBlob;
  readonly #lock: FileDescriptor;
  #file: Deno.FsFile;
  #keptBytes = 0;
  #isOpen = true;
  #isUnsound = false;
  #reading: BlobReading | undefined;

  private constructor(place: PartialPlace, blob: ExpectedBlob, lock: FileDescriptor) {
    this.#place = place;
    this.#blob = blob;
    this.#lock = lock;
    this.#file = this.#openFile();
  }

  /**
   * Waits until nobody else fetches the same blob.
   *
   * @param signal Ends the waiting.
   * @throws The signal's reason.
   */
  static async open(
    paths: ImagePaths,
    blob: ExpectedBlob,
    signal: AbortSignal,
  ): Promise<PartialBlob> {
    Deno.mkdirSync(paths.partial, { recursive: true, mode: 0o700 });
    const place = new PartialPlace(paths, hexOf(blob.digest));
    for (;;) {
      signal.throwIfAborted();
      const lock = tryAcquireLock(place.lock, { create: true });
      if (lock !== undefined) return PartialBlob.#openLocked(place, blob, lock);
      await pause(LOCK_INTERVAL_MS);
    }
  }

  static #openLocked(place: PartialPlace, blob: ExpectedBlob, lock: FileDescriptor): PartialBlob {
    using undo = new DisposableStack();
    undo.use(lock);
    const partial = new PartialBlob(place, blob, lock);
    undo.move();
    return partial;
  }

  /** Whether what was read has turned out to be wrong. */
  get isUnsound(): boolean {
    return this.#isUnsound;
  }

  /** Bytes that an earlier pull left. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Starts reading; what was read before does not count any more. */
  read(request: BlobRequest): BlobReading {
    this.#reading = new BlobReading(new ResumingSource(this.#file, this.#keptBytes, request));
    return this.#reading;
  }

  /**
   * Reads what is left, verifies everything, and makes it durable.
   *
   * @returns The blob under a name in the staging area.
   * @throws {DigestMismatchError} If the bytes are not those that were promised.
   */
  async finish(staging: Staging): Promise<StagedBlob> {
    await this.verify();
    await this.#file.syncData();
    const path = staging.newPath();
    Deno.linkSync(this.#place.file, path);
    return { ...this.#blob, path };
  }

  /**
   * Reads what is left, and verifies everything.
   *
   * @throws {DigestMismatchError} If the bytes are not those that were promised.
   */
  async verify(): Promise<void> {
    if (this.#reading === undefined) throw new TypeError("Cannot verify a blob: it was not read");
    const actual = await this.#reading.digest();
    const { digest } = this.#blob;
    if (actual === digest) return;
    this.#isUnsound = true;
    throw new DigestMismatchError(`blob ${digest}`, digest, actual);
  }

  /** Forgets what is there, to begin again. */
  restart(): void {
    this.#file.close();
    removeIfPresent(this.#place.file);
    this.#isUnsound = false;
    this.#file = this.#openFile();
  }

  /** What is here is of no use to anybody: it goes with the lock, or now. */
  discard(): void {
    this.#isUnsound = true;
    if (!this.#isOpen) removeUnlocked(this.#place, () => true);
  }

  /** Lets go of the lock; what is here waits for the next pull. Once is enough. */
  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const isUseless = this.#isUnsound || this.#file.statSync().size === 0;
    this.#file.close();
    if (isUseless) removeIfPresent(this.#place.file);
    removeIfPresent(this.#place.lock);
    this.#lock[Symbol.dispose]();
  }

  #openFile(): Deno.FsFile {
    const kept = lookAt(this.#place.file);
    const isUsable = kept !== undefined && kept.isFile && (kept.size === this.#blob.size ||
      kept.size < this.#blob.size && kept.nlink === 1);
    if (kept !== undefined && !isUsable) removeIfPresent(this.#place.file);
    this.#keptBytes = isUsable ? kept.size : 0;
    const options = { read: true, write: true, createNew: !isUsable, mode: 0o600 };
    return Deno.openSync(this.#place.file, options);
  }
}

/** The names of one blob. */
class PartialPlace {
  readonly file: string;
  readonly lock: string;

  constructor(paths: ImagePaths, hex: string) {
    this.file = `${paths.partial}/${hex}`;
    this.lock = `${this.file}.lock`;
  }
}

/** A stream of bytes that is hashed while it is read, by one consumer after the other. */
export class BlobReading implements AsyncDisposable {
  readonly #digester: Digester = hasher.open();
  readonly #source: ResumingSource;
  readonly #chunks: AsyncGenerator<Uint8Array<ArrayBuffer>>;

  /** @param source Read to its end, and closed. */
  constructor(source: ResumingSource) {
    this.#source = source;
    this.#chunks = chunksOf(source);
  }

  /** What has not been read; a consumer that stops leaves the rest to the next one. */
  rest(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const kept = { [Symbol.asyncIterator]: () => ({ next: () => this.#chunks.next() }) };
    return storing(kept, { write: (bytes) => this.#digester.update(bytes) });
  }

  /** Reads what has not been read; call it once. */
  async digest(): Promise<Digest> {
    for await (const _ of this.rest());
    return digestFromHex(await this.#digester.hex());
  }

  /** Ends the reading; nothing is read or written any more afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return(undefined);
    await this.#source.close();
  }
}

/** What a file holds, and then what a registry sends, which goes into the file. */
class ResumingSource implements ByteSource {
  readonly #file: Deno.FsFile;
  readonly #request: BlobRequest;
  #keptBytes: number;
  #bytes = 0;
  #piece = new Uint8Array(0);
  #remote: AsyncIterator<Uint8Array<ArrayBuffer>> | undefined;

  /** @param file Read from its start; it holds `keptBytes` bytes. */
  constructor(file: Deno.FsFile, keptBytes: number, request: BlobRequest) {
    this.#file = file;
    this.#keptBytes = keptBytes;
    this.#request = request;
    file.seekSync(0, Deno.SeekMode.Start);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    this.#request.signal.throwIfAborted();
    const count = this.#bytes < this.#keptBytes
      ? await this.#readKept(buffer)
      : await this.#readRemote(buffer);
    this.#bytes += count ?? 0;
    if (count !== null) this.#request.onProgress(this.#bytes);
    return count;
  }

  /** Gives up what the registry would still send. */
  async close(): Promise<void> {
    await this.#remote?.return?.();
  }

  async #readKept(buffer: Uint8Array): Promise<number | null> {
    return await this.#file.read(buffer.subarray(0, this.#keptBytes - this.#bytes));
  }

  async #readRemote(buffer: Uint8Array): Promise<number | null> {
    while (this.#piece.length === 0) {
      this.#remote ??= this.#request.read(this.#keptBytes)[Symbol.asyncIterator]();
      const next = await this.#remote.next();
      if (next.done === true) return null;
      this.#piece = next.value;
      // At once, before anybody has looked at it: a killed pull has lost nothing then
      for (let at = 0; at < this.#piece.length;) {
        at += this.#file.writeSync(this.#piece.subarray(at));
      }
    }
    const count = Math.min(buffer.length, this.#piece.length);
    buffer.set(this.#piece.subarray(0, count));
    this.#piece = this.#piece.subarray(count);
    return count;
  }
}

/** Removes what is left of a blob that is in the store now, unless somebody is at it. */
export function removePartial(paths: ImagePaths, digest: Digest): void {
  removeUnlocked(new PartialPlace(paths, hexOf(digest)), () => true);
}

/** Which beginnings of blobs to remove. */
export interface AbandonedPartialsOptions {
  /** Only those to which nothing has come for so long, in milliseconds. @default {0} */
  minAgeMs?: number;
}

/** What {@linkcode removeAbandonedPartials} removed. */
export interface RemovedPartials {
  count: number;
  /** Bytes that were freed. */
  bytes: number;
}

/** Removes beginnings of blobs that no pull is working on. */
export function removeAbandonedPartials(
  paths: ImagePaths,
  { minAgeMs = 0 }: AbandonedPartialsOptions = {},
): RemovedPartials {
  const hexes = new Set(listNames(paths.partial).map((name) => name.replace(/\.lock$/, "")));
  const removed = { count: 0, bytes: 0 };
  for (const hex of hexes) {
    const isDone = (): boolean => isPresent(`${paths.blobs}/${hex}`);
    const bytes = removeUnlocked(
      new PartialPlace(paths, hex),
      ({ mtime }) => Date.now() - (mtime?.getTime() ?? 0) >= minAgeMs || isDone(),
    );
    if (bytes === undefined) continue;
    removed.count++;
    removed.bytes += bytes;
  }
  return removed;
}

/** @returns Bytes of the file that is gone; `undefined` if there is none, or it stays. */
function removeUnlocked(
  { file, lock: lockPath }: PartialPlace,
  isUnwanted: (info: Deno.FileInfo) => boolean,
): number | undefined {
  // Most are gone already, with their lock
  if (!isPresent(file) && !isPresent(lockPath)) return undefined;
  using lock = tryAcquireLock(lockPath, { create: true });
  if (lock === undefined) return undefined;
  const info = lookAt(file);
  const goes = info !== undefined && isUnwanted(info);
  if (goes) removeIfPresent(file);
  removeIfPresent(lockPath);
  return goes ? info.size : undefined;
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
