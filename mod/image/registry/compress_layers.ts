/**
 * Compresses layers that are stored as plain tars, before they go to a registry.
 *
 * An imported tar is stored as it came. A registry would take it like that, but everybody who pulls it would pay for
 * the room. So the blob is replaced by its gzipped form, in every image that was made here: ids, DiffIDs and
 * unpacked layers stay the same, only the manifests are others. What came from a registry keeps its manifest to the
 * byte, whatever its layers are like.
 *
 * @module
 */

import { isPresent } from "../../kernel/entry.ts";
import { syncDirectory } from "../../store/record.ts";
import { WherryError } from "../../errors.ts";
import {
  BlobWriter,
  DigestMismatchError,
  openBlob,
  readJsonBlob,
  type StagedBlob,
  stageJson,
} from "../store/blob_store.ts";
import { StoreChangedError } from "../store/commit.ts";
import { gzipped } from "../compression/compress.ts";
import { type Digest, digestFromHex } from "../spec/digest.ts";
import { hasher } from "../spec/digester.ts";
import { lockImages, readIndex, repositoryDigestOf, writeIndex } from "../store/image_index.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import { type Descriptor, type ImageIndex, MEDIA_TYPE, parseManifest } from "../spec/oci.ts";
import { chunksOf } from "../tar/source.ts";
import { Staging } from "../store/staging.ts";

/** What a media type of plain tars becomes. */
const GZIPPED: ReadonlyMap<string, string> = new Map([
  [MEDIA_TYPE.layer, MEDIA_TYPE.layerGzip],
  ["application/vnd.docker.image.rootfs.diff.tar", MEDIA_TYPE.dockerLayer],
]);

/** How to compress. */
export interface CompressOptions {
  /** Ends it: an `AbortError` is thrown, and the store is as it was. */
  signal: AbortSignal;
  /** Told about each layer, by its plain tar's digest and the bytes of it that are done. */
  onProgress?: ((layer: Descriptor, bytes: number) => void) | undefined;
}

/**
 * Makes sure that no layer of an image is stored as a plain tar, unless the image came from a registry.
 *
 * Safe to be killed at any moment; the plain tar is left for the next clean-up of the store.
 *
 * @param digest Of the image's manifest.
 * @returns The digest of the image's manifest from now on.
 * @throws {StoreChangedError} If no image has the manifest any more: it was removed, or another push has done it.
 * @throws {WherryError} `corrupt` if a layer is not what its digest says, `not_found` if it is missing.
 */
export async function compressLayers(
  paths: ImagePaths,
  digest: Digest,
  options: CompressOptions,
): Promise<Digest> {
  if (!isOwn(readIndex(paths), digest)) return digest;
  const plain = readJsonBlob(paths, digest, parseManifest).layers
    .filter(({ mediaType }) => GZIPPED.has(mediaType));
  if (plain.length === 0) return digest;
  using staging = Staging.open(paths);
  const compressed = new Map<Digest, StagedBlob>();
  for (const layer of plain) {
    if (compressed.has(layer.digest)) continue;
    compressed.set(layer.digest, await compressLayer(paths, staging, layer, options));
  }
  return replaceLayers(paths, staging, { digest, compressed });
}

/** Whether no registry has the manifest, as far as is known: then nobody minds if the image gets another. */
function isOwn({ manifests }: ImageIndex, digest: Digest): boolean {
  return manifests.every((entry) =>
    entry.digest !== digest || repositoryDigestOf(entry) === undefined
  );
}

async function compressLayer(
  paths: ImagePaths,
  staging: Staging,
  layer: Descriptor,
  options: CompressOptions,
): Promise<StagedBlob> {
  using file = openBlob(paths, layer.digest);
  using writer = new BlobWriter(staging, hasher.open());
  for await (const chunk of gzipped(verified(chunksOf(file), layer, options))) {
    await writer.write(chunk);
  }
  return await writer.finish();
}

/** Passes chunks on; at the end they must have been what the descriptor says. */
async function* verified(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  layer: Descriptor,
  { signal, onProgress }: CompressOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const digester = hasher.open();
  let size = 0;
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    const hashed = digester.update(chunk);
    yield chunk;
    await hashed;
    size += chunk.length;
    onProgress?.(layer, size);
  }
  const actual = digestFromHex(await digester.hex());
  if (actual !== layer.digest) throw new DigestMismatchError("layer", layer.digest, actual);
}

/** What is to be replaced by what. */
interface Replacement {
  /** Of the manifest that must be there. */
  digest: Digest;
  /** By the plain tar's digest. */
  compressed: ReadonlyMap<Digest, StagedBlob>;
}

/** Puts compressed layers into every image that has the plain ones, all or nothing. */
function replaceLayers(
  paths: ImagePaths,
  staging: Staging,
  { digest, compressed }: Replacement,
): Digest {
  using _lock = lockImages(paths, "exclusive");
  const index = readIndex(paths);
  if (!index.manifests.some((entry) => entry.digest === digest)) {
    throw new StoreChangedError(paths.blob(digest));
  }
  const own = new Set(
    index.manifests.map((entry) => entry.digest).filter((one) => isOwn(index, one)),
  );
  const replaced = new Map<Digest, StagedBlob>();
  for (const one of own) {
    const manifest = stageManifest(paths, staging, { digest: one, compressed });
    if (manifest !== undefined) replaced.set(one, manifest);
  }
  for (const { digest, path } of [...compressed.values(), ...replaced.values()]) {
    if (!isPresent(paths.blob(digest))) Deno.renameSync(path, paths.blob(digest));
  }
  syncDirectory(paths.blobs);
  const manifests = index.manifests.map((entry) => {
    const { digest, size } = replaced.get(entry.digest) ?? entry;
    return { ...entry, digest, size };
  });
  writeIndex(paths, { manifests });
  return replaced.get(digest)?.digest ?? digest;
}

/** @returns `undefined` if the image has none of the layers. */
function stageManifest(
  paths: ImagePaths,
  staging: Staging,
  { digest, compressed }: Replacement,
): StagedBlob | undefined {
  let manifest: RawManifest;
  try {
    manifest = readJsonBlob(paths, digest, parseRawManifest);
  } catch (error) {
    // Another image than the one that is pushed may be damaged; whoever uses it is told
    if (error instanceof WherryError) return undefined;
    throw error;
  }
  const layers = manifest.layers.map((layer) => {
    const blob = compressed.get(layer.digest);
    const mediaType = GZIPPED.get(layer.mediaType);
    return blob === undefined || mediaType === undefined
      ? layer
      : { ...layer, mediaType, digest: blob.digest, size: blob.size };
  });
  if (layers.every((layer, i) => layer === manifest.layers[i])) return undefined;
  return stageJson(staging, { ...manifest, layers });
}

/** A manifest with all that it has, also what wherry does not know. */
interface RawManifest {
  layers: readonly { mediaType: string; digest: Digest }[];
}

function parseRawManifest(json: unknown): RawManifest {
  parseManifest(json);
  return json as RawManifest;
}
