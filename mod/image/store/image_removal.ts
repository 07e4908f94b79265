/** Removing images, by the rules of docker's `rmi`. @module */

import { WherryError } from "../../errors.ts";
import { type ChainId, type Digest, hexOf, type ImageId } from "../spec/digest.ts";
import { ImageDocuments } from "./image_documents.ts";
import { lockImages, readIndex } from "./image_index.ts";
import { type DamagedImage, shownId, sortOut, type StoredImage } from "./image_list.ts";
import { allNames, isSingleName, nameless, namesOf, withoutName } from "./image_names.ts";
import type { ImagePaths } from "./image_paths.ts";
import {
  findGarbage,
  type Garbage,
  type ImageUse,
  type ImageUser,
  shrinkStore,
} from "./image_sweep.ts";
import { getEntry } from "./images.ts";
import type { Descriptor, ImageIndex } from "../spec/oci.ts";
import { formatReference, parseReference, type Reference } from "../spec/reference.ts";
import { Staging } from "./staging.ts";

/** How to remove an image. */
export interface RemoveOptions {
  /** Called while the store is locked, so that the answer stays true. */
  use: () => ImageUse;
  /** Whether to remove also what stopped containers were made from, what has several names, and what is damaged. */
  isForced: boolean;
  /** Who removes several images has their documents read once. @default {new ones} */
  documents?: ImageDocuments;
}

/** What a removal did. */
export interface Removal {
  /** The image, whether it is gone or not. */
  id: ImageId;
  /** The image's labels; none if they cannot be read. */
  labels: Readonly<Record<string, string>>;
  /** References that were taken away. */
  untagged: readonly Reference[];
  /** The image that is gone, if it is; of a damaged one whose id is not known, the digest of its manifest. */
  deleted: ImageId | undefined;
  /** Its layers that went with it, top layer first. */
  deletedLayers: readonly ChainId[];
  /** Images that keep what might be theirs from being removed. */
  damaged: readonly DamagedImage[];
}

/**
 * Removes a reference, and the image with it when it was the last; or an image by id with all its references.
 *
 * Blobs and layers that nothing needs any more are removed too. Killed at any moment, it leaves the image as it was
 * or gone; the next removal or sweep takes what it had no time for.
 *
 * @param text As a person types it.
 * @throws {WherryError} `not_found`; `conflict`, in docker's words, if containers use the image or it has names in
 * several repositories; `corrupt` for a damaged one if that is not forced.
 */
export function removeImage(
  paths: ImagePaths,
  text: string,
  { use, isForced, documents = new ImageDocuments(paths) }: RemoveOptions,
): Removal {
  // Declared first: what the lock covers is moved here, and deleted only after the lock is gone
  using trash = Staging.open(paths);
  using _lock = lockImages(paths, "exclusive");
  const index = readIndex(paths);
  const entry = getEntry(paths, index, text);
  const image = getOwner(sortOut(index, documents), entry.digest);
  const inUse = use();
  const plan = planRemoval(image, { text, isForced, users: usersOf(image, inUse) });
  const remaining = replaceEntries(index, image, plan.entries);
  const garbage = plan.isDeleted
    ? findGarbage(paths, { index: remaining, use: inUse, documents })
    : NO_GARBAGE;
  shrinkStore(paths, { index: remaining, garbage, trash });
  return describeRemoval(image, plan, garbage);
}

const NO_GARBAGE: Garbage = { blobs: [], layers: [], damaged: [] };

type AnyImage = StoredImage | DamagedImage;

/** The image that a manifest belongs to. */
function getOwner(
  { images, damaged }: { images: readonly StoredImage[]; damaged: readonly DamagedImage[] },
  digest: Digest,
): AnyImage {
  const owner = [...images, ...damaged].find(({ entries }) =>
    entries.some((entry) => entry.digest === digest)
  );
  if (owner === undefined) throw new TypeError("Cannot remove an image: no image has its entry");
  return owner;
}

function usersOf({ id }: AnyImage, use: ImageUse): readonly ImageUser[] {
  return id === undefined ? [] : use.usersOf(id);
}

/** Puts `entries` in the place of all that an image has. */
function replaceEntries(
  { manifests }: ImageIndex,
  image: AnyImage,
  entries: readonly Descriptor[],
): ImageIndex {
  return { manifests: [...manifests.filter((item) => !image.entries.includes(item)), ...entries] };
}

/** What is asked for, and what stands against it. */
interface RemovalRequest {
  text: string;
  isForced: boolean;
  users: readonly ImageUser[];
}

/** What will be done. */
interface RemovalPlan {
  untagged: readonly Reference[];
  isDeleted: boolean;
  /** What the image keeps in the index. */
  entries: readonly Descriptor[];
}

