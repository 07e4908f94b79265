/** How an image was made. @module */

import { chainIds } from "../../image/spec/digest.ts";
import { ImagePaths } from "../../image/store/image_paths.ts";
import { getImage } from "../../image/store/images.ts";
import { LayerSizes } from "../../image/store/layer_sizes.ts";
import type { HistoryEntry, ImageConfig } from "../../image/spec/oci.ts";
import type { Engine } from "../base/engine.ts";

/** One step of how an image was made. */
export interface HistoryStep {
  /** The image for the last step; `undefined` for others, which are no images of their own. */
  id: string | undefined;
  /** RFC 3339; `undefined` if the image does not say. */
  created: string | undefined;
  /** Command that did it. */
  createdBy: string;
  /** Bytes of the files of its layer; 0 if it made none. */
  sizeBytes: number;
  /** What who made it wrote about it. */
  comment: string;
}

/**
 * Tells how an image was made, the last step first.
 *
 * @param wanted A reference, an id or the beginning of an id.
 * @throws {WherryError} `not_found` if there is none, `corrupt` if its documents are damaged.
 */
export function readHistory(engine: Engine, wanted: string): HistoryStep[] {
  const paths = new ImagePaths(engine.paths.root);
  const { id, config } = getImage(paths, wanted);
  using sizes = new LayerSizes(paths);
  const layerSizes = chainIds(config.diffIds).map((layer) => sizes.find(layer) ?? 0);
  return describeHistory(config, layerSizes)
    .map((step, index) => ({ ...step, id: index === 0 ? id : undefined }));
}

/**
 * Joins the steps of a history with the layers that they made. Pure.
 *
 * @param layerSizes Base layer first. What a history leaves out made the lowest layers or the uppermost ones: nobody
 * can tell which, and docker counts from below.
 */
export function describeHistory(
  { history }: Pick<ImageConfig, "history">,
  layerSizes: readonly number[],
): Omit<HistoryStep, "id">[] {
  let layer = 0;
  const sizeOf = ({ isEmptyLayer }: HistoryEntry): number =>
    isEmptyLayer ? 0 : layerSizes[layer++] ?? 0;
  return history.map((entry) => {
    const { created, createdBy, comment } = entry;
    return { created, createdBy, comment, sizeBytes: sizeOf(entry) };
  }).toReversed();
}
