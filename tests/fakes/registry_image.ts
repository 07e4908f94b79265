/** Images as registries have them: documents and layers, in bytes. @module */

import { createHash } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type Descriptor, LAYER_MEDIA_TYPES, MEDIA_TYPE } from "../../mod/image/spec/oci.ts";
import { type Digest, digestFromHex } from "../../mod/image/spec/digest.ts";

/** A document or a blob. */
export interface Document {
  mediaType: string;
  digest: Digest;
  bytes: Uint8Array<ArrayBuffer>;
}

/** An image in pieces. */
export interface RegistryImage {
  manifest: Document;
  config: Document;
  /** As they are transferred, base layer first. */
  layers: readonly Document[];
}

/** What an image is to be like. */
export interface RegistryImageOptions {
  /** Plain tars, base layer first. */
  layers: readonly Uint8Array<ArrayBuffer>[];
  /** @default {"oci"} */
  flavour?: "oci" | "docker";
  /** @default {"gzip"} */
  compression?: keyof typeof LAYER_MEDIA_TYPES;
  /** What it runs on. @default {"amd64"} */
  architecture?: string;
  /** The `config` object of the config blob. @default {empty} */
  process?: Readonly<Record<string, unknown>>;
}

/** Digest of bytes. */
export function digestOf(bytes: Uint8Array): Digest {
  return digestFromHex(createHash("sha256").update(bytes).digest("hex"));
}

/** Names bytes by what they are. */
export function documentOf(mediaType: string, bytes: Uint8Array<ArrayBuffer>): Document {
  return { mediaType, digest: digestOf(bytes), bytes };
}

/** A JSON document. */
export function jsonDocument(mediaType: string, json: unknown): Document {
  return documentOf(mediaType, new TextEncoder().encode(JSON.stringify(json)));
}

/** How an index or a manifest refers to a document. */
export function descriptorOf(
  { mediaType, digest, bytes }: Document,
): Omit<Descriptor, "annotations"> {
  return { mediaType, digest, size: bytes.length };
}

/** Makes an image. */
export function makeRegistryImage(options: RegistryImageOptions): RegistryImage {
  const { flavour = "oci", compression = "gzip", architecture = "amd64", process = {} } = options;
  const isDocker = flavour === "docker";
  const config = jsonDocument(isDocker ? MEDIA_TYPE.dockerConfig : MEDIA_TYPE.config, {
    architecture,
    os: "linux",
    created: "2024-01-01T00:00:00Z",
    config: process,
    rootfs: { type: "layers", "diff_ids": options.layers.map(digestOf) },
  });
  const layerType = isDocker ? MEDIA_TYPE.dockerLayer : LAYER_MEDIA_TYPES[compression];
  const layers = options.layers.map((tar) => documentOf(layerType, compress(tar, compression)));
  const manifest = manifestOf({ flavour, config, layers });
  return { manifest, config, layers };
}

/** Makes a manifest of parts that need not fit together. */
export function manifestOf({ flavour = "oci", config, layers }: {
  flavour?: "oci" | "docker";
  config: Document;
  layers: readonly Document[];
}): Document {
  const mediaType = flavour === "docker" ? MEDIA_TYPE.dockerManifest : MEDIA_TYPE.manifest;
  return jsonDocument(mediaType, {
    schemaVersion: 2,
    mediaType,
    config: descriptorOf(config),
    layers: layers.map(descriptorOf),
  });
}

/** Makes an index; each manifest has a platform, or none, such as `"linux/arm64"`. */
export function indexOf(
  manifests: readonly (readonly [document: Document, platform?: string])[],
  mediaType: string = MEDIA_TYPE.index,
): Document {
  return jsonDocument(mediaType, {
    schemaVersion: 2,
    mediaType,
    manifests: manifests.map(([document, platform]) => {
      const [os = "", architecture = "", variant] = platform?.split("/") ?? [];
      return {
        ...descriptorOf(document),
        ...(platform === undefined ? {} : { platform: { os, architecture, variant } }),
      };
    }),
  });
}

function compress(
  tar: Uint8Array<ArrayBuffer>,
  compression: keyof typeof LAYER_MEDIA_TYPES,
): Uint8Array<ArrayBuffer> {
  if (compression === "gzip") return new Uint8Array(gzipSync(tar));
  return compression === "zstd" ? new Uint8Array(zstdCompressSync(tar)) : tar;
}
