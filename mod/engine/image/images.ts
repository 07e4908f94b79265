/** Use cases of the image store: what comes in, and what there is. @module */

import { WherryError } from "../../errors.ts";
import type { ImageId } from "../../image/spec/digest.ts";
import {
  type DamagedImage,
  listImages as listAll,
  shownId,
  sortOut,
} from "../../image/store/image_list.ts";
import { ImageDocuments } from "../../image/store/image_documents.ts";
import { readIndex } from "../../image/store/image_index.ts";
import { loadArchive } from "../../image/archive/load.ts";
import { ImagePaths } from "../../image/store/image_paths.ts";
import { type Sweep, sweepImages } from "../../image/store/image_sweep.ts";
import { parseNewName } from "../../image/store/image_tag.ts";
import { findImage } from "../../image/store/images.ts";
import { type ImportedImage, importRootfs } from "../../image/archive/import.ts";
import { parsePlatform } from "../../image/spec/platform.ts";
import { formatFamiliar, formatReference, type Reference } from "../../image/spec/reference.ts";
import { removeAbandonedPartials } from "../../image/registry/partial_blob.ts";
import type { ByteSource } from "../../image/tar/source.ts";
import { referenceOfFile } from "../../image/archive/tar_image.ts";
import { type Engine, systemFailure } from "../base/engine.ts";
import { recordMadeImage } from "./image_source.ts";
import { ContainersUse } from "./image_use.ts";

/** How long the beginning of a blob waits for the next pull, in milliseconds. */
const PARTIAL_AGE_MS = 3 * 24 * 3_600_000;

/** Where a stream of bytes comes from. */
export interface NamedSource {
  /** Read to its end; the caller closes it. */
  bytes: ByteSource;
  /** For messages and for the image's history: a path, or `-`. */
  name: string;
  /** How many there are. @default {not known} */
  size?: number;
}

/** How to import a root file system. */
export interface ImportImageOptions {
  /** What to call the image. @default {it gets no name} */
  reference?: string;
  /** Whether no image may have that name yet. @default {false: it is taken away from the one that has it} */
  isNewName?: boolean;
  /** Note in the image's history. */
  message?: string;
  /** Fields of the image as a Dockerfile writes them, for example `CMD ["sh"]`. */
  changes?: readonly string[];
  /** What the files are for, for example `linux/arm64`. @default {this machine} */
  platform?: string;
  /** Most bytes that the tar may unpack to. @default {no limit} */
  maxUnpackedBytes?: number;
}

/**
 * Makes an image of a root file system's tar, plain or compressed with gzip, zstd, xz or bzip2.
 *
 * @throws {WherryError} `corrupt` if it is not a sound tar, `invalid_argument` for a malformed name or change, `already_exists` if the name is taken and should be new;
 * then everything is as it was.
 */
export async function importImage(
  engine: Engine,
  source: NamedSource,
  { reference, isNewName = false, platform, ...options }: ImportImageOptions,
): Promise<ImportedImage> {
  const parsed = reference === undefined ? undefined : parseNewName(reference);
  engine.ensureDirectories();
  sweep(engine);
  if (isNewName && reference !== undefined) refuseTakenName(engine, reference);
  const imported = await importRootfs(imagePaths(engine), source.bytes, {
    reference: parsed,
    sourceName: source.name,
    platform: platform === undefined ? undefined : parsePlatform(platform),
    sourceBytes: source.size,
    ...options,
  });
  recordMadeImage(engine, { id: imported.id, action: "import", reference: parsed });
  return imported;
}

function refuseTakenName(engine: Engine, name: string): void {
  if (findImage(imagePaths(engine), name) === undefined) return;
  throw new WherryError(
    "already_exists",
    `Cannot name an image "${name}": there is another one of that name`,
    { hint: "Give another one with --name, or REPOSITORY as the last argument to take it over" },
  );
}

/** An image that was loaded. */
export interface LoadedImage {
  /** `sha256:` and 64 digits. */
  id: string;
  /** In full, for example `docker.io/library/busybox:latest`; none if the archive gives the image no name. */
  references: readonly string[];
  /** Which of these other images had until then, and their ids. */
  takenFrom: ReadonlyMap<string, string>;
}

/** Which images to load. */
export interface LoadImagesOptions {
  /** What the images are for; others are refused. @default {this machine if there is a choice} */
  platform?: string;
  /** Most bytes that the archive, and each image in it, may unpack to. @default {no limit} */
  maxUnpackedBytes?: number;
}

/**
 * Loads all images of an archive, of docker, podman or OCI, or of a directory.
 *
 * @param source A stream, or the path of a directory alone.
 * @throws {WherryError} `corrupt` if it is not a sound one, `unsupported` if it is not for the platform or too large;
 * then everything is as it was.
 */
