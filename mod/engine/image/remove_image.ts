/** Names of images, and removing images. @module */

import { ImageDocuments } from "../../image/store/image_documents.ts";
import { ImagePaths } from "../../image/store/image_paths.ts";
import {
  type PrunedImage,
  pruneImages as pruneStore,
  type PruneOptions,
} from "../../image/store/image_prune.ts";
import { type Removal, removeImage as removeFromStore } from "../../image/store/image_removal.ts";
import { tagImage as tagInStore } from "../../image/store/image_tag.ts";
import { getImage } from "../../image/store/images.ts";
import { formatFamiliar, parseReference } from "../../image/spec/reference.ts";
import { removeAbandonedPartials } from "../../image/registry/partial_blob.ts";
import { removeAbandonedStaging } from "../../image/store/staging.ts";
import { type Engine, systemFailure } from "../base/engine.ts";
import { recordImageEvent, recordPrune } from "../base/events.ts";
import { ContainersUse } from "./image_use.ts";
import { noteKept } from "./images.ts";
import { isPrunable, type PruneFilter, type PruneResult } from "../base/prunable.ts";

/**
 * Gives an image one more name, and takes that name away from the image that had it.
 *
 * @param wanted The image: a reference, an id or the beginning of an id.
 * @param target What to call it; `latest` is its tag if it has none.
 * @throws {WherryError} `not_found` if there is no such image, `invalid_argument` for a name that is none.
 */
export function tagImage(engine: Engine, wanted: string, target: string): void {
  const reference = parseReference(target);
  engine.ensureDirectories();
  const paths = new ImagePaths(engine.paths.root);
  tagInStore(paths, wanted, reference);
  const { id, config } = getImage(paths, wanted);
  const { labels } = config.process;
  recordImageEvent(engine, { id, labels, action: "tag", name: formatFamiliar(reference) });
}

/** What the removal of an image did. */
export interface ImageRemoval {
  /** References that were taken away, as people write them. */
  untagged: string[];
  /** Digests of the image, if it is gone, and of its layers that went with it, top layer first. */
  deleted: string[];
}

/** Removes images one after the other; what the first one needs to find out serves the others, too. */
export class ImageRemover {
  readonly #engine: Engine;
  readonly #paths: ImagePaths;
  readonly #documents: ImageDocuments;

  /** Removes what killed commands have not finished. */
  constructor(engine: Engine) {
    this.#engine = engine;
    this.#paths = new ImagePaths(engine.paths.root);
    this.#documents = new ImageDocuments(this.#paths);
    engine.ensureDirectories();
    removeAbandonedStaging(this.#paths);
  }

  /**
   * Removes a reference, and the image with it when it was the last one.
   *
   * @param wanted A reference, or an image's id or the beginning of one.
   * @throws {WherryError} `not_found`; `conflict` if a container was made from it or it has other names; `corrupt` for
   * a damaged one if that is not forced.
   */
  remove(wanted: string, { isForced }: { isForced: boolean }): ImageRemoval {
    const removal = this.#removeFromStore(wanted, isForced);
    const { id, labels, untagged, deleted, deletedLayers, damaged } = removal;
    for (const _reference of untagged) {
      recordImageEvent(this.#engine, { id, labels, action: "untag" });
    }
    if (deleted !== undefined) recordImageEvent(this.#engine, { id, labels, action: "delete" });
    noteKept(this.#engine, damaged);
    return {
      untagged: untagged.map(formatFamiliar),
      deleted: deleted === undefined ? [] : [deleted, ...deletedLayers],
    };
  }

  #removeFromStore(wanted: string, isForced: boolean): Removal {
    try {
      return removeFromStore(this.#paths, wanted, {
        isForced,
        use: () => new ContainersUse(this.#engine),
        documents: this.#documents,
      });
    } catch (error) {
      throw systemFailure(`remove image "${wanted}"`, error);
    }
  }
}

/** When an image was made that does not say so: Go's zero time, as for docker. */
const BEFORE_ALL = "0001-01-01T00:00:00Z";

/** Which images nobody wants. */
export interface ImagePruneOptions {
  /** By age and labels. */
  filter: PruneFilter;
  /** Whether also those with a name go that no container was made from, and not only those without. */
  isNamedToo: boolean;
  /** Whether damaged ones may go: of them neither age nor labels are known. */
  isDamagedToo: boolean;
}

/**
 * Removes images that nothing uses, and all else in the store that nothing needs: the beginnings of blobs, too, that
 * no pull is working on.
 *
 * @returns Lines as docker's prune has them, `untagged: NAME` and `deleted: DIGEST`.
 */
export function pruneImages(
  engine: Engine,
  { filter, isNamedToo, isDamagedToo }: ImagePruneOptions,
): PruneResult {
  engine.ensureDirectories();
  const isNameless = ({ references }: { references: readonly unknown[] }): boolean =>
    isNamedToo || references.length === 0;
  const { removed, reclaimedBytes, damaged } = pruneIn(engine, {
    use: () => new ContainersUse(engine),
    isUnwanted: (image) =>
      isNameless(image) && isPrunable(filter, {
        createdAt: image.config.created ?? BEFORE_ALL,
        labels: image.config.process.labels,
      }),
    isDamagedUnwanted: (image) => isDamagedToo && isNameless(image),
  });
  for (const image of removed) recordRemoval(engine, image);
  recordPrune(engine, { type: "image", reclaimedBytes });
  noteKept(engine, damaged);
  return { removed: removed.flatMap(describeRemoval), reclaimedBytes, failures: [] };
}

function pruneIn(engine: Engine, options: PruneOptions): ReturnType<typeof pruneStore> {
  try {
    const paths = new ImagePaths(engine.paths.root);
    const pruned = pruneStore(paths, options);
    const partials = removeAbandonedPartials(paths);
    return { ...pruned, reclaimedBytes: pruned.reclaimedBytes + partials.bytes };
  } catch (error) {
    throw systemFailure(`prune the images in "${engine.paths.root}"`, error);
  }
}

function recordRemoval(engine: Engine, { id, labels, untagged }: PrunedImage): void {
  for (const _reference of untagged) recordImageEvent(engine, { id, labels, action: "untag" });
  recordImageEvent(engine, { id, labels, action: "delete" });
}

function describeRemoval({ id, untagged, deletedLayers }: PrunedImage): string[] {
  return [
    ...untagged.map((reference) => `untagged: ${formatFamiliar(reference)}`),
    ...[id, ...deletedLayers].map((digest) => `deleted: ${digest}`),
  ];
}
