/** Makes an image of a root file system's tar. @module */

import { ArchiveError, explainFailure, quoteSource } from "../tar/archive_error.ts";
import { BlobWriter, type StagedBlob, stageJson } from "../store/blob_store.ts";
import { applyChanges, type ProcessConfig } from "../spec/changes.ts";
import { commit } from "../store/commit.ts";
import { type Compression, decompressed, detectCompression } from "../compression/decompress.ts";
import { chainId, type DiffId, diffIdOfPlainTar, type ImageId, imageIdOf } from "../spec/digest.ts";
import { hasher } from "../spec/digester.ts";
import { SIZE_ANNOTATION } from "../store/image_index.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import {
  storing,
  storingCompressed,
  type UnpackedLayer,
  unpackLayer,
} from "../layer/layer_stream.ts";
import { describeBlob, formatManifest, LAYER_MEDIA_TYPES, MEDIA_TYPE } from "../spec/oci.ts";
import { hostPlatform, type Platform } from "../spec/platform.ts";
import type { Reference } from "../spec/reference.ts";
import { UnpackBudget } from "../layer/room.ts";
import { type ByteSource, chunksOf, peek } from "../tar/source.ts";
import { Staging } from "../store/staging.ts";

/** What to make of a root file system. */
export interface ImportOptions {
  /** What to call the image; `undefined` leaves it without a name. */
  reference?: Reference | undefined;
  /** Where the tar comes from, for messages and for the image's history; for example a path, or `-`. */
  sourceName: string;
  /** Note in the image's history. */
  message?: string | undefined;
  /** Annotations of the image's entry in the index. */
  annotations?: Readonly<Record<string, string>> | undefined;
  /** Fields of the image, see {@linkcode applyChanges}. @default {none} */
  changes?: readonly string[] | undefined;
  /** What the files are for. @default {this machine} */
  platform?: Platform | undefined;
  /** When the image was made. @default {now} */
  createdAt?: Date | undefined;
  /** Bytes of `source`, if that is known: there must be room for them. @default {0} */
  sourceBytes?: number | undefined;
  /** Most bytes that the tar may unpack to. @default {no limit} */
  maxUnpackedBytes?: number | undefined;
}

/** An image that was made. */
export interface ImportedImage {
  id: ImageId;
  /** Extended attributes that the file system would not take; worth a warning. */
  skippedAttributes: ReadonlySet<string>;
}

/**
 * Imports the tar of a root file system, plain or compressed with gzip, zstd, xz or bzip2, as an image of one layer.
 *
 * The bytes are stored as they come, hashed and unpacked in one pass. Those of xz and bzip2 are stored as gzip:
 * registries and other engines know no such layers. Nothing of it can be seen before it is
 * complete, and on failure the store is as it was. Running twice at a time, or while images are removed, is fine.
 * The blob, its documents and the index survive a power loss; the unpacked files are left to the kernel's write-back.
 *
 * @param source Read to its end; the caller closes it.
 * @throws {WherryError} `corrupt` if it is not a sound tar, `unsupported` for another compression, `unavailable`
 * if the disk is full or the store cannot be written to.
 */
export async function importRootfs(
  paths: ImagePaths,
  source: ByteSource,
  options: ImportOptions,
): Promise<ImportedImage> {
  try {
    // What is wrong with them is said before the tar is read
    const process = applyChanges(options.changes ?? []);
    using staging = Staging.open(paths);
    const layer = await stageRootfs(staging, source, options);
    return commitRootfs(paths, staging, layer, { ...options, process });
  } catch (error) {
    throw explainFailure(`import ${quoteSource(options.sourceName)}`, error);
  }
}

/** A layer that is complete, as a blob and unpacked. */
interface StagedRootfs {
  blob: StagedBlob;
  directory: string;
  compression: Compression;
  diffId: DiffId;
  unpacked: UnpackedLayer;
}

async function stageRootfs(
  staging: Staging,
  source: ByteSource,
  { maxUnpackedBytes, sourceBytes }: ImportOptions,
): Promise<StagedRootfs> {
  const { start, chunks } = await peek(chunksOf(source));
  const compression = detectCompression(start);
  const directory = staging.newDirectory();
  using writer = new BlobWriter(staging, hasher.open());
  const options = {
    directory,
    isBase: true,
    needsEndMarker: true,
    hasher: compression === "none" ? undefined : hasher,
    budget: new UnpackBudget(maxUnpackedBytes),
    expectedBytes: sourceBytes,
  };
  const isForeign = compression === "xz" || compression === "bzip2";
  const unpacked = isForeign
    ? await unpackLayer(
      storingCompressed(decompressed(chunks, compression), writer),
      "none",
      options,
    )
    : await unpackLayer(storing(chunks, writer), compression, options);
  if (unpacked.entryCount === 0) throw new ArchiveError("not a tar archive: it has no entries");
  const blob = await writer.finish();
  const diffId = unpacked.diffId ?? diffIdOfPlainTar(blob.digest);
  return { blob, directory, compression: isForeign ? "gzip" : compression, diffId, unpacked };
}

/** What the config blob says. */
type CommitOptions = ImportOptions & { process: ProcessConfig };

function commitRootfs(
  paths: ImagePaths,
  staging: Staging,
  { blob, directory, compression, diffId, unpacked }: StagedRootfs,
  options: CommitOptions,
): ImportedImage {
  const config = stageJson(staging, formatRootfsConfig(diffId, options));
  const manifest = stageJson(
    staging,
    formatManifest({
      config: describeBlob(config, MEDIA_TYPE.config),
      layers: [describeBlob(blob, LAYER_MEDIA_TYPES[compression])],
    }),
  );
  const annotations = { ...options.annotations, [SIZE_ANNOTATION]: String(unpacked.size) };
  commit(paths, {
    blobs: [blob, config, manifest],
    layers: [{ id: chainId([diffId]), directory }],
    images: [{
      manifest: { ...describeBlob(manifest, MEDIA_TYPE.manifest), annotations },
      references: options.reference === undefined ? [] : [options.reference],
    }],
  });
  return { id: imageIdOf(config.digest), skippedAttributes: unpacked.skippedAttributes };
}

/** A config blob as `docker import` makes it. */
function formatRootfsConfig(diffId: DiffId, options: CommitOptions): unknown {
  const { architecture, variant, os } = options.platform ?? hostPlatform();
  const created = (options.createdAt ?? new Date()).toISOString();
  const comment = options.message ?? `Imported from ${options.sourceName}`;
  return {
    architecture,
    ...(variant === "" ? {} : { variant }),
    os,
    created,
    config: options.process,
    rootfs: { type: "layers", "diff_ids": [diffId] },
    history: [{ created, comment }],
  };
}
