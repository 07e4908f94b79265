/**
 * Archives of `docker save`: `manifest.json` names config blobs and layers.
 *
 * Docker before 25 has the layers in `<id>/layer.tar`, podman in `<DiffID>.tar`, others in `<digest>.tar.gz`, docker
 * since 25 in `blobs/sha256/`. There are no manifests in the sense of OCI.
 *
 * @see {@link https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md#combined-image-json--filesystem-changeset-format}
 * @module
 */

import { ArchiveError } from "../tar/archive_error.ts";
import { type ArchivedBlob, type ArchiveFiles, readDocument } from "./archive_files.ts";
import { type ArchivedImage, checkImageCount, parseArchivedName } from "./archived_image.ts";
import { digestFromHex } from "../spec/digest.ts";

/** The document that lists the images. */
export const DOCKER_MANIFEST = "manifest.json";

/**
 * Reads what images a docker archive has.
 *
 * @throws {ArchiveError} If the list is damaged, or there are too many.
 * @throws {WherryError} `corrupt` if it is not JSON, `invalid_argument` if a name is no reference.
 */
export function readDockerArchive(files: ArchiveFiles): ArchivedImage[] {
  return readDocument(files, DOCKER_MANIFEST, parseDockerManifest);
}

function parseDockerManifest(json: unknown): ArchivedImage[] {
  if (!Array.isArray(json)) throw damaged();
  checkImageCount(json.length);
  return json.map(parseImage);
}

function parseImage(json: unknown): ArchivedImage {
  if (typeof json !== "object" || json === null) throw damaged();
  const { Config: config, RepoTags: tags, Layers: layers } = json as Record<string, unknown>;
  const names = tags ?? [];
  if (typeof config !== "string" || !isStrings(layers) || !isStrings(names)) throw damaged();
  return {
    manifest: undefined,
    config: blobAt(config),
    layers: layers.map(blobAt),
    references: names.map(parseArchivedName).filter((reference) => reference !== undefined),
  };
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function damaged(): ArchiveError {
  return new ArchiveError(`damaged ${DOCKER_MANIFEST}`);
}

/** Names that are the digest of what they name. */
const NAMED_BY_DIGEST = /^(?:blobs\/sha256\/([0-9a-f]{64})|([0-9a-f]{64})(?:\.json)?)$/;

function blobAt(path: string): ArchivedBlob {
  const [, blob, file] = NAMED_BY_DIGEST.exec(path) ?? [];
  const hex = blob ?? file;
  return { path, digest: hex === undefined ? undefined : digestFromHex(hex) };
}
