/** Pushing images. @module */

import { WherryError } from "../../errors.ts";
import { readIndex, referenceOf } from "../../image/store/image_index.ts";
import { ImagePaths } from "../../image/store/image_paths.ts";
import { findImage, type Image } from "../../image/store/images.ts";
import {
  formatPlatform,
  isSamePlatform,
  normalisePlatform,
  type Platform,
} from "../../image/spec/platform.ts";
import type { ProgressListener } from "../../image/spec/progress.ts";
import {
  formatFamiliar,
  formatFamiliarRepository,
  formatReference,
  formatRepository,
  parseReference,
  type Reference,
} from "../../image/spec/reference.ts";
import { openRepository } from "../../image/registry/client.ts";
import { type PushedManifest, pushTo } from "../../image/registry/push.ts";
import { readRegistrySettings } from "../../image/registry/settings.ts";
import type { Engine } from "../base/engine.ts";
import { type Environment, OWN_ENVIRONMENT } from "../base/environment.ts";
import { recordImageEvent } from "../base/events.ts";
import { sweep } from "./images.ts";

/** What to push. */
export interface PushImageRequest {
  /** With a tag; where it says, under the name that it says. */
  reference: Reference;
  /** What the image must run on. @default {anything} */
  platform?: Platform | undefined;
  /** Ends it at once; what the registry has by then is not sent again next time. @default {nothing does} */
  signal?: AbortSignal | undefined;
  /** Told what becomes of each layer. */
  onProgress?: ProgressListener | undefined;
  /** The caller's variables, which say where passwords and settings are. @default {this process's} */
  environment?: Environment | undefined;
}

/**
 * The names under which a repository's images are in the store, sorted by tag.
 *
 * @param repository Its tag and its digest do not matter.
 * @throws {WherryError} `not_found` if there are none.
 */
export function findTags({ paths }: Engine, repository: Reference): Reference[] {
  const name = formatRepository(repository);
  const tags = readIndex(new ImagePaths(paths.root)).manifests
    .map(referenceOf).filter((reference) => reference !== undefined).map(parseReference)
    .filter((reference) => formatRepository(reference) === name && reference.tag !== undefined)
    .toSorted((a, b) => (a.tag ?? "") < (b.tag ?? "") ? -1 : 1);
  if (tags.length > 0) return tags;
  throw notLocal(
    `An image does not exist locally with the tag: ${formatFamiliarRepository(repository)}`,
  );
}

/** @param dockerWords Scripts look for them. */
function notLocal(dockerWords: string): WherryError {
  return new WherryError("not_found", dockerWords, {
    hint: "See all images with `wherry images`, and name one with `wherry tag`",
  });
}

/**
 * Pushes an image to the registry that its name begins with.
 *
 * @throws {WherryError} `not_found` if the image, or a part of it, is not in the store, or the registry has no such
 * repository; `invalid_argument` for another platform; `unauthorized`; `unavailable` if the registry does not answer;
 * `corrupt` if the image is damaged.
 * @throws The signal's reason.
 */
export async function pushImage(
  engine: Engine,
  {
    reference,
    platform,
    signal = new AbortController().signal,
    onProgress,
    environment = OWN_ENVIRONMENT,
  }: PushImageRequest,
): Promise<PushedManifest> {
  engine.ensureDirectories();
  sweep(engine);
  const paths = new ImagePaths(engine.paths.root);
  const image = getImage(paths, reference);
  checkPlatform(image, reference, platform);
  using settings = readRegistrySettings(environment);
  const repository = await openRepository(reference, { actions: "push", settings });
  const pushed = await pushTo(repository, paths, { reference, signal, onProgress });
  recordImageEvent(engine, {
    id: formatFamiliar(reference),
    labels: image.config.process.labels,
    action: "push",
    name: formatFamiliarRepository(reference),
  });
  // The plain form of layers that have just been compressed
  sweep(engine);
  return pushed;
}

function getImage(paths: ImagePaths, reference: Reference): Image {
  const image = findImage(paths, formatReference(reference));
  if (image !== undefined) return image;
  throw notLocal(`tag does not exist: ${formatFamiliar(reference)}`);
}

function checkPlatform(
  { config }: Image,
  reference: Reference,
  platform: Platform | undefined,
): void {
  if (platform === undefined || isSamePlatform(config, platform)) return;
  const familiar = formatFamiliar(reference);
  throw new WherryError(
    "invalid_argument",
    `Cannot push "${familiar}": image with reference ${familiar} was found but does not provide ` +
      `the specified platform (${formatPlatform(platform)})`,
    { hint: `It is for ${formatPlatform(normalisePlatform(config))}` },
  );
}
