/**
 * What a registry does, as far as images are pulled and pushed.
 *
 * @see {@link https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md}
 * @module
 */

import type { Digest } from "../spec/digest.ts";

/** A document as a registry gave it, verified. */
export interface FetchedManifest {
  /** What the registry says, without parameters. */
  mediaType: string;
  /** Of `bytes`, and the one that was asked for if one was. */
  digest: Digest;
  /** At most `MAX_DOCUMENT_SIZE`. */
  bytes: Uint8Array<ArrayBuffer>;
}

/** A blob to upload. */
export interface Upload {
  digest: Digest;
  /** In bytes. */
  size: number;
  /** Where else on this registry it is likely to be: the repositories are tried in this order. */
  mountFrom: readonly string[];
  /** Opens the bytes from `offset` on; called again where an upload goes on after an interruption. */
  open(offset: number): AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/** How a blob came to be in a repository. */
export type UploadResult =
  | { type: "exists" }
  | { type: "mounted"; from: string }
  | { type: "uploaded" };

/** Who is told how far a transfer is. */
export interface TransferOptions {
  /** Ends it: pending requests are given up and an `AbortError` is thrown. */
  signal: AbortSignal;
  /** Called when a request is made again after a failure, with what is wrong and in how long. */
  onRetry?: ((why: string, delayMs: number) => void) | undefined;
}

/** How to read a blob. */
export interface ReadBlobOptions extends TransferOptions {
  /** Whether only the registry itself is asked, because what came before was wrong. @default {false} */
  avoidsMirrors?: boolean;
}

/**
 * One repository of a registry. It signs in, follows redirects, tries mirrors first and makes requests again where
 * that may help; credentials go to nobody but the registry and the token service it names.
 *
 * All methods throw a {@linkcode WherryError}: `not_found` (also a repository that one may not see), `unauthorized`,
 * `unavailable` (nobody answers, or the registry is in trouble after all retries), `corrupt` (what came is not what
 * was promised).
 */
export interface Repository {
  /** Whether a blob may come from somebody else, and may be another one at the registry itself. */
  readonly hasMirrors: boolean;
  /**
   * Fetches a manifest or an index.
   *
   * @param reference A tag or a digest.
   */
  getManifest(reference: string, options: TransferOptions): Promise<FetchedManifest>;
  /**
   * Reads a blob from `offset` on. The bytes are not verified, but there are never more than `size - offset` of them;
   * a stream that is cut goes on where it was, with a new request.
   */
  readBlob(
    blob: { digest: Digest; size: number },
    offset: number,
    options: ReadBlobOptions,
  ): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Puts a blob into the repository unless it is there. */
  uploadBlob(
    upload: Upload,
    options: TransferOptions & { onSent?: ((bytes: number) => void) | undefined },
  ): Promise<UploadResult>;
  /**
   * Stores a manifest or an index.
   *
   * @param reference A tag or the document's digest.
   */
  putManifest(
    reference: string,
    manifest: Omit<FetchedManifest, "digest"> & { digest: Digest },
    options: TransferOptions,
  ): Promise<void>;
  /** All tags, in the registry's order. */
  listTags(options: TransferOptions): AsyncIterable<string>;
}
