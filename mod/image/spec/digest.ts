/** Digests, and the four things they name. @see image-spec 1.1, descriptor.md and config.md @module */

import { WherryError } from "../../errors.ts";
import { sha256Hex } from "./sha256.ts";

/** Tells apart what digests are of; for the compiler alone, nothing has such a property. */
export declare const brand: unique symbol;

/** Digest of a blob's bytes as stored and transferred: `sha256:` and 64 hexadecimal digits. */
export type Digest = string & { readonly [brand]: "Digest" };
/** Digest of a layer's uncompressed tar; never the digest in a manifest. */
export type DiffId = string & { readonly [brand]: "DiffId" };
/** Digest that names a stack of layers, and the directory its top layer is unpacked in. */
export type ChainId = string & { readonly [brand]: "ChainId" };
/** Digest of a config blob: the image's id. */
export type ImageId = string & { readonly [brand]: "ImageId" };

const SHA256 = /^sha256:[0-9a-f]{64}$/;
/** Any digest of the image specification, whatever its algorithm. */
const ANY_DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

const encoder = new TextEncoder();

function checkSha256(text: string): void {
  if (SHA256.test(text)) return;
  const shown = JSON.stringify(text.length > 140 ? `${text.slice(0, 140)}…` : text);
  if (ANY_DIGEST.test(text) && !text.startsWith("sha256:")) {
    throw new WherryError("unsupported", `Cannot use digest ${shown}: only sha256 is supported`);
  }
  throw new WherryError(
    "invalid_argument",
    `Cannot parse digest ${shown}: it is not "sha256:" and 64 lower-case hexadecimal digits`,
  );
}

/**
 * Checks that `text` is the digest of a blob.
 *
 * @throws {WherryError} `invalid_argument` if it is malformed, `unsupported` if it is not a SHA-256.
 */
export function parseDigest(text: string): Digest {
  checkSha256(text);
  return text as Digest;
}

/**
 * Checks that `text` is the digest of an uncompressed layer.
 *
 * @throws {WherryError} As {@linkcode parseDigest}.
 */
export function parseDiffId(text: string): DiffId {
  checkSha256(text);
  return text as DiffId;
}

/** The digest with these 64 lower-case hexadecimal digits. */
export function digestFromHex(hex: string): Digest {
  return parseDigest(`sha256:${hex}`);
}

/** The digest of `bytes`; meant for short ones, see `sha256.ts`. */
export function digestOfBytes(bytes: Uint8Array): Digest {
  return `sha256:${sha256Hex(bytes)}` as Digest;
}

/** The image whose config blob has this digest. */
export function imageIdOf(config: Digest): ImageId {
  return config as string as ImageId;
}

/** The DiffID of a layer that is stored uncompressed under this digest. */
export function diffIdOfPlainTar(digest: Digest): DiffId {
  return digest as string as DiffId;
}

/** The hexadecimal part: file names in the store are made of it. */
export function hexOf(digest: Digest | DiffId | ChainId | ImageId): string {
  return digest.slice("sha256:".length);
}

/**
 * Derives the ChainIDs of a stack of layers: the n-th names the n lowest layers.
 *
 * @param diffIds `rootfs.diff_ids` of a config blob, base layer first.
 * @returns As many ids as layers.
 * @see {@link https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#layer-chainid}
 */
export function chainIds(diffIds: readonly DiffId[]): ChainId[] {
  const chain: ChainId[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    const id = below === undefined
      ? diffId as string
      : `sha256:${sha256Hex(encoder.encode(`${below} ${diffId}`))}`;
    chain.push(id as ChainId);
  }
  return chain;
}

/**
 * Derives the ChainID of a stack of layers, base layer first.
 *
 * @param diffIds `rootfs.diff_ids` of a config blob; must not be empty.
 * @throws {RangeError} If `diffIds` is empty: the spec defines no ChainID then.
 * @see {@link https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#layer-chainid}
 */
export function chainId(diffIds: readonly DiffId[]): ChainId {
  const id = chainIds(diffIds).at(-1);
  if (id === undefined) throw new RangeError("Cannot derive a ChainID: there are no layers");
  return id;
}
