/** Images out of the store, as archives. @module */

import { ImagePaths } from "../../image/store/image_paths.ts";
import { parsePlatform } from "../../image/spec/platform.ts";
import { type SaveFormat, saveImages as saveFromStore } from "../../image/archive/save.ts";
import type { Engine } from "../base/engine.ts";

/** How to save images. */
export interface SaveImagesOptions {
  /** What to write. @default {"docker-archive"} */
  format?: SaveFormat;
  /** What the images must be for. @default {whatever they are for} */
  platform?: string;
}

/**
 * Writes images as one archive, which docker, podman, skopeo and others read.
 *
 * @param wanted Names or ids.
 * @returns The archive, in pieces that are valid for a while only: use each before the next but fifteen.
 * @throws {WherryError} While iterating: `not_found` if there is no such image, or it is for another platform.
 */
export function saveImages(
  engine: Engine,
  wanted: readonly string[],
  { format, platform }: SaveImagesOptions = {},
): AsyncIterable<Uint8Array<ArrayBuffer>> {
  engine.ensureDirectories();
  return saveFromStore(new ImagePaths(engine.paths.root), wanted, {
    format,
    platform: platform === undefined ? undefined : parsePlatform(platform),
  });
}
