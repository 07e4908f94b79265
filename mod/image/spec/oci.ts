/**
 * Documents of the OCI image specification, checked and turned into types.
 *
 * They come from registries and archives: nothing about them is taken for granted.
 *
 * @see {@link https://github.com/opencontainers/image-spec/tree/v1.1.1}
 * @module
 */

import { WherryError } from "../../errors.ts";
import { type DiffId, type Digest, parseDiffId, parseDigest } from "./digest.ts";
import { normalisePlatform, type Platform } from "./platform.ts";

/** Media types that wherry reads or writes. */
export const MEDIA_TYPE = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

/** Media types of indexes. */
export const INDEX_TYPES: readonly string[] = [MEDIA_TYPE.index, MEDIA_TYPE.dockerIndex];

/** Media types of manifests. */
export const MANIFEST_TYPES: readonly string[] = [MEDIA_TYPE.manifest, MEDIA_TYPE.dockerManifest];

/** What a layer's media type says about its compression; the specification knows none for xz and bzip2. */
export const LAYER_MEDIA_TYPES = {
  none: MEDIA_TYPE.layer,
  gzip: MEDIA_TYPE.layerGzip,
  zstd: MEDIA_TYPE.layerZstd,
  xz: `${MEDIA_TYPE.layer}+xz`,
  bzip2: `${MEDIA_TYPE.layer}+bzip2`,
} as const;

/** Largest manifest, index or config blob that is read, in bytes; registries refuse larger manifests too. */
export const MAX_DOCUMENT_SIZE = 4 << 20;
/** Most layers of one image; overlayfs takes fewer in one mount. */
const MAX_LAYERS = 500;

/** A blob, named by content. */
export interface Descriptor {
  mediaType: string;
  digest: Digest;
  /** In bytes. */
  size: number;
  annotations: Readonly<Record<string, string>>;
  /** What an index says about a manifest. @default {it does not say} */
  platform?: Platform | undefined;
  /** Where else the content may be found; only foreign layers have any. @default {none} */
  urls?: readonly string[] | undefined;
}

/** An image for one platform: its config blob and its layers, base layer first. */
export interface Manifest {
  config: Descriptor;
  layers: readonly Descriptor[];
}

/** A list of manifests. */
export interface ImageIndex {
  manifests: readonly Descriptor[];
}

/** What an image says about the process to run in it. */
export interface ProcessDefaults {
  /** `NAME=value` each. */
  env: readonly string[];
  entrypoint: readonly string[];
  command: readonly string[];
  /** Absolute path; `""` means `/`. */
  workingDirectory: string;
  /** `user[:group]`, names or numbers; `""` means root. */
  user: string;
  /** `PORT/PROTOCOL` each. */
  exposedPorts: readonly string[];
  /** Absolute paths. */
  volumes: readonly string[];
  labels: Readonly<Record<string, string>>;
  /** Name or number of the signal that asks the process to end; `undefined` means SIGTERM. */
  stopSignal: string | undefined;
  /** How to find out whether it does its work; `undefined` if the image does not say. */
  healthCheck: HealthCheckDefaults | undefined;
  /** What runs a command given as one text; empty means `/bin/sh -c`. */
  shell: readonly string[];
}

/** An image's HEALTHCHECK, which is docker's extension; what is `undefined` is up to the engine. */
export interface HealthCheckDefaults {
  /** `NONE`, or `CMD` and an argument vector, or `CMD-SHELL` and a text; empty if not given. */
  test: readonly string[];
  /** In milliseconds. */
  intervalMs: number | undefined;
  /** In milliseconds. */
  timeoutMs: number | undefined;
  /** In milliseconds. */
  startPeriodMs: number | undefined;
  /** In milliseconds. */
  startIntervalMs: number | undefined;
  /** Failures in a row. */
  retries: number | undefined;
}

/** One step of how an image was made. */
export interface HistoryEntry {
  /** RFC 3339; `undefined` if the image does not say. */
  created: string | undefined;
  /** Command that did it. */
  createdBy: string;
  author: string;
  comment: string;
  /** Whether it made no layer. */
  isEmptyLayer: boolean;
}

/** A config blob. */
export interface ImageConfig {
  architecture: string;
  /** Of the architecture; empty if there is none. */
  variant: string;
  os: string;
  author: string;
  /** RFC 3339; `undefined` if the image does not say. */
  created: string | undefined;
  process: ProcessDefaults;
  /** DiffIDs of the layers, base layer first. */
  diffIds: readonly DiffId[];
  /** Oldest first; may be empty. */
  history: readonly HistoryEntry[];
}

