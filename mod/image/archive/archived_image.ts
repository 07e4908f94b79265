/** What an archive says of the images in it, in whatever format. @module */

import { ArchiveError } from "../tar/archive_error.ts";
import type { ArchivedBlob } from "./archive_files.ts";
import { formatPlatform, type Platform } from "../spec/platform.ts";
import { parseReference, type Reference } from "../spec/reference.ts";

/** An image as an archive has it. Nothing of it has been verified. */
export interface ArchivedImage {
  /** Its manifest, which is stored as it is; `undefined` if the archive has none, and one is made. */
  manifest: ArchivedManifest | undefined;
  config: ArchivedBlob;
  /** Base layer first. */
  layers: readonly ArchivedBlob[];
  /** Names, each with a tag. */
  references: readonly Reference[];
}

/** A manifest of an archive. */
export interface ArchivedManifest {
  blob: ArchivedBlob;
  mediaType: string;
}

/** Most images of one archive. */
const MAX_IMAGES = 1_000;

/**
 * Makes sure that somebody who made an archive cannot keep the loading busy for hours.
 *
 * @throws {ArchiveError} If there are none, or too many.
 */
export function checkImageCount(count: number): void {
  if (count === 0) throw new ArchiveError("it holds no image");
  if (count > MAX_IMAGES) throw new ArchiveError(`it holds more than ${MAX_IMAGES} images`);
}

/**
 * What an archive calls an image, as a reference with a tag; a digest is left out: it says nothing about an archive.
 *
 * @returns `undefined` if there is only a digest.
 * @throws {WherryError} `invalid_argument` if it is no reference.
 */
export function parseArchivedName(name: string): Reference | undefined {
  const { tag, ...rest } = parseReference(name);
  return tag === undefined ? undefined : { ...rest, tag, digest: undefined };
}

/** Complains that an archive has no image for a platform, and says what it has. */
export function refusePlatform(wanted: Platform, offered: readonly Platform[]): never {
  const list = [...new Set(offered.map(formatPlatform))].join(", ");
  throw new ArchiveError(
    `it has no image for ${formatPlatform(wanted)}, only for ${list === "" ? "none" : list}`,
    "unsupported",
    { hint: "Choose another with --platform" },
  );
}
