/** Joins the parts of an unpack: bytes in; blob, DiffID and directory out. @module */

import type { BlobWriter } from "../store/blob_store.ts";
import { openCompressor } from "../compression/compress.ts";
import { type Compression, decompressed } from "../compression/decompress.ts";
import { type DiffId, parseDiffId } from "../spec/digest.ts";
import { type Digester, type Hasher, hasher } from "../spec/digester.ts";
import { LayerUnpacker } from "./layer.ts";
import { checkRoom, type UnpackBudget } from "./room.ts";
import { VALID_CHUNKS } from "../tar/source.ts";
import { TarReader } from "../tar/tar_reader.ts";

/** What an unpacked layer turned out to be. */
export interface UnpackedLayer {
  /** Present if a hasher was given. */
  diffId: DiffId | undefined;
  /** Bytes of the uncompressed tar. */
  size: number;
  /** Entries of the tar. */
  entryCount: number;
  /** Names of extended attributes that the file system would not take. */
  skippedAttributes: ReadonlySet<string>;
}

/** How to unpack one layer. */
export interface UnpackOptions {
  /** Existing empty directory. */
  directory: string;
  /** Whether it is the lowest layer. */
  isBase: boolean;
  /** The unpacked layers below. @default {none} */
  lowerDirectories?: readonly string[];
  /** Whether to insist on the archive's end marker; see `tar_reader.ts`. */
  needsEndMarker: boolean;
  /** Called when all of the tar is unpacked, before the layers below are looked at. @default {nothing} */
  onUnpacked?: () => Promise<void>;
  /** Computes the DiffID; `undefined` where it is known otherwise, as a plain tar's is the blob's digest. */
  hasher: Hasher | undefined;
  /** What the layer may unpack to; share one among the layers of an image. @default {no limit} */
  budget?: UnpackBudget | undefined;
  /** Bytes that it unpacks to at the least, if that is known: there must be room for them. @default {0} */
  expectedBytes?: number | undefined;
}

/** Passes chunks on and writes each to `blob` meanwhile, which is flushed after the last one. */
export async function* storing(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  blob: Pick<BlobWriter, "write"> & Partial<Pick<BlobWriter, "flush">>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const pending = new PendingWork();
  try {
    for await (const chunk of chunks) {
      pending.add(blob.write(chunk));
      yield chunk;
      await pending.makeRoom();
    }
    // Beside the hashing of the last chunks
    if (blob.flush !== undefined) pending.add(blob.flush());
  } finally {
    // Also when the consumer gives up: the blob must not be in use any more when it is closed
    await pending.settle();
  }
}

/** Passes chunks on and writes them to `blob` meanwhile, compressed with gzip. */
export async function* storingCompressed(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  blob: BlobWriter,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const gzip = await openCompressor();
  const stored = storeAll(gzip, blob);
  // A failure is thrown below; it must not count as unhandled before that
  stored.catch(() => undefined);
  try {
    for await (const chunk of chunks) {
      const taken = new Promise<void>((resolve) => gzip.write(chunk, () => resolve()));
      yield chunk;
      await Promise.race([taken, stored]);
    }
    gzip.end();
    await stored;
  } finally {
    // Also when the consumer gives up: the blob must not be in use any more when it is closed
    gzip.destroy();
    await Promise.allSettled([stored]);
  }
}

async function storeAll(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  blob: BlobWriter,
): Promise<void> {
  for await (const chunk of chunks) await blob.write(chunk);
}

/** Work on chunks that need not be over before the next one is asked for, while they are valid. */
class PendingWork {
  /** Oldest first. */
  readonly #work: Promise<void>[] = [];

  /** Takes the work on one more chunk. */
  add(work: Promise<void>): void {
    this.#work.push(work);
    // A failure is thrown below; it must not count as unhandled before that
    work.catch(() => undefined);
  }

  /** Waits until one more chunk may be asked for. */
  async makeRoom(): Promise<void> {
    if (this.#work.length >= VALID_CHUNKS) await this.#work.shift();
  }

  /** Waits for everything. */
  async settle(): Promise<void> {
    await Promise.all(this.#work);
  }
}

/**
 * Unpacks a layer, hashing it meanwhile if asked to. The caller removes the directory when this fails.
 *
 * @param chunks The stored form of the layer.
 * @throws {ArchiveError} If the archive is damaged or may not be unpacked, or the budget is not enough.
 * @throws {WherryError} `unavailable` if there is no room for the expected bytes.
 * @throws {SystemError} If the kernel refuses, for example `ENOSPC`.
 */
export async function unpackLayer(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  compression: Compression,
  options: UnpackOptions,
): Promise<UnpackedLayer> {
  const { budget, expectedBytes = 0 } = options;
  if (expectedBytes > 0) checkRoom(options.directory, expectedBytes);
  const digester = options.hasher?.open();
  using unpacker = new LayerUnpacker(options.directory, options);
  const reader = new TarReader(unpacker, options);
  const size = await feed(decompressed(chunks, compression), { digester, reader, budget });
  await options.onUnpacked?.();
  unpacker.finish();
  return {
    diffId: digester && parseDiffId(`sha256:${await digester.hex()}`),
    size,
    entryCount: reader.entryCount,
    skippedAttributes: unpacker.skippedAttributes,
  };
}

/**
 * Reads a layer that is unpacked already, to see what it is.
 *
 * @param chunks The stored form of the layer.
 * @returns DiffID, and size of the uncompressed tar in bytes.
 * @throws {ArchiveError} If the compressed stream is damaged, or the budget is not enough.
 */
export async function measureLayer(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  compression: Compression,
  budget?: UnpackBudget,
): Promise<{ diffId: DiffId; size: number }> {
  const digester = hasher.open();
  const pending = new PendingWork();
  let size = 0;
  for await (const chunk of decompressed(chunks, compression)) {
    budget?.spend(chunk.length);
    pending.add(digester.update(chunk));
    await pending.makeRoom();
    size += chunk.length;
  }
  await pending.settle();
  return { diffId: parseDiffId(`sha256:${await digester.hex()}`), size };
}

/** Who gets the bytes of a tar. */
interface TarConsumers {
  reader: TarReader;
  digester: Digester | undefined;
  budget: UnpackBudget | undefined;
}

/** @returns The bytes that went by. */
async function feed(
  tar: AsyncIterable<Uint8Array<ArrayBuffer>>,
  { reader, digester, budget }: TarConsumers,
): Promise<number> {
  const pending = new PendingWork();
  let size = 0;
  for await (const chunk of tar) {
    budget?.spend(chunk.length);
    if (digester !== undefined) pending.add(digester.update(chunk));
    reader.push(chunk);
    await pending.makeRoom();
    size += chunk.length;
  }
  await pending.settle();
  reader.end();
  return size;
}
