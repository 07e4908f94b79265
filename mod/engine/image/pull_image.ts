/** Pulling images. @module */

import { ImagePaths } from "../../image/store/image_paths.ts";
import type { Platform } from "../../image/spec/platform.ts";
import type { ProgressListener } from "../../image/spec/progress.ts";
import {
  formatFamiliar,
  formatFamiliarRepository,
  type Reference,
} from "../../image/spec/reference.ts";
import { openRepository } from "../../image/registry/client.ts";
import { type PulledImage, pullFrom } from "../../image/registry/pull.ts";
import { readRegistrySettings } from "../../image/registry/settings.ts";
import type { Engine } from "../base/engine.ts";
import { type Environment, OWN_ENVIRONMENT } from "../base/environment.ts";
import { recordImageEvent } from "../base/events.ts";
import { sweep } from "./images.ts";

/** What to pull. */
export interface PullImageRequest {
  /** A digest in it counts, and not the tag beside it. */
  reference: Reference;
  /** What it is to run on. @default {this machine} */
  platform?: Platform | undefined;
  /** Most bytes that the layers which are not here may unpack to. @default {no limit} */
  maxUnpackedBytes?: number | undefined;
  /** Ends it at once; what has been fetched is kept for the next time. @default {nothing does} */
  signal?: AbortSignal | undefined;
  /** Told when the registry has answered. */
  onNamed?: (() => void) | undefined;
  /** Told what becomes of each layer. */
  onProgress?: ProgressListener | undefined;
  /** The caller's variables, which say where passwords and settings are. @default {this process's} */
  environment?: Environment | undefined;
}

/**
 * All tags of a repository, in the registry's order.
 *
 * @param reference Its tag and its digest do not matter.
 * @throws {WherryError} `not_found` if there is no such repository, `unauthorized`, `unavailable`.
 */
export async function listRemoteTags(
  reference: Reference,
  { environment = OWN_ENVIRONMENT, signal = new AbortController().signal }: Pick<
    PullImageRequest,
    "environment" | "signal"
  > = {},
): Promise<string[]> {
  using settings = readRegistrySettings(environment);
  const repository = await openRepository(reference, { actions: "pull", settings });
  return await Array.fromAsync(repository.listTags({ signal }));
}

/**
 * Pulls an image, or finds out that it is here already.
 *
 * @throws {WherryError} `not_found` if the registry lacks it, or has none for the platform; `unauthorized`;
 * `unavailable` if the registry does not answer or the disk is full; `corrupt` or `unsupported` for what is not a
 * sound image. Then everything is as it was, but for beginnings of blobs.
 * @throws The signal's reason.
 */
export async function pullImage(
  engine: Engine,
  {
    environment = OWN_ENVIRONMENT,
    signal = new AbortController().signal,
    ...request
  }: PullImageRequest,
): Promise<PulledImage> {
  engine.ensureDirectories();
  sweep(engine);
  using settings = readRegistrySettings(environment);
  const repository = await openRepository(request.reference, { actions: "pull", settings });
  const paths = new ImagePaths(engine.paths.root);
  const pulled = await pullFrom(repository, paths, { ...request, signal });
  recordImageEvent(engine, {
    id: formatFamiliar(pulled.reference),
    labels: pulled.labels,
    action: "pull",
    name: formatFamiliarRepository(pulled.reference),
  });
  return pulled;
}
