/** Content by digest: `blobs/sha256/` of an OCI image layout. @module */

import { WherryError } from "../../errors.ts";
import { listNames } from "../../kernel/entry.ts";
import { type Digest, digestFromHex, digestOfBytes, parseDigest } from "../spec/digest.ts";
import type { Digester } from "../spec/digester.ts";
import type { ImagePaths } from "./image_paths.ts";
import { MAX_DOCUMENT_SIZE } from "../spec/oci.ts";
import type { Staging } from "./staging.ts";

/** A complete blob that is not in the store yet. */
export interface StagedBlob {
  digest: Digest;
  /** In bytes. */
  size: number;
  /** Where it waits. */
  path: string;
}

/** Stored bytes that are not what their name says. */
export class DigestMismatchError extends WherryError {
  /** What was promised. */
  readonly expected: string;
  /** What was found. */
  readonly actual: string;

  /** @param what The blob or layer. */
  constructor(what: string, expected: string, actual: string) {
    super("corrupt", `Cannot use ${what}: its digest is ${actual}, not ${expected}`);
    this.expected = expected;
    this.actual = actual;
  }
}

/** Bytes after which what was written is sent to the disk, so that the final fsync is short. */
const WRITEBACK_STEP = 32 << 20;

/** Writes one blob to the staging area, hashing it on the way. */
export class BlobWriter implements Disposable {
  readonly #path: string;
  readonly #digester: Digester;
  readonly #file: Deno.FsFile;
  /** A second descriptor: Deno runs operations on one file one after the other. */
  readonly #syncFile: Deno.FsFile;
  #writeback: Promise<void> = Promise.resolve();
  #isWritingBack = false;
  /** What makes everything durable that has been written so far; `undefined` if nobody asked for that yet. */
  #synced: Promise<void> | undefined;
  #size = 0;
  #nextWriteback = WRITEBACK_STEP;

  /** @param digester Fresh; the writer feeds it. */
  constructor(staging: Staging, digester: Digester) {
    this.#path = staging.newPath();
    this.#digester = digester;
    this.#file = Deno.openSync(this.#path, { write: true, createNew: true, mode: 0o600 });
    this.#syncFile = Deno.openSync(this.#path);
  }

  /**
   * Appends bytes, which must not change until the promise is fulfilled. More may be given before that.
   *
   * @throws {Error} For example when the disk is full.
   */
  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const hashed = this.#digester.update(bytes);
    this.#synced = undefined;
    // At once: the page cache takes it in less time than handing it to another thread and back needs
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    this.#size += bytes.length;
    if (this.#size >= this.#nextWriteback && !this.#isWritingBack) this.#startWriteback();
    await hashed;
  }

  /**
   * Makes durable what has been written. If nothing is written after it, {@linkcode BlobWriter.finish} need not do so:
   * best begun with the last byte, so that the disk is at work while the last bytes are hashed.
   *
   * @throws {Error} For example when the disk is full.
   */
  async flush(): Promise<void> {
    this.#synced ??= this.#writeback.then(() => this.#file.syncData());
    await this.#synced;
  }