/** @see {@link https://github.com/moby/moby/blob/v28.2.2/daemon/images/image_delete.go} */
function planRemoval(image: AnyImage, request: RemovalRequest): RemovalPlan {
  if ("problem" in image && image.id === undefined && !request.isForced) {
    throw new WherryError(
      "corrupt",
      `Cannot remove image "${request.text}": its manifest is damaged, so nobody knows what uses it`,
      { cause: image.problem, hint: "Remove it all the same with -f" },
    );
  }
  const names = namesOf(image.entries);
  const name = nameMeant(request.text, allNames(names));
  if (name !== undefined) return planUntag(image, name, request);
  checkDeletable(image, request, isSingleName(names));
  return { untagged: allNames(names), isDeleted: true, entries: [] };
}

/** @returns `undefined` if the text is an id, or the start of one. */
function nameMeant(text: string, names: readonly Reference[]): Reference | undefined {
  if (/^(?:sha256:)?[0-9a-f]{64}$/.test(text) || text.startsWith("sha256:")) return undefined;
  const { domain, path, tag, digest } = parseReference(text);
  const wanted = formatReference({
    domain,
    path,
    tag: digest === undefined ? tag : undefined,
    digest,
  });
  return names.find((name) => formatReference(name) === wanted);
}

function planUntag(
  image: AnyImage,
  name: Reference,
  { text, isForced, users }: RemovalRequest,
): RemovalPlan {
  const names = namesOf(image.entries);
  const [user] = users;
  if (user !== undefined && !isForced && isSingleName(names)) {
    const dockerWords =
      `conflict: unable to remove repository reference ${JSON.stringify(text)} (must force) - ` +
      `container ${user.name} is using its referenced image ${shortOf(image)}`;
    const hint = `${remedyOf(users)}, or take its name away with -f`;
    throw new WherryError("conflict", dockerWords, { hint });
  }
  const rest = withoutName(image.entries, name);
  const kept = new Set([name, ...allNames(namesOf(rest))].map(formatReference));
  const lost = allNames(names).filter((one) => !kept.has(formatReference(one)));
  const untagged = [name, ...lost];
  if (rest.length > 0) return { untagged, isDeleted: false, entries: rest };
  // A running container keeps its image, without a name
  const isKept = users.some(({ isRunning }) => isRunning);
  const entries = isKept ? image.entries.slice(0, 1).map(nameless) : [];
  return { untagged, isDeleted: !isKept, entries };
}

function checkDeletable(
  image: AnyImage,
  { isForced, users }: RemovalRequest,
  isSingle: boolean,
): void {
  const running = users.find(({ isRunning }) => isRunning);
  const [user] = users;
  if (running !== undefined) {
    throw conflict(image, `image is being used by running container ${running.name}`, {
      force: "cannot be forced",
      hint: remedyOf(users),
    });
  }
  if (isForced) return;
  if (!isSingle && image.references.length + image.repositoryDigests.length > 0) {
    throw conflict(image, "image is referenced in multiple repositories", {
      force: "must be forced",
      hint: "Remove it by its names, or all of them with -f",
    });
  }
  if (user === undefined) return;
  throw conflict(image, `image is being used by stopped container ${user.name}`, {
    force: "must be forced",
    hint: `${remedyOf(users)}, or force it with -f`,
  });
}

function conflict(
  image: AnyImage,
  state: string,
  { force, hint }: { force: string; hint: string },
): WherryError {
  const dockerWords = `conflict: unable to delete ${shortOf(image)} (${force}) - ${state}`;
  return new WherryError("conflict", dockerWords, { hint });
}

function remedyOf(users: readonly ImageUser[]): string {
  const names = users.map(({ name }) => name).join(" ");
  const hasRunning = users.some(({ isRunning }) => isRunning);
  return `Remove what uses it first: wherry rm ${hasRunning ? "-f " : ""}${names}`;
}

const SHORT_ID_LENGTH = 12;

function shortOf(image: AnyImage): string {
  return hexOf(shownId(image)).slice(0, SHORT_ID_LENGTH);
}

function describeRemoval(image: AnyImage, plan: RemovalPlan, garbage: Garbage): Removal {
  const gone = new Set(garbage.layers);
  const layers = "layers" in image ? image.layers.filter((id) => gone.has(hexOf(id))) : [];
  const id = shownId(image);
  return {
    id,
    labels: "config" in image ? image.config.process.labels : {},
    untagged: plan.untagged,
    deleted: plan.isDeleted ? id : undefined,
    deletedLayers: layers.toReversed(),
    damaged: garbage.damaged,
  };
}
