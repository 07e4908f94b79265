/** Writes images as archives that every tool reads. @module */

import { WherryError } from "../../errors.ts";
import { explainFailure } from "../tar/archive_error.ts";
import { pinBlob, readJsonBlob, type StagedBlob } from "../store/blob_store.ts";
import { byteStringOf, byteStringOfText } from "../tar/byte_string.ts";
import { type Digest, hexOf } from "../spec/digest.ts";
import { DOCKER_MANIFEST } from "./docker_archive.ts";
import { lockImages, readIndex, REFERENCE_ANNOTATION, referenceOf } from "../store/image_index.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import { getImage, type Image } from "../store/images.ts";
import { CONTAINERD_NAME_ANNOTATION, LAYOUT_INDEX, LAYOUT_MARKER } from "./oci_layout.ts";
import {
  type Descriptor,
  formatImageIndex,
  type ImageConfig,
  type Manifest,
  parseManifest,
} from "../spec/oci.ts";
import {
  formatPlatform,
  isSamePlatform,
  normalisePlatform,
  type Platform,
} from "../spec/platform.ts";
import {
  formatFamiliar,
  formatReference,
  formatRepository,
  parseReference,
  type Reference,
} from "../spec/reference.ts";
import { Staging } from "../store/staging.ts";
import { type NewTarEntry, type TarMember, writeTar } from "../tar/tar_writer.ts";

/** How images are saved: docker's format is OCI's, and has a list of images for docker and podman besides. */
export type SaveFormat = "docker-archive" | "oci-archive";

/** All formats. */
export const SAVE_FORMATS: readonly SaveFormat[] = ["docker-archive", "oci-archive"];

/** How to save. */
export interface SaveOptions {
  /** What to write. @default {"docker-archive"} */
  format?: SaveFormat | undefined;
  /** What the images must be for. @default {whatever they are for} */
  platform?: Platform | undefined;
}

/**
 * Writes images as one archive: an OCI image layout, as docker since 25 does, with their manifests, config blobs and
 * layers as they are in the store, each once. The same images always give the same bytes.
 *
 * What is to be saved stays until it is written, even if the images are removed meanwhile.
 *
 * @param wanted Names or ids, as a person types them. A repository without a tag means all its tags; an image that is
 * named by its id has no name in the archive.
 * @returns Chunks that stay valid while `VALID_CHUNKS` (source.ts) more are asked for.
 * @throws {WherryError} `not_found` if there is no such image, or it is for another platform; `corrupt` if something of
 * it is missing; `unavailable` if the store cannot be written to.
 */
export async function* saveImages(
  paths: ImagePaths,
  wanted: readonly string[],
  options: SaveOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  using staging = Staging.open(paths);
  const files = pinImages(paths, staging, wanted, options);
  try {
    yield* writeTar(membersOf(files));
  } catch (error) {
    throw explainFailure(`save ${quote(wanted)}`, error);
  }
}

function quote(wanted: readonly string[]): string {
  return wanted.map((text) => `"${text}"`).join(", ");
}

/** A file of the archive: a blob, or a document. */
interface ArchiveFile {
  path: string;
  content: StagedBlob | Uint8Array<ArrayBuffer>;
}

/** An image to save. */
interface SavedImage {
  /** Its manifest, without annotations. */
  descriptor: Descriptor;
  manifest: Manifest;
  references: Reference[];
}

/** Makes sure of everything that will be written. */
function pinImages(
  paths: ImagePaths,
  staging: Staging,
  wanted: readonly string[],
  { format = "docker-archive", platform }: SaveOptions,
): ArchiveFile[] {
  using _lock = lockImages(paths, "shared");
  const images = findImages(paths, wanted, platform);
  const digests = images.flatMap(({ descriptor, manifest: { config, layers } }) =>
    [descriptor, config, ...layers].map(({ digest }) => digest)
  );
  const blobs = [...new Set(digests)].toSorted().map((digest): ArchiveFile => ({
    path: blobPath(digest),
    content: pinBlob(paths, staging, digest) ?? missing(digest),
  }));
  return [
    ...blobs,
    { path: LAYOUT_INDEX, content: encode(formatIndex(images)) },
    ...(format === "docker-archive"
      ? [{ path: DOCKER_MANIFEST, content: encode(images.map(formatDockerImage)) }]
      : []),
    { path: LAYOUT_MARKER, content: encode({ imageLayoutVersion: "1.0.0" }) },
  ];
}

function missing(digest: Digest): never {
  throw new WherryError("corrupt", `Cannot save blob "${digest}": it is not in the store`);
}

function blobPath(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

function encode(document: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(document));
}

