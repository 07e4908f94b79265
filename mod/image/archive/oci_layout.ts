/**
 * OCI image layouts: `index.json` leads through manifests to config blobs and layers, all by digest.
 *
 * @see {@link https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md}
 * @module
 */

import { WherryError } from "../../errors.ts";
import { ArchiveError } from "../tar/archive_error.ts";
import {
  type ArchivedBlob,
  type ArchiveFiles,
  readDocument,
  readVerifiedDocument,
} from "./archive_files.ts";
import {
  type ArchivedImage,
  checkImageCount,
  parseArchivedName,
  refusePlatform,
} from "./archived_image.ts";
import { hexOf } from "../spec/digest.ts";
import { REFERENCE_ANNOTATION } from "../store/image_index.ts";
import { checkManifest, isForeign } from "../spec/image_manifest.ts";
import {
  type Descriptor,
  INDEX_TYPES,
  type Manifest,
  MANIFEST_TYPES,
  parseImageConfig,
  parseImageIndex,
  parseManifest,
} from "../spec/oci.ts";
import { choosePlatform, formatPlatform, hostPlatform, type Platform } from "../spec/platform.ts";
import { formatRepository, type Reference } from "../spec/reference.ts";

/** The document that lists the images of a layout. */
export const LAYOUT_INDEX = "index.json";
/** The document that marks a layout. */
export const LAYOUT_MARKER = "oci-layout";

/** Annotation with which docker and containerd give a descriptor's whole name. */
export const CONTAINERD_NAME_ANNOTATION = "io.containerd.image.name";
/** Annotation of what BuildKit puts beside an image into an index: it is no image. */
const ATTESTATION_ANNOTATION = "vnd.docker.reference.type";

/** Most indexes between `index.json` and a manifest; there is one, or none. */
const MAX_DEPTH = 4;

/** What to read of a layout. */
export interface LayoutRequest {
  /** Which of several images to take; others are refused. @default {the one for this machine, or the only one} */
  platform?: Platform | undefined;
  /** Repository of the images that the layout has only a tag for. @default {they get no name} */
  repository?: Reference | undefined;
  /** Only the image that the layout calls so. @default {all} */
  name?: string | undefined;
}

/**
 * Reads what images a layout has. Of an image for several platforms one is chosen, of those that are there.
 *
 * @throws {ArchiveError} If the layout is damaged; `unsupported` if there is nothing for the platform, or what is
 * there is no image.
 * @throws {WherryError} `corrupt` if a document is damaged.
 */
export async function readOciLayout(
  files: ArchiveFiles,
  request: LayoutRequest,
): Promise<ArchivedImage[]> {
  const { manifests } = readDocument(files, LAYOUT_INDEX, parseImageIndex);
  const wanted = request.name === undefined
    ? manifests
    : manifests.filter((entry) => nameOf(entry) === request.name);
  if (request.name !== undefined && wanted.length === 0) {
    throw new ArchiveError(`it has no image "${request.name}"`);
  }
  const groups = groupByImage(wanted.filter(isNoAttestation));
  checkImageCount(groups.length);
  const images: ArchivedImage[] = [];
  for (const entries of groups) images.push(await readGroup(files, entries, request));
  return images;
}

/** What a layout calls an image. */
function nameOf({ annotations }: Descriptor): string | undefined {
  return annotations[CONTAINERD_NAME_ANNOTATION] ?? annotations[REFERENCE_ANNOTATION];
}

/**
 * Entries of one name are one image for several platforms. So are all that have no name, if each is for another
 * platform.
 */
function groupByImage(entries: readonly Descriptor[]): Descriptor[][] {
  const nameless = entries.filter((entry) => nameOf(entry) === undefined);
  const platforms = new Set(nameless.map(({ platform }) => platform && formatPlatform(platform)));
  const areOne = platforms.size === nameless.length && !platforms.has(undefined);
  const keyOf = (entry: Descriptor): string => nameOf(entry) ?? (areOne ? "" : entry.digest);
  return [...Map.groupBy(entries, keyOf).values()];
}

function isNoAttestation({ annotations }: Descriptor): boolean {
  return annotations[ATTESTATION_ANNOTATION] === undefined;
}