  /**
   * Makes the blob durable and tells what it is. The writer is used up.
   *
   * @param expected What the digest should be.
   * @throws {DigestMismatchError} If it is another.
   */
  async finish(expected?: Digest): Promise<StagedBlob> {
    const [hex] = await Promise.all([this.#digester.hex(), this.flush()]);
    const digest = digestFromHex(hex);
    if (expected !== undefined && digest !== expected) {
      throw new DigestMismatchError("blob", expected, digest);
    }
    return { digest, size: this.#size, path: this.#path };
  }

  /** Closes the file; the staging area removes it if nobody takes it. */
  [Symbol.dispose](): void {
    this.#file.close();
    // The background write-back may still be using the other descriptor
    const close = (): void => this.#syncFile.close();
    this.#writeback.then(close, close);
  }

  #startWriteback(): void {
    this.#nextWriteback = this.#size + WRITEBACK_STEP;
    this.#isWritingBack = true;
    this.#writeback = this.#syncFile.syncData().finally(() => this.#isWritingBack = false);
    // Whoever waits for the writer is told; without one the failure must not end the process
    this.#writeback.catch(() => undefined);
  }
}

/**
 * Stages a blob of the store once more, without copying it: so it stays, even if it is removed meanwhile.
 *
 * @returns `undefined` if the store does not have it.
 */
export function pinBlob(
  paths: ImagePaths,
  staging: Staging,
  digest: Digest,
): StagedBlob | undefined {
  const path = staging.newPath();
  try {
    Deno.linkSync(paths.blob(digest), path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return { digest, size: Deno.statSync(path).size, path };
}

/**
 * Whether a file is a certain blob, as far as can be told at once: it has the blob's size, and if it is no larger than a
 * document, the digest. A power loss leaves files short or empty.
 */
export function isIntact(path: string, { digest, size }: Omit<StagedBlob, "path">): boolean {
  const info = Deno.lstatSync(path);
  if (!info.isFile || info.size !== size) return false;
  return size > MAX_DOCUMENT_SIZE || digestOfBytes(Deno.readFileSync(path)) === digest;
}

/** Stages a blob of the store, as {@linkcode pinBlob}, unless it is damaged there. */
export function pinIntactBlob(
  paths: ImagePaths,
  staging: Staging,
  blob: Omit<StagedBlob, "path">,
): StagedBlob | undefined {
  const pinned = pinBlob(paths, staging, blob.digest);
  return pinned !== undefined && isIntact(pinned.path, blob) ? pinned : undefined;
}

/** Stages a short blob that is in memory already, durably. */
export function stageBytes(staging: Staging, bytes: Uint8Array): StagedBlob {
  const path = staging.newPath();
  using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  file.syncDataSync();
  return { digest: digestOfBytes(bytes), size: bytes.length, path };
}

/**
 * Stages a document as JSON, durably.
 *
 * @throws {WherryError} `invalid_argument` if it is too large to be read again.
 */
export function stageJson(staging: Staging, document: unknown): StagedBlob {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  if (bytes.length > MAX_DOCUMENT_SIZE) {
    throw new WherryError(
      "invalid_argument",
      `Cannot store a document of ${bytes.length} bytes: at most ${MAX_DOCUMENT_SIZE} are accepted`,
    );
  }
  return stageBytes(staging, bytes);
}

/**
 * Reads a JSON document out of the store.
 *
 * @param parse Checks the untrusted JSON; may throw.
 * @throws {WherryError} `not_found` if the store lacks it, `corrupt` if it is too large or not JSON.
 */
export function readJsonBlob<T>(
  paths: ImagePaths,
  digest: Digest,
  parse: (json: unknown) => T,
): T {
  let text: string;
  try {
    text = Deno.readTextFileSync(paths.blob(digest));
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new WherryError("not_found", `Cannot read blob "${digest}": it is not in the store`, {
      cause,
    });
  }
  return parseJson(text, digest, parse);
}

/**
 * Parses a document of a few megabytes at most.
 *
 * @param name For the error message.
 * @throws {WherryError} `corrupt` if it is too large, not JSON, or `parse` refuses it.
 */
export function parseJson<T>(text: string, name: string, parse: (json: unknown) => T): T {
  if (text.length > MAX_DOCUMENT_SIZE) {
    throw new WherryError(
      "corrupt",
      `Cannot read "${name}": it is larger than ${MAX_DOCUMENT_SIZE} bytes`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new WherryError("corrupt", `Cannot read "${name}": it is not JSON`, { cause });
  }
  return parse(json);
}

/**
 * Opens a blob for reading.
 *
 * @throws {WherryError} `not_found` if the store lacks it.
 */
export function openBlob(paths: ImagePaths, digest: Digest): Deno.FsFile {
  try {
    return Deno.openSync(paths.blob(digest));
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new WherryError("not_found", `Cannot read blob "${digest}": it is not in the store`, {
      cause,
      hint: "Pull, load or import the image again",
    });
  }
}

/** Digests of all blobs in the store; files that are not blobs are passed over. */
export function listBlobs(paths: ImagePaths): Digest[] {
  return listNames(paths.blobs)
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .map((hex) => parseDigest(`sha256:${hex}`));
}
