/** Loads archives of images, of every tool. @module */

import { ArchiveError, explainFailure, quoteSource } from "../tar/archive_error.ts";
import type { ArchiveFiles } from "./archive_files.ts";
import type { ArchivedImage } from "./archived_image.ts";
import {
  ArchiveStager,
  type LoadedImage,
  type StageOptions,
  type StagePlaces,
} from "./archive_stager.ts";
import { StoreChangedError } from "../store/commit.ts";
import { DirectoryFiles } from "./directory_files.ts";
import { DOCKER_MANIFEST, readDockerArchive } from "./docker_archive.ts";
import { isDockerDirectory, readDockerDirectory } from "./docker_directory.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import { LAYOUT_INDEX, LAYOUT_MARKER, readOciLayout } from "./oci_layout.ts";
import type { Reference } from "../spec/reference.ts";
import type { ByteSource } from "../tar/source.ts";
import { Staging } from "../store/staging.ts";
import { StreamedFiles } from "./streamed_files.ts";

/** Where images come from: a stream, or the path of a directory. */
export type ImageSource = ByteSource | string;

/** What to load. */
export interface LoadOptions extends StageOptions {
  /** Where the archive comes from, for messages. */
  sourceName: string;
  /** Repository of images that have only a tag. @default {they count as nameless} */
  repository?: Reference | undefined;
  /** Only the image that an OCI layout calls so. @default {all} */
  name?: string | undefined;
}

/**
 * Loads the images of an archive, plain or compressed: docker's and podman's, OCI's, and what is both; or those of a
 * directory that is an OCI layout or one of skopeo's.
 *
 * Files of a stream go to the staging area while it is read, so it may come from a pipe; they become the store's own
 * by being renamed. What the store has already is neither written nor unpacked again. Every digest is verified, and
 * manifests are kept byte for byte. All images are named at once at the end; on failure the store is as it was.
 *
 * @param source Read to its end; the caller closes it.
 * @returns The images, in the archive's order.
 * @throws {WherryError} `corrupt` if the archive is damaged or a digest does not match; `unsupported` if what it holds
 * is no image, or none for the platform, or more than may be unpacked; `unavailable` if there is no room.
 */
export async function loadArchive(
  paths: ImagePaths,
  source: ImageSource,
  options: LoadOptions,
): Promise<LoadedImage[]> {
  try {
    using staging = Staging.open(paths);
    const files = await openFiles(source, { paths, staging, maxBytes: options.maxUnpackedBytes });
    const images = await readImages(files, options);
    return await bringIn({ paths, staging, files }, images, options);
  } catch (error) {
    throw explainFailure(`load ${quoteSource(options.sourceName)}`, error);
  }
}

async function openFiles(
  source: ImageSource,
  target: { paths: ImagePaths; staging: Staging; maxBytes: number | undefined },
): Promise<ArchiveFiles> {
  if (typeof source !== "string") return await StreamedFiles.read(source, target);
  return new DirectoryFiles(source, target);
}

/** Reads what there is by the best description: that with the digests. */
async function readImages(
  files: ArchiveFiles,
  options: LoadOptions,
): Promise<readonly ArchivedImage[]> {
  if (isOciLayout(files)) return await readOciLayout(files, options);
  if (options.name !== undefined) throw new ArchiveError("not an OCI layout, which has names");
  if (!files.has(DOCKER_MANIFEST)) {
    throw new ArchiveError(`not an archive of images: it has no ${LAYOUT_INDEX} or manifest.json`);
  }
  return isDockerDirectory(files) ? [readDockerDirectory(files)] : readDockerArchive(files);
}

function isOciLayout(files: ArchiveFiles): boolean {
  return files.has(LAYOUT_MARKER) && files.has(LAYOUT_INDEX);
}

/** Begins again without the store's layers when one has been removed meanwhile. */
async function bringIn(
  places: StagePlaces,
  images: readonly ArchivedImage[],
  options: LoadOptions,
): Promise<LoadedImage[]> {
  try {
    return await new ArchiveStager(places, { ...options, mayReuseLayers: true }).bringIn(images);
  } catch (error) {
    if (!(error instanceof StoreChangedError)) throw error;
    return await new ArchiveStager(places, { ...options, mayReuseLayers: false }).bringIn(images);
  }
}