export async function loadImages(
  engine: Engine,
  source: NamedSource | { name: string },
  { platform, maxUnpackedBytes }: LoadImagesOptions = {},
): Promise<LoadedImage[]> {
  engine.ensureDirectories();
  sweep(engine);
  const { name } = source;
  const before = idsByReference(imagePaths(engine));
  const loaded = await loadArchive(imagePaths(engine), "bytes" in source ? source.bytes : name, {
    sourceName: name,
    repository: name === "-" ? undefined : referenceOfFile(name),
    platform: platform === undefined ? undefined : parsePlatform(platform),
    maxUnpackedBytes,
  });
  for (const { id } of loaded) recordMadeImage(engine, { id, action: "load" });
  return loaded.map(({ id, references: parsed }) => {
    const references = parsed.map(formatReference);
    const taken = references.flatMap((reference): [string, string][] => {
      const owner = before.get(reference);
      return owner === undefined || owner === id ? [] : [[reference, owner]];
    });
    return { id, references, takenFrom: new Map(taken) };
  });
}

function idsByReference(paths: ImagePaths): Map<string, ImageId> {
  const { images } = sortOut(readIndex(paths), new ImageDocuments(paths));
  return new Map(
    images.flatMap(({ id, references }) =>
      references.map((reference): [string, ImageId] => [formatReference(reference), id])
    ),
  );
}

/** An image as lists show it. */
export interface ImageSummary {
  /** Of a damaged one whose id is not known, the digest of its manifest, by which it can be removed. */
  id: ImageId;
  /** References with a tag, sorted. */
  references: readonly Reference[];
  /** References with the digest by which a registry has it, sorted. */
  repositoryDigests: readonly Reference[];
  /** RFC 3339; `undefined` if the image does not say. */
  created: string | undefined;
  /** `undefined` if that is not known. */
  labels: Readonly<Record<string, string>> | undefined;
  /** Bytes of the files of its layers; 0 if that is not known. */
  sizeBytes: number;
}

/**
 * All images, each once, the newest first. Of damaged ones {@linkcode Engine.notices} tells.
 *
 * @throws {WherryError} `unavailable` if the root cannot be read, `corrupt` if the list itself is damaged.
 */
export function listImages(engine: Engine): ImageSummary[] {
  try {
    const { images, damaged } = listAll(imagePaths(engine));
    for (const image of damaged) engine.notices.add(describeDamage(image));
    const summaries = images.map(({ config, ...image }): ImageSummary => ({
      ...image,
      created: config.created,
      labels: config.process.labels,
    }));
    return [...summaries, ...damaged.map(summarizeDamaged)]
      .toSorted((a, b) => timeOf(b.created) - timeOf(a.created));
  } catch (error) {
    throw systemFailure(`list the images in "${engine.paths.root}"`, error);
  }
}

function summarizeDamaged(image: DamagedImage): ImageSummary {
  const { references, repositoryDigests } = image;
  const unknown = { created: undefined, labels: undefined, sizeBytes: 0 };
  return { ...unknown, id: shownId(image), references, repositoryDigests };
}

/** Milliseconds since 1970; 0 for a time that is missing or is none. */
export function timeOf(created: string | undefined): number {
  return Date.parse(created ?? "") || 0;
}

/** What people should know of a damaged image, and do about it. */
export function describeDamage(image: DamagedImage): string {
  const [name] = [...image.references, ...image.repositoryDigests].map(formatFamiliar);
  const called = name ?? shownId(image);
  return `image ${called} is damaged: ${image.problem.message}; ` +
    `"wherry rmi -f ${called}" removes it`;
}

/** Tells of images that keep what might be theirs from being removed. */
export function noteKept(engine: Engine, damaged: readonly DamagedImage[]): void {
  for (const image of damaged) {
    engine.notices.add(`${describeDamage(image)}; until then what may be its own is kept`);
  }
}

/** Removes what killed imports and removals left in the image store, and what no image or container needs. */
export function recoverImages(engine: Engine): Sweep {
  engine.ensureDirectories();
  const report = sweepImages(imagePaths(engine), () => new ContainersUse(engine));
  noteKept(engine, report.damaged);
  return report;
}

/** Removes what killed commands left in the image store. */
export function sweep(engine: Engine): void {
  try {
    removeAbandonedPartials(imagePaths(engine), { minAgeMs: PARTIAL_AGE_MS });
    sweepImages(imagePaths(engine), () => new ContainersUse(engine));
  } catch (error) {
    throw systemFailure(`clean up "${engine.paths.root}"`, error);
  }
}

function imagePaths({ paths }: Engine): ImagePaths {
  return new ImagePaths(paths.root);
}
