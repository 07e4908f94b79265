/** Giving images names. @module */

import { WherryError } from "../../errors.ts";
import {
  addManifest,
  lockImages,
  readIndex,
  referenceOf,
  REPOSITORY_DIGEST_ANNOTATION,
  TAG_TIME_ANNOTATION,
  writeIndex,
} from "./image_index.ts";
import type { ImagePaths } from "./image_paths.ts";
import { getEntry } from "./images.ts";
import type { Descriptor } from "../spec/oci.ts";
import { formatRepository, parseReference, type Reference } from "../spec/reference.ts";

/** A reference of `sha256:…` could be read as an id. */
const DIGEST_ALGORITHMS = ["docker.io/library/sha256", "docker.io/library/sha512"];

/**
 * Gives an image one more reference, taking it away from the image that had it. Durable, and all or nothing.
 *
 * @param text The image, as a person types it.
 * @param reference With a tag and without a digest.
 * @throws {WherryError} `not_found` if there is no such image; `invalid_argument` if the reference has a digest or
 * could be taken for one.
 */
export function tagImage(paths: ImagePaths, text: string, reference: Reference): void {
  checkTag(reference);
  using _lock = lockImages(paths, "exclusive");
  const index = readIndex(paths);
  const entry = getEntry(paths, index, text);
  writeIndex(paths, addManifest(index, entryFor(entry, reference), [reference]));
}

/**
 * Reads the name that an image is to get.
 *
 * @param text As a person types it.
 * @throws {WherryError} `invalid_argument` if it is malformed, has a digest or could be taken for one.
 */
export function parseNewName(text: string): Reference {
  const reference = parseReference(text);
  checkTag(reference);
  return reference;
}

function checkTag(reference: Reference): void {
  if (reference.digest !== undefined) {
    throw refusal("refusing to create a tag with a digest reference");
  }
  if (DIGEST_ALGORITHMS.includes(formatRepository(reference))) {
    throw refusal("refusing to create an ambiguous tag using digest algorithm as name");
  }
}

function refusal(dockerWords: string): WherryError {
  return new WherryError("invalid_argument", dockerWords);
}

/** What a repository calls an image by its digest is true of that repository only. */
function entryFor(entry: Descriptor, reference: Reference): Descriptor {
  const { [REPOSITORY_DIGEST_ANNOTATION]: digest, ...others } = entry.annotations;
  const name = referenceOf(entry);
  const isSameRepository = name !== undefined &&
    formatRepository(parseReference(name)) === formatRepository(reference);
  const annotations = { ...others, [TAG_TIME_ANNOTATION]: new Date().toISOString() };
  if (digest === undefined || !isSameRepository) return { ...entry, annotations };
  return { ...entry, annotations: { ...annotations, [REPOSITORY_DIGEST_ANNOTATION]: digest } };
}