/** Each image once, with all names by which it is wanted, in the order in which they are. */
function findImages(
  paths: ImagePaths,
  wanted: readonly string[],
  platform: Platform | undefined,
): SavedImage[] {
  const found = new Map<Digest, SavedImage>();
  for (const text of wanted) {
    for (const { image, reference } of findNamed(paths, text)) {
      checkPlatform(text, image.config, platform);
      const saved = found.get(image.digest) ?? describeImage(paths, image);
      found.set(image.digest, saved);
      if (
        reference !== undefined &&
        !saved.references.map(formatReference).includes(formatReference(reference))
      ) {
        saved.references.push(reference);
      }
    }
  }
  return [...found.values()];
}

/** An image, and what it is to be called. */
interface NamedImage {
  image: Image;
  reference: Reference | undefined;
}

function findNamed(paths: ImagePaths, text: string): NamedImage[] {
  const names = namesFor(paths, text);
  if (names.length === 0) return [{ image: getImage(paths, text), reference: undefined }];
  return names.map((name) => {
    const reference = parseReference(name);
    const isTagged = reference.tag !== undefined;
    return { image: getImage(paths, name), reference: isTagged ? reference : undefined };
  });
}

/** References of the store that are meant; none for an id. */
function namesFor(paths: ImagePaths, text: string): string[] {
  const pattern = parseIfReference(text);
  if (pattern === undefined || pattern.digest !== undefined) return [];
  const all = readIndex(paths).manifests.map(referenceOf).filter((name) => name !== undefined);
  const isWholeRepository = !/:[^/]*$/.test(text);
  return all.filter((name) =>
    isWholeRepository
      ? formatRepository(parseReference(name)) === formatRepository(pattern)
      : name === formatReference(pattern)
  );
}

/** @returns `undefined` for what can only be an id. */
function parseIfReference(text: string): Reference | undefined {
  return /^(?:sha256:)?[0-9a-f]{64}$/.test(text) ? undefined : parseReference(text);
}

function checkPlatform(
  text: string,
  config: ImageConfig,
  wanted: Platform | undefined,
): void {
  if (wanted === undefined || isSamePlatform(config, wanted)) return;
  throw new WherryError(
    "not_found",
    `Cannot save "${text}" for ${formatPlatform(wanted)}: it is for ${
      formatPlatform(normalisePlatform(config))
    }`,
  );
}

function describeImage(paths: ImagePaths, { digest }: Image): SavedImage {
  const entry = readIndex(paths).manifests.find((item) => item.digest === digest);
  if (entry === undefined) missing(digest);
  const manifest = readJsonBlob(paths, digest, parseManifest);
  return { descriptor: { ...entry, annotations: {} }, manifest, references: [] };
}

/** One entry for each name, or one without a name. */
function formatIndex(images: readonly SavedImage[]): unknown {
  const manifests = images.flatMap(({ descriptor, references }) => {
    const named = references.map((reference) => ({
      ...descriptor,
      annotations: {
        [CONTAINERD_NAME_ANNOTATION]: formatReference(reference),
        [REFERENCE_ANNOTATION]: reference.tag ?? "",
      },
    }));
    return named.length === 0 ? [descriptor] : named;
  });
  return formatImageIndex({ manifests });
}

/** The image as docker's list has it; which platform it is for only its config blob says. */
function formatDockerImage({ manifest: { config, layers }, references }: SavedImage): unknown {
  return {
    Config: blobPath(config.digest),
    RepoTags: references.length === 0 ? null : references.map(formatFamiliar),
    Layers: layers.map(({ digest }) => blobPath(digest)),
  };
}

/** Directories come before what is in them. */
function* membersOf(files: readonly ArchiveFile[]): Generator<TarMember> {
  yield { entry: entryOf("blobs/", { type: "directory", mode: 0o755, size: 0 }) };
  yield { entry: entryOf("blobs/sha256/", { type: "directory", mode: 0o755, size: 0 }) };
  for (const { path, content } of files) {
    const isBytes = content instanceof Uint8Array;
    const size = isBytes ? content.length : content.size;
    const entry = entryOf(path, { type: "file", mode: 0o644, size });
    if (isBytes) {
      yield { entry, body: readerOf(content) };
    } else {
      using file = Deno.openSync(content.path);
      yield { entry, body: { read: (buffer) => file.readSync(buffer) } };
    }
  }
}

function entryOf(path: string, fields: Pick<NewTarEntry, "type" | "mode" | "size">): NewTarEntry {
  return {
    ...fields,
    name: byteStringOfText(path),
    linkName: NO_LINK,
    uid: 0,
    gid: 0,
    modifiedAt: { seconds: 0n, nanoseconds: 0n },
    deviceMajor: 0,
    deviceMinor: 0,
    attributes: [],
  };
}

const NO_LINK = byteStringOf(new Uint8Array(0), 0, 0);

function readerOf(bytes: Uint8Array): { read(buffer: Uint8Array): number | null } {
  let at = 0;
  return {
    read: (buffer) => {
      const piece = bytes.subarray(at, at + buffer.length);
      buffer.set(piece);
      at += piece.length;
      return piece.length === 0 ? null : piece.length;
    },
  };
}