/** JSON as it is on the wire, before it is checked. */
type JsonObject = Readonly<Record<string, unknown>>;

/** Complains about the document `what`. */
function refuse(what: string, state: string): never {
  throw new WherryError("corrupt", `Cannot read ${what}: ${state}`);
}

function objectAt(value: unknown, what: string, key: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as JsonObject;
  }
  refuse(what, `${key} is not an object`);
}

function optionalObject(value: unknown, what: string, key: string): JsonObject {
  return value === undefined || value === null ? {} : objectAt(value, what, key);
}

function stringAt(value: unknown, what: string, key: string): string {
  return typeof value === "string" ? value : refuse(what, `${key} is not a string`);
}

function optionalString(value: unknown, what: string, key: string): string | undefined {
  return value === undefined || value === null ? undefined : stringAt(value, what, key);
}

function arrayAt(value: unknown, what: string, key: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(what, `${key} is not a list`);
}

function optionalStrings(value: unknown, what: string, key: string): readonly string[] {
  if (value === undefined || value === null) return [];
  return arrayAt(value, what, key).map((item) => stringAt(item, what, key));
}

function stringMap(value: unknown, what: string, key: string): Record<string, string> {
  const entries = Object.entries(optionalObject(value, what, key));
  return Object.fromEntries(entries.map(([name, item]) => [name, stringAt(item, what, key)]));
}

function layersAt(value: unknown, what: string, key: string): readonly unknown[] {
  const layers = arrayAt(value, what, key);
  if (layers.length > MAX_LAYERS) refuse(what, `more than ${MAX_LAYERS} layers`);
  return layers;
}

function parseDescriptor(value: unknown, what: string, key: string): Descriptor {
  const json = objectAt(value, what, key);
  const size = json["size"];
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    refuse(what, `size of ${key} is not a number of bytes`);
  }
  const platform = parsePlatformObject(json["platform"], what, key);
  const urls = optionalList(json["urls"], what, `urls of ${key}`);
  return {
    mediaType: stringAt(json["mediaType"], what, `mediaType of ${key}`),
    digest: parseDigest(stringAt(json["digest"], what, `digest of ${key}`)),
    size,
    annotations: stringMap(json["annotations"], what, `annotations of ${key}`),
    ...(platform === undefined ? {} : { platform }),
    ...(urls === undefined ? {} : { urls }),
  };
}

function optionalList(value: unknown, what: string, key: string): readonly string[] | undefined {
  return value === undefined || value === null ? undefined : optionalStrings(value, what, key);
}

function parsePlatformObject(value: unknown, what: string, key: string): Platform | undefined {
  if (value === undefined || value === null) return undefined;
  const json = objectAt(value, what, `platform of ${key}`);
  const part = (name: string): string =>
    optionalString(json[name], what, `platform of ${key}`) ?? "";
  return normalisePlatform({
    os: part("os"),
    architecture: part("architecture"),
    variant: part("variant"),
  });
}

/**
 * Checks an image manifest.
 *
 * @param json Parsed JSON from anywhere.
 * @throws {WherryError} `corrupt` if it is not a manifest of schema version 2.
 */
export function parseManifest(json: unknown): Manifest {
  const what = "manifest";
  const document = objectAt(json, what, "the document");
  if (document["schemaVersion"] !== 2) refuse(what, "schemaVersion is not 2");
  const layers = layersAt(document["layers"], what, "layers");
  return {
    config: parseDescriptor(document["config"], what, "config"),
    layers: layers.map((layer) => parseDescriptor(layer, what, "a layer")),
  };
}

/**
 * Checks an image index.
 *
 * @param json Parsed JSON from anywhere.
 * @throws {WherryError} `corrupt` if it is not an index of schema version 2.
 */
export function parseImageIndex(json: unknown): ImageIndex {
  const what = "image index";
  const document = objectAt(json, what, "the document");
  if (document["schemaVersion"] !== 2) refuse(what, "schemaVersion is not 2");
  const manifests = arrayAt(document["manifests"], what, "manifests");
  return { manifests: manifests.map((item) => parseDescriptor(item, what, "a manifest")) };
}

/**
 * Checks a config blob, of OCI or docker.
 *
 * @param json Parsed JSON from anywhere.
 * @throws {WherryError} `corrupt` if it is not one.
 */
