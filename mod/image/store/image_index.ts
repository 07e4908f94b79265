/**
 * `index.json`: which images there are, and by what references.
 *
 * Each reference has an entry of its own, annotated with the reference in
 * full. An image that lost its last reference keeps one entry without.
 *
 * @module
 */

import type { Descriptor as FileDescriptor } from "../../../ffi/descriptor.ts";
import { isPresent } from "../../kernel/entry.ts";
import { acquireLock } from "../../store/lock.ts";
import { readRecord, writeRecord } from "../../store/record.ts";
import { parseDigest } from "../spec/digest.ts";
import type { ImagePaths } from "./image_paths.ts";
import {
  type Descriptor,
  formatImageIndex,
  type ImageIndex,
  parseImageIndex,
} from "../spec/oci.ts";
import { formatReference, parseReference, type Reference } from "../spec/reference.ts";

/** Annotation that holds an entry's reference, in full. */
export const REFERENCE_ANNOTATION = "org.opencontainers.image.ref.name";

/** Annotation of an entry: bytes of all layers, uncompressed, in decimal. */
export const SIZE_ANNOTATION = "io.wherry.image.size";

/**
 * Annotation of an entry that came from a registry or went to one: digest of the manifest or index there, by which the
 * repository of the entry's reference has it.
 */
export const REPOSITORY_DIGEST_ANNOTATION = "io.wherry.image.repository-digest";

/** Annotation of an entry: when its reference was given to the image here, RFC 3339. */
export const TAG_TIME_ANNOTATION = "io.wherry.image.tagged-at";

/**
 * Reads the list of images. Takes no lock: the file is only ever replaced as a whole.
 *
 * @returns An empty list if there is no store yet.
 * @throws {WherryError} `corrupt` if the file is damaged.
 */
export function readIndex(paths: ImagePaths): ImageIndex {
  return readRecord(paths.index, parseImageIndex) ?? { manifests: [] };
}

/** Replaces the list of images, durably. Call it with the store locked. */
export function writeIndex(paths: ImagePaths, index: ImageIndex): void {
  if (!isPresent(paths.layoutMarker)) {
    writeRecord(paths.layoutMarker, { imageLayoutVersion: "1.0.0" }, { isDurable: false });
  }
  writeRecord(paths.index, formatImageIndex(index), { isDurable: true });
}

/**
 * Locks the whole image store against changes, waiting for whoever is changing it: milliseconds.
 *
 * @param mode `shared` keeps images from being removed between finding one and recording its use.
 * @returns Dispose of it to let go.
 */
export function lockImages(paths: ImagePaths, mode: "shared" | "exclusive"): FileDescriptor {
  return acquireLock(paths.lock, mode);
}

/** The reference of an entry, in full; `undefined` for an image that has none. */
export function referenceOf(entry: Descriptor): string | undefined {
  return entry.annotations[REFERENCE_ANNOTATION];
}

/** The repository of an entry's reference, with the digest by which it has the image. */
export function repositoryDigestOf(entry: Descriptor): Reference | undefined {
  const name = referenceOf(entry);
  if (name === undefined) return undefined;
  const { domain, path, digest } = parseReference(name);
  const known = digest ?? entry.annotations[REPOSITORY_DIGEST_ANNOTATION];
  if (known === undefined) return undefined;
  return { domain, path, tag: undefined, digest: parseDigest(known) };
}

/** The same entry for an image without a name. */
export function withoutReference(entry: Descriptor): Descriptor {
  const { [REFERENCE_ANNOTATION]: _, ...annotations } = entry.annotations;
  return { ...entry, annotations };
}

function withReference(entry: Descriptor, reference: string): Descriptor {
  return { ...entry, annotations: { ...entry.annotations, [REFERENCE_ANNOTATION]: reference } };
}

/**
 * Takes a reference away from the image that has it, for another one.
 *
 * The image stays: by the digest by which a registry has it, or without a name if it has no other.
 *
 * @param isTaken Whether the other image has a reference now.
 */
function removeReference(
  { manifests }: ImageIndex,
  reference: string,
  isTaken: (reference: string) => boolean,
): ImageIndex {
  const entry = manifests.find((item) => referenceOf(item) === reference);
  if (entry === undefined) return { manifests };
  const rest = manifests.filter((item) => item !== entry);
  const digest = repositoryDigestOf(entry);
  const name = digest === undefined ? reference : formatReference(digest);
  if (!isTaken(name) && !rest.some((item) => referenceOf(item) === name)) {
    return { manifests: [...rest, withReference(entry, name)] };
  }
  const isLast = !rest.some((item) => item.digest === entry.digest);
  return { manifests: isLast ? [...rest, withoutReference(entry)] : rest };
}

/**
 * Adds an image under its references; they are taken away from other images.
 *
 * @param entry Descriptor of the manifest.
 * @param references None for an image without a name.
 */
export function addManifest(
  index: ImageIndex,
  entry: Descriptor,
  references: readonly Reference[],
): ImageIndex {
  const names = references.map(formatReference);
  const isReplaced = (item: Descriptor): boolean =>
    item.digest === entry.digest && names.includes(referenceOf(item) ?? "");
  const kept: ImageIndex = { manifests: index.manifests.filter((item) => !isReplaced(item)) };
  const added = names.map((name) => withReference(entry, name));
  const digests = added.flatMap((item) => repositoryDigestOf(item) ?? []).map(formatReference);
  const isTaken = (name: string): boolean => names.includes(name) || digests.includes(name);
  const { manifests } = names.reduce((left, name) => removeReference(left, name, isTaken), kept);
  const isNamed = (item: Descriptor): boolean => referenceOf(item) !== undefined;
  const others = manifests.filter((item) => item.digest !== entry.digest || isNamed(item));
  const isKnown = others.some(({ digest }) => digest === entry.digest);
  if (added.length === 0 && !isKnown) added.push(withoutReference(entry));
  return { manifests: [...others, ...added] };
}
