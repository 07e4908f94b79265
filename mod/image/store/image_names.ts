/** What an image is called: pure functions on its entries in the index. @module */

import {
  referenceOf,
  REPOSITORY_DIGEST_ANNOTATION,
  repositoryDigestOf,
  withoutReference,
} from "./image_index.ts";
import type { Descriptor } from "../spec/oci.ts";
import {
  formatReference,
  formatRepository,
  parseReference,
  type Reference,
} from "../spec/reference.ts";

/** All references to one image, each sorted by its full form. */
export interface ImageNames {
  /** Those with a tag. */
  tags: readonly Reference[];
  /** Those with the digest by which a registry has it, and without a tag. */
  digests: readonly Reference[];
}

/** Reads the names off all entries of one image. */
export function namesOf(entries: readonly Descriptor[]): ImageNames {
  return {
    tags: sortUnique(entries.flatMap((entry) => tagOf(entry) ?? [])),
    digests: sortUnique(entries.flatMap((entry) => repositoryDigestOf(entry) ?? [])),
  };
}

/** All names together, in the order of their full forms. */
export function allNames({ tags, digests }: ImageNames): Reference[] {
  return sortUnique([...tags, ...digests]);
}

function sortUnique(references: readonly Reference[]): Reference[] {
  const byName = new Map(references.map((reference) => [formatReference(reference), reference]));
  return Array.from(byName).toSorted(([a], [b]) => a < b ? -1 : 1).map(([, one]) => one);
}

/** The reference of an entry if it has a tag and no digest. */
function tagOf(entry: Descriptor): Reference | undefined {
  const name = referenceOf(entry);
  const reference = name === undefined ? undefined : parseReference(name);
  return reference?.digest === undefined ? reference : undefined;
}

/** Whether all names are of one repository and at most one of them is a tag: then there is no choice among them. */
export function isSingleName(names: ImageNames): boolean {
  const repositories = new Set(allNames(names).map(formatRepository));
  return repositories.size === 1 && names.tags.length <= 1;
}

/**
 * Takes one name away from an image.
 *
 * Digests stay as long as their repository has a tag for the image, and go with the last one.
 *
 * @param entries All entries of the image.
 * @param name One of {@linkcode namesOf}.
 * @returns The entries that are left; none if that was the last name.
 */
export function withoutName(entries: readonly Descriptor[], name: Reference): Descriptor[] {
  const text = formatReference(name);
  const rest = entries.filter((entry) => referenceOf(entry) !== text);
  if (name.digest !== undefined) {
    return rest.map((entry) => isDigestOf(entry, text) ? withoutRepositoryDigest(entry) : entry);
  }
  const removed = entries.find((entry) => referenceOf(entry) === text);
  return passOn(rest, removed?.annotations[REPOSITORY_DIGEST_ANNOTATION], name)
    .filter(isTaggedIn(rest, name));
}

function isDigestOf(entry: Descriptor, text: string): boolean {
  const digest = repositoryDigestOf(entry);
  return digest !== undefined && formatReference(digest) === text;
}

function withoutRepositoryDigest(entry: Descriptor): Descriptor {
  const { [REPOSITORY_DIGEST_ANNOTATION]: _, ...annotations } = entry.annotations;
  return { ...entry, annotations };
}

/** Gives the digest of a tag that goes to another tag of its repository, if that has none. */
function passOn(
  entries: readonly Descriptor[],
  digest: string | undefined,
  name: Reference,
): Descriptor[] {
  const heir = digest === undefined
    ? undefined
    : entries.find((entry) =>
      isOfRepository(entry, name) && tagOf(entry) !== undefined &&
      repositoryDigestOf(entry) === undefined
    );
  if (digest === undefined || heir === undefined) return [...entries];
  const annotations = { ...heir.annotations, [REPOSITORY_DIGEST_ANNOTATION]: digest };
  return entries.map((entry) => entry === heir ? { ...entry, annotations } : entry);
}

/** Keeps entries that have nothing but a digest only while a tag of their repository is left. */
function isTaggedIn(
  entries: readonly Descriptor[],
  name: Reference,
): (entry: Descriptor) => boolean {
  const isTagged = entries.some((entry) =>
    isOfRepository(entry, name) && tagOf(entry) !== undefined
  );
  return (entry) => isTagged || !isOfRepository(entry, name);
}

function isOfRepository(entry: Descriptor, name: Reference): boolean {
  const own = referenceOf(entry);
  return own !== undefined &&
    formatRepository(parseReference(own)) === formatRepository(name);
}

/** An entry of an image that lost all its names and stays. */
export function nameless(entry: Descriptor): Descriptor {
  return withoutReference(withoutRepositoryDigest(entry));
}