async function readGroup(
  files: ArchiveFiles,
  entries: readonly Descriptor[],
  request: LayoutRequest,
): Promise<ArchivedImage> {
  const found = new ImageFinder(files);
  for (const entry of entries) await found.visit(entry, 0);
  const { descriptor, manifest } = found.choose(request.platform);
  const reference = entries[0] && referenceOf(entries[0], request.repository);
  return {
    manifest: { blob: blobOf(descriptor), mediaType: descriptor.mediaType },
    config: blobOf(manifest.config),
    layers: manifest.layers.map(blobOf),
    references: reference === undefined ? [] : [reference],
  };
}

/**
 * A name without colon and slash is only a tag, as the specification has it; one that is no reference, which it
 * allows too, is no name for wherry.
 */
function referenceOf(entry: Descriptor, repository: Reference | undefined): Reference | undefined {
  const name = nameOf(entry);
  if (name === undefined) return undefined;
  const isWhole = /[:/]/.test(name);
  if (!isWhole && repository === undefined) return undefined;
  try {
    return parseArchivedName(
      isWhole || repository === undefined ? name : `${formatRepository(repository)}:${name}`,
    );
  } catch (error) {
    if (error instanceof WherryError && error.kind === "invalid_argument") return undefined;
    throw error;
  }
}

function blobOf({ digest, size }: Descriptor): ArchivedBlob {
  return { path: `blobs/sha256/${hexOf(digest)}`, digest, size };
}

/** A manifest that is there, with what it is for. */
interface Candidate {
  descriptor: Descriptor;
  manifest: Manifest;
  platform: Platform;
}

/** Looks for the manifests that lie below a descriptor. */
class ImageFinder {
  readonly #files: ArchiveFiles;
  readonly #candidates: Candidate[] = [];
  /** Digests of what has been looked at: an index may name one document many times. */
  readonly #seen = new Set<string>();
  /** What keeps a manifest from being one of them. */
  #missing = "no image";

  constructor(files: ArchiveFiles) {
    this.#files = files;
  }

  /** @throws {ArchiveError} If it is neither an index nor an image's manifest, damaged, or too far down. */
  async visit(descriptor: Descriptor, depth: number): Promise<void> {
    if (this.#seen.has(descriptor.digest) || !isNoAttestation(descriptor)) return;
    this.#seen.add(descriptor.digest);
    if (depth > MAX_DEPTH) throw new ArchiveError(`indexes are more than ${MAX_DEPTH} deep`);
    const blob = blobOf(descriptor);
    if (!this.#files.has(blob.path)) {
      // An archive need not have what is for other platforms
      this.#missing = `no blob "${descriptor.digest}"`;
    } else if (INDEX_TYPES.includes(descriptor.mediaType)) {
      const { manifests } = await readVerifiedDocument(this.#files, blob, parseImageIndex);
      for (const entry of manifests) await this.visit(entry, depth + 1);
    } else if (MANIFEST_TYPES.includes(descriptor.mediaType)) {
      const manifest = await readVerifiedDocument(this.#files, blob, parseManifest);
      await this.#add(descriptor, manifest);
    } else {
      throw new ArchiveError(`not an image, but "${descriptor.mediaType}"`, "unsupported");
    }
  }

  async #add(descriptor: Descriptor, manifest: Manifest): Promise<void> {
    checkManifest(manifest);
    const { config, layers } = manifest;
    const missing = [config, ...layers].find((blob) => !this.#files.has(blobOf(blob).path));
    if (missing !== undefined) {
      this.#missing = `no ${isForeign(missing) ? "foreign layer" : "blob"} "${missing.digest}"`;
      return;
    }
    const platform = descriptor.platform ?? await this.#platformOf(config);
    this.#candidates.push({ descriptor, manifest, platform });
  }

  async #platformOf(config: Descriptor): Promise<Platform> {
    const { os, architecture, variant } = await readVerifiedDocument(
      this.#files,
      blobOf(config),
      parseImageConfig,
    );
    return { os, architecture, variant };
  }

  /**
   * Takes the best one for a platform.
   *
   * @param wanted Nothing else is taken. @default {this machine's, or the only one there is}
   */
  choose(wanted: Platform | undefined): Candidate {
    const candidates = this.#candidates;
    const [only, another] = candidates;
    if (only === undefined) throw new ArchiveError(`it has ${this.#missing}`);
    const best = choosePlatform(candidates, wanted ?? hostPlatform(), (one) => one.platform);
    if (best !== undefined) return best;
    if (wanted === undefined && another === undefined) return only;
    refusePlatform(wanted ?? hostPlatform(), candidates.map(({ platform }) => platform));
  }
}
