/** Use cases of the image store. @module */

import { readContainerConfig, type RootSource } from "../container/config.ts";
import { readState } from "../container/state.ts";
import { WherryError } from "../errors.ts";
import { loadArchive } from "../image/load.ts";
import { type ChainId, digestFromHex, type ImageId } from "../image/digest.ts";
import { ImagePaths } from "../image/image_paths.ts";
import {
  findImage,
  type ImageUse,
  type ImageUser,
  type ListedImage,
  listImages as listAll,
  type PrunedImages,
  pruneImages as pruneStore,
  type Removal,
  removeImage as removeFromStore,
  type Sweep,
  sweepImages,
} from "../image/images.ts";
import { type ImportedImage, importRootfs } from "../image/import.ts";
import { parsePlatform } from "../image/platform.ts";
import { formatReference, parseReference } from "../image/reference.ts";
import type { ByteSource } from "../image/source.ts";
import { referenceOfFile } from "../image/tar_image.ts";
import { shortId } from "../store/id.ts";
import { isLocked } from "../store/lock.ts";
import { type Engine, systemFailure } from "./engine.ts";
import { recordImageEvent } from "./events.ts";
import { listIds } from "./find.ts";
import { recordMadeImage } from "./image_source.ts";

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
  /** Most bytes that the tar may unpack to. @default {no limit} */
  maxUnpackedBytes?: number;
}

/**
 * Makes an image of a root file system's tar, plain or compressed with gzip or zstd.
 *
 * @throws {WherryError} `corrupt` if it is not a sound tar, `already_exists` if the name is taken and should be new;
 * then everything is as it was.
 */
export async function importImage(
  engine: Engine,
  source: NamedSource,
  { reference, isNewName = false, message, changes = [], maxUnpackedBytes }: ImportImageOptions,
): Promise<ImportedImage> {
  engine.ensureDirectories();
  sweep(engine);
  if (isNewName && reference !== undefined) refuseTakenName(engine, reference);
  const parsed = reference === undefined ? undefined : parseReference(reference);
  const imported = await importRootfs(imagePaths(engine), source.bytes, {
    reference: parsed,
    sourceName: source.name,
    message,
    changes,
    sourceBytes: source.size,
    maxUnpackedBytes,
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
  const loaded = await loadArchive(imagePaths(engine), "bytes" in source ? source.bytes : name, {
    sourceName: name,
    repository: name === "-" ? undefined : referenceOfFile(name),
    platform: platform === undefined ? undefined : parsePlatform(platform),
    maxUnpackedBytes,
  });
  for (const { id } of loaded) recordMadeImage(engine, { id, action: "load" });
  return loaded.map(({ id, references }) => ({ id, references: references.map(formatReference) }));
}

/**
 * All images, each once.
 *
 * @throws {WherryError} `unavailable` if the root cannot be read, `corrupt` if an image's documents are damaged.
 */
export function listImages(engine: Engine): ListedImage[] {
  try {
    return listAll(imagePaths(engine));
  } catch (error) {
    throw systemFailure(`list the images in "${engine.paths.root}"`, error);
  }
}

/**
 * Removes a reference, and the image with it when it was the last one.
 *
 * @param wanted A reference, or an image's id or the beginning of one.
 * @throws {WherryError} `not_found`; `conflict` if a container was made from it.
 */
export function removeImage(
  engine: Engine,
  wanted: string,
  options: { isForced: boolean },
): Removal {
  engine.ensureDirectories();
  sweep(engine);
  const removal = removeFromStore(imagePaths(engine), wanted, {
    ...options,
    use: () => new ContainersUse(engine),
  });
  const { id, labels, untagged, deleted } = removal;
  for (const _reference of untagged) recordImageEvent(engine, { id, labels, action: "untag" });
  if (deleted !== undefined) recordImageEvent(engine, { id, labels, action: "delete" });
  return removal;
}

/**
 * Removes images that nothing uses.
 *
 * @param isUnwanted Whether an image that no container was made from may go.
 * @throws {WherryError} `corrupt` if an image's documents are damaged: then nothing is removed.
 */
export function pruneImages(
  engine: Engine,
  isUnwanted: (image: ListedImage) => boolean,
): PrunedImages {
  engine.ensureDirectories();
  const use = (): ImageUse => new ContainersUse(engine);
  const pruned = pruneStore(imagePaths(engine), { use, isUnwanted });
  for (const { id, references, config: { process: { labels } } } of pruned.removed) {
    for (const _reference of references) recordImageEvent(engine, { id, labels, action: "untag" });
    recordImageEvent(engine, { id, labels, action: "delete" });
  }
  return pruned;
}

/**
 * Removes what killed imports and removals left in the image store, and what no image or container needs.
 *
 * @throws {WherryError} `corrupt` if an image's documents are damaged: then only unfinished work is removed.
 */
export function recoverImages(engine: Engine): Sweep {
  engine.ensureDirectories();
  return sweepImages(imagePaths(engine), () => new ContainersUse(engine));
}

/** Removes what killed commands left in the image store. */
function sweep(engine: Engine): void {
  try {
    sweepImages(imagePaths(engine), () => new ContainersUse(engine));
  } catch (error) {
    // Reported when the damaged image is used; it must not keep others from being imported or removed
    if (error instanceof WherryError && error.kind === "corrupt") return;
    throw systemFailure(`clean up "${engine.paths.root}"`, error);
  }
}

function imagePaths({ paths }: Engine): ImagePaths {
  return new ImagePaths(paths.root);
}

/** What the containers need of the image store. */
class ContainersUse implements ImageUse {
  readonly #engine: Engine;
  readonly #uses: ContainerUse[];

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#uses = listIds(engine).flatMap((id) => readUse(engine, id) ?? []);
  }

  usersOf(id: ImageId): ImageUser[] {
    return this.#uses
      .filter(({ root }) => root?.type === "image" && root.imageId === id)
      .map((use) => ({
        name: use.name,
        isRunning: readState(this.#engine.paths.container(use.id)).isRunning,
      }));
  }

  layers(): ChainId[] | undefined {
    if (this.#uses.some(({ root }) => root === undefined)) return undefined;
    return this.#uses.flatMap(({ root }) =>
      root?.type === "image"
        ? root.layers.map((hex) => digestFromHex(hex) as string as ChainId)
        : []
    );
  }
}

/** What one container stands on. */
interface ContainerUse {
  id: string;
  name: string;
  /** Not known if its record is damaged. */
  root: RootSource | undefined;
}

/**
 * Reads what a container stands on.
 *
 * A damaged record is reported by `ps`. Here it must not keep images from being removed, but nobody may take away
 * what its container stands on.
 */
function readUse({ paths }: Engine, id: string): ContainerUse | undefined {
  const unknown = { id, name: shortId(id), root: undefined };
  try {
    const config = readContainerConfig(paths.container(id));
    // An emptied record of a container that runs, and not the start of one that was never finished
    return config ?? (isLocked(paths.container(id).lock) ? unknown : undefined);
  } catch (error) {
    if (error instanceof WherryError && error.kind === "corrupt") return unknown;
    throw error;
  }
}