export function parseImageConfig(json: unknown): ImageConfig {
  const what = "image config";
  const document = objectAt(json, what, "the document");
  const rootfs = objectAt(document["rootfs"], what, "rootfs");
  const diffIds = layersAt(rootfs["diff_ids"], what, "rootfs.diff_ids");
  return {
    architecture: optionalString(document["architecture"], what, "architecture") ?? "",
    variant: optionalString(document["variant"], what, "variant") ?? "",
    os: optionalString(document["os"], what, "os") ?? "",
    author: optionalString(document["author"], what, "author") ?? "",
    created: optionalString(document["created"], what, "created"),
    process: parseProcessDefaults(document["config"]),
    diffIds: diffIds.map((item) => parseDiffId(stringAt(item, what, "a DiffID"))),
    history: parseHistory(document["history"]),
  };
}

/** Most entries of a history: one for each instruction of a Dockerfile. */
const MAX_HISTORY = 10_000;

function parseHistory(json: unknown): HistoryEntry[] {
  if (json === undefined || json === null) return [];
  const what = "image config";
  const entries = arrayAt(json, what, "history");
  if (entries.length > MAX_HISTORY) refuse(what, `more than ${MAX_HISTORY} entries of history`);
  return entries.map((item) => {
    const entry = objectAt(item, what, "an entry of history");
    const textAt = (key: string): string =>
      optionalString(entry[key], what, `history.${key}`) ?? "";
    return {
      created: optionalString(entry["created"], what, "history.created"),
      createdBy: textAt("created_by"),
      author: textAt("author"),
      comment: textAt("comment"),
      isEmptyLayer: entry["empty_layer"] === true,
    };
  });
}

function parseProcessDefaults(json: unknown): ProcessDefaults {
  const what = "image config";
  const config = optionalObject(json, what, "config");
  return {
    env: optionalStrings(config["Env"], what, "config.Env"),
    entrypoint: optionalStrings(config["Entrypoint"], what, "config.Entrypoint"),
    command: optionalStrings(config["Cmd"], what, "config.Cmd"),
    workingDirectory: optionalString(config["WorkingDir"], what, "config.WorkingDir") ?? "",
    user: optionalString(config["User"], what, "config.User") ?? "",
    exposedPorts: Object.keys(optionalObject(config["ExposedPorts"], what, "config.ExposedPorts")),
    volumes: Object.keys(optionalObject(config["Volumes"], what, "config.Volumes")),
    labels: stringMap(config["Labels"], what, "config.Labels"),
    stopSignal: optionalString(config["StopSignal"], what, "config.StopSignal"),
    healthCheck: parseHealthCheck(config["Healthcheck"]),
    shell: optionalStrings(config["Shell"], what, "config.Shell"),
  };
}

const NANOSECONDS_PER_MILLISECOND = 1_000_000;

function parseHealthCheck(json: unknown): HealthCheckDefaults | undefined {
  if (json === undefined || json === null) return undefined;
  const what = "image config";
  const check = objectAt(json, what, "config.Healthcheck");
  const numberAt = (key: string, unit: number): number | undefined => {
    const value = check[key] ?? 0;
    if (typeof value !== "number" || !(value >= 0)) {
      refuse(what, `config.Healthcheck.${key} is not a number of 0 or more`);
    }
    return value === 0 ? undefined : Math.max(1, Math.round(value / unit));
  };
  return {
    test: optionalStrings(check["Test"], what, "config.Healthcheck.Test"),
    intervalMs: numberAt("Interval", NANOSECONDS_PER_MILLISECOND),
    timeoutMs: numberAt("Timeout", NANOSECONDS_PER_MILLISECOND),
    startPeriodMs: numberAt("StartPeriod", NANOSECONDS_PER_MILLISECOND),
    startIntervalMs: numberAt("StartInterval", NANOSECONDS_PER_MILLISECOND),
    retries: numberAt("Retries", 1),
  };
}

/** The descriptor of a blob, without annotations. */
export function describeBlob(
  { digest, size }: { digest: Digest; size: number },
  mediaType: string,
): Descriptor {
  return { mediaType, digest, size, annotations: {} };
}

/** A descriptor as it is written; what it lacks is left out. */
export function formatDescriptor(
  { mediaType, digest, size, annotations, platform, urls }: Descriptor,
): unknown {
  return {
    mediaType,
    digest,
    size,
    ...(urls === undefined ? {} : { urls }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform: formatPlatformObject(platform) }),
  };
}

function formatPlatformObject({ os, architecture, variant }: Platform): unknown {
  return { architecture, os, ...(variant === "" ? {} : { variant }) };
}

/** A manifest as it is written. */
export function formatManifest({ config, layers }: Manifest): unknown {
  return {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: formatDescriptor(config),
    layers: layers.map(formatDescriptor),
  };
}

/** An index as it is written. */
export function formatImageIndex({ manifests }: ImageIndex): unknown {
  return {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.index,
    manifests: manifests.map(formatDescriptor),
  };
}
