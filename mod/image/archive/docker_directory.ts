/**
 * Directories as skopeo's `dir:` and podman's `docker-dir` write them: a manifest called `manifest.json`, and blobs
 * that are called after their digests.
 *
 * @see {@link https://github.com/containers/image/blob/v5.23.1/docs/containers-transports.5.md}
 * @module
 */

import { ArchiveError } from "../tar/archive_error.ts";
import { type ArchivedBlob, type ArchiveFiles, readDocument } from "./archive_files.ts";
import type { ArchivedImage } from "./archived_image.ts";
import { DOCKER_MANIFEST } from "./docker_archive.ts";
import { hexOf } from "../spec/digest.ts";
import { checkManifest } from "../spec/image_manifest.ts";
import { type Descriptor, MANIFEST_TYPES, MEDIA_TYPE, parseManifest } from "../spec/oci.ts";

/** Whether it is such a directory and not a docker archive, whose `manifest.json` is a list. */
export function isDockerDirectory(files: ArchiveFiles): boolean {
  return files.has(DOCKER_MANIFEST) &&
    readDocument(files, DOCKER_MANIFEST, (json) => !Array.isArray(json));
}

/**
 * Reads what image the directory has, which has no name.
 *
 * @throws {ArchiveError} `unsupported` if it is not an image, or one of several platforms.
 * @throws {WherryError} `corrupt` if the manifest is damaged.
 */
export function readDockerDirectory(files: ArchiveFiles): ArchivedImage {
  const { mediaType, manifest } = readDocument(files, DOCKER_MANIFEST, (json) => ({
    mediaType: mediaTypeOf(json),
    manifest: parseManifest(json),
  }));
  checkManifest(manifest);
  return {
    manifest: { blob: { path: DOCKER_MANIFEST }, mediaType },
    config: blobOf(manifest.config),
    layers: manifest.layers.map(blobOf),
    references: [],
  };
}

function mediaTypeOf(json: unknown): string {
  const { mediaType = MEDIA_TYPE.manifest, manifests } = Object(json) as Record<string, unknown>;
  if (manifests !== undefined) {
    throw new ArchiveError("it is a list of images for several platforms", "unsupported", {
      hint: "Have it written as an OCI layout",
    });
  }
  if (typeof mediaType === "string" && MANIFEST_TYPES.includes(mediaType)) return mediaType;
  throw new ArchiveError(`${DOCKER_MANIFEST} is no manifest of an image`, "unsupported");
}

function blobOf({ digest, size }: Descriptor): ArchivedBlob {
  return { path: hexOf(digest), digest, size };
}
