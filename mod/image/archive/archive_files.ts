/** The files of an archive of images, wherever they are. @module */

import { ArchiveError } from "../tar/archive_error.ts";
import { DigestMismatchError, parseJson, type StagedBlob } from "../store/blob_store.ts";
import { textOf } from "../tar/byte_string.ts";
import type { Digest } from "../spec/digest.ts";
import { MAX_DOCUMENT_SIZE } from "../spec/oci.ts";
import { BLOCK_SIZE, looksLikeTar, readHeader } from "../tar/tar_header.ts";

/** Files by their path in the archive; `/x`, `./x` and `a/../x` are `x`. */
export interface ArchiveFiles {
  /** Whether there is such a file. */
  has(path: string): boolean;
  /** Size of a file in bytes; `undefined` if there is none. */
  sizeOf(path: string): number | undefined;
  /** Reads a whole file of a few megabytes at most, which must be there. */
  readText(path: string): string;
  /**
   * Puts a file, which must be there, into the staging area, and hashes it.
   *
   * @param expected The digest that it should have. The caller compares, but what the store has under this digest
   * may be taken instead.
   */
  stage(path: string, expected?: Digest): Promise<StagedBlob>;
}

/** A file that an archive refers to. */
export interface ArchivedBlob {
  /** Its path in the archive. */
  path: string;
  /** @default {not said} */
  digest?: Digest | undefined;
  /** In bytes. @default {not said} */
  size?: number | undefined;
}

/**
 * Stages a file and makes sure that it is the one that is meant.
 *
 * @throws {ArchiveError} If it is missing or of another size.
 * @throws {DigestMismatchError} If its digest is another.
 */
export async function stageBlob(
  files: ArchiveFiles,
  { path, digest, size }: ArchivedBlob,
): Promise<StagedBlob> {
  checkSize(files, { path, size });
  const blob = await files.stage(path, digest);
  if (digest !== undefined && digest !== blob.digest) {
    throw new DigestMismatchError(`"${path}"`, digest, blob.digest);
  }
  return blob;
}

function checkSize(files: ArchiveFiles, { path, size }: ArchivedBlob): void {
  const actual = files.sizeOf(path);
  if (actual === undefined) throw new ArchiveError(`it has no file "${path}"`);
  if (size === undefined || size === actual) return;
  throw new ArchiveError(`"${path}" is ${actual} bytes long, not ${size}`);
}

/**
 * Reads a JSON document of an archive.
 *
 * @param parse Checks the untrusted JSON; may throw.
 * @throws {ArchiveError} If it is missing or too large.
 * @throws {WherryError} `corrupt` if it is not JSON, or whatever `parse` throws.
 */
export function readDocument<T>(
  files: ArchiveFiles,
  path: string,
  parse: (json: unknown) => T,
): T {
  checkDocumentSize(files, path);
  return parseJson(files.readText(path), path, parse);
}

/**
 * Reads a JSON document, after making sure that it is the one that is meant.
 *
 * @throws As {@linkcode stageBlob} and {@linkcode readDocument}.
 */
export async function readVerifiedDocument<T>(
  files: ArchiveFiles,
  blob: ArchivedBlob,
  parse: (json: unknown) => T,
): Promise<T> {
  checkDocumentSize(files, blob.path);
  const staged = await stageBlob(files, blob);
  return parseJson(Deno.readTextFileSync(staged.path), blob.path, parse);
}

function checkDocumentSize(files: ArchiveFiles, path: string): void {
  const size = files.sizeOf(path);
  if (size === undefined) throw new ArchiveError(`it has no file "${path}"`);
  if (size <= MAX_DOCUMENT_SIZE) return;
  throw new ArchiveError(`"${path}" is larger than ${MAX_DOCUMENT_SIZE} bytes`);
}

/** Top-level names of docker archives and OCI image layouts. */
const ARCHIVE_NAME =
  /^(?:blobs|oci-layout|index\.json|manifest\.json|repositories|(?:sha256:)?[0-9a-f]{64}(?:\.json|\.tar|\.tar\.gz)?)(?:\/|$)/;

/**
 * Tells an archive of images from the tar of a root file system by the name of its first entry.
 *
 * @returns `undefined` for the directory that all else is in, which says nothing.
 */
export function isImageArchiveName(path: string): boolean | undefined {
  const normal = normalise(path);
  return normal === "" ? undefined : ARCHIVE_NAME.test(normal);
}

/**
 * Tells an archive of images from the tar of a root file system by its first entries.
 *
 * @param start First bytes of the uncompressed stream.
 */
export function looksLikeImageArchive(start: Uint8Array): boolean {
  for (let at = 0; looksLikeTar(start.subarray(at)); at += BLOCK_SIZE) {
    const verdict = isImageArchiveName(textOf(readHeader(start.subarray(at)).name));
    if (verdict !== undefined) return verdict;
  }
  return false;
}

/** Removes `.`, `..` and doubled slashes; `..` never leads above the archive. */
export function normalise(path: string): string {
  const components: string[] = [];
  for (const component of path.split("/")) {
    if (component === "..") components.pop();
    else if (component !== "" && component !== ".") components.push(component);
  }
  return components.join("/");
}
