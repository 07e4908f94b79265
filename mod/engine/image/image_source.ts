/** What a container takes from its image. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import type { RootSource } from "../../container/record/config.ts";
import { WherryError } from "../../errors.ts";
import { lockImages, readIndex, referenceOf } from "../../image/store/image_index.ts";
import { ImagePaths } from "../../image/store/image_paths.ts";
import type { ImageId } from "../../image/spec/digest.ts";
import { findImage, getImage, type Image } from "../../image/store/images.ts";
import {
  choosePlatform,
  formatPlatform,
  hostPlatform,
  normalisePlatform,
  type Platform,
} from "../../image/spec/platform.ts";
import {
  formatFamiliar,
  formatReference,
  parseReference,
  type Reference,
} from "../../image/spec/reference.ts";
import { type Engine, systemFailure } from "../base/engine.ts";
import { recordImageEvent } from "../base/events.ts";
import type { HealthCheckRequest } from "./health_check.ts";

/** What an image says about how to run it. */
export interface ImageDefaults {
  entrypoint: string[];
  command: string[];
  /** `NAME=value`. */
  env: string[];
  /** Empty for `/`. */
  workingDirectory: string;
  /** Empty for root. */
  user: string;
  labels: Record<string, string>;
  /** Empty for SIGTERM. */
  stopSignal: string;
  /** `port/protocol`; an image may leave the protocol out. */
  exposedPorts: string[];
  /** Paths inside that are to be volumes. */
  volumes: string[];
  /** How its health is checked, as far as the image says. */
  healthCheck: HealthCheckRequest;
  /** Empty for `/bin/sh -c`. */
  shell: string[];
}

/** What a bare directory says: nothing. */
export const NO_DEFAULTS: ImageDefaults = {
  entrypoint: [],
  command: [],
  env: [],
  workingDirectory: "",
  user: "",
  labels: {},
  stopSignal: "",
  exposedPorts: [],
  volumes: [],
  healthCheck: {},
  shell: [],
};

/** An image for a container, which cannot be removed until this is disposed of. */
export interface ResolvedImage extends Disposable {
  root: RootSource;
  defaults: ImageDefaults;
  /** What somebody should know of it, each a sentence without a full stop. */
  warnings: readonly string[];
}

/** Whether somebody means a file: no reference starts like that. */
const TAR_PATH = /^\.{0,2}\//;

/**
 * Loads the code that importing a tar needs, if `text` is a path.
 *
 * The executable file keeps that code apart, and starts the program over to load it: so this comes before
 * anything has been done.
 */
export async function loadTarSupport(text: string): Promise<void> {
  if (TAR_PATH.test(text)) await import("../../image/archive/tar_image.ts");
}

/** No registry has an image by its id. */
const IMAGE_ID = /^sha256:|^[0-9a-f]{64}$/;

/** Whether a registry could have the image that somebody means. */
export function isPullable(text: string): boolean {
  return !TAR_PATH.test(text) && !IMAGE_ID.test(text);
}

/**
 * Whether the image that somebody means is here.
 *
 * @param platform What it must run on. @default {anything}
 * @throws {WherryError} `invalid_argument` if `text` is malformed, `unavailable` if the root cannot be read.
 */
export function hasImage(engine: Engine, text: string, platform?: Platform): boolean {
  const paths = new ImagePaths(engine.paths.root);
  try {
    // The usual case reads one file
    if (platform === undefined && isPullable(text) && isNamed(paths, text)) return true;
    const image = findImage(paths, text);
    return image !== undefined && (platform === undefined || runsOn(image, platform));
  } catch (error) {
    throw systemFailure(`look for images in "${engine.paths.root}"`, error);
  }
}

function isNamed(paths: ImagePaths, text: string): boolean {
  const name = formatReference(parseReference(text));
  return readIndex(paths).manifests.some((entry) => referenceOf(entry) === name);
}

function runsOn({ config }: Image, platform: Platform): boolean {
  // Who does not say what his image runs on means it to run
  return config.architecture === "" ||
    choosePlatform([normalisePlatform(config)], platform, (own) => own) !== undefined;
}

/**
 * Docker's words for what differs.
 *
 * @returns What is worth a warning.
 */
function checkPlatform(
  image: Image,
  { text, platform }: { text: string; platform: Platform | undefined },
): string[] {
  if (runsOn(image, platform ?? hostPlatform())) return [];
  const actual = formatPlatform(normalisePlatform(image.config));
  if (platform !== undefined) {
    throw new WherryError(
      "not_found",
      `Cannot use image "${text}": it was found but does not match ` +
        `the specified platform: wanted ${formatPlatform(platform)}, actual: ${actual}`,
    );
  }
  return [
    `The requested image's platform (${actual}) does not match the detected host platform ` +
    `(${formatPlatform(hostPlatform())}) and no specific platform was requested`,
  ];
}

/**
 * Finds the image that somebody means, importing it first if it is the path of a tar.
 *
 * @param text A reference, an id, or a path that begins with `/`, `./` or `../`.
 * @param platform What it must run on; without it an image for another platform than this machine's is worth a warning.
 * @throws {WherryError} `not_found` if there is no such image or file, `corrupt` if it is damaged.
 */
export async function resolveImage(
  engine: Engine,
  text: string,
  platform?: Platform,
): Promise<ResolvedImage> {
  const paths = new ImagePaths(engine.paths.root);
  const wanted = TAR_PATH.test(text) ? await importTar(engine, paths, text) : text;
  const lock: Descriptor = lockImages(paths, "shared");
  try {
    const image = getImage(paths, wanted);
    const warnings = checkPlatform(image, { text, platform });
    return {
      root: {
        type: "image",
        imageId: image.id,
        reference: text,
        layers: layerNamesOf(paths, image.layerDirs),
      },
      defaults: defaultsOf(image),
      warnings,
      [Symbol.dispose]: () => lock[Symbol.dispose](),
    };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** Names of unpacked layers below `layers/`, as records have them. */
export function layerNamesOf({ layers }: ImagePaths, directories: readonly string[]): string[] {
  return directories.map((directory) => directory.slice(layers.length + 1));
}

/** The id of the image that a tar holds. */
async function importTar(engine: Engine, paths: ImagePaths, path: string): Promise<string> {
  const { getTarImage } = await import("../../image/archive/tar_image.ts");
  return (await getTarImage(paths, path, { onMade: (made) => recordMadeImage(engine, made) })).id;
}

/** An image that has just been made. */
export interface MadeImage {
  id: ImageId;
  /** How it was made. */
  action: "import" | "load";
  /** What it was called by who made it. */
  reference?: Reference | undefined;
}

/** Writes down that an image was made; one that somebody has removed by now is not worth it. */
export function recordMadeImage(engine: Engine, { id, action, reference }: MadeImage): void {
  const labels = findImage(new ImagePaths(engine.paths.root), id)?.config.process.labels;
  if (labels === undefined) return;
  if (reference !== undefined) {
    recordImageEvent(engine, { id, labels, action: "tag", name: formatFamiliar(reference) });
  }
  recordImageEvent(engine, { id, labels, action });
}

function defaultsOf({ config: { process } }: Image): ImageDefaults {
  return {
    entrypoint: [...process.entrypoint],
    command: [...process.command],
    env: [...process.env],
    workingDirectory: process.workingDirectory,
    user: process.user,
    labels: { ...process.labels },
    stopSignal: process.stopSignal ?? "",
    exposedPorts: [...process.exposedPorts],
    volumes: [...process.volumes],
    healthCheck: healthCheckOf(process),
    shell: [...process.shell],
  };
}

function healthCheckOf({ healthCheck }: Image["config"]["process"]): HealthCheckRequest {
  if (healthCheck === undefined) return {};
  const { test, ...numbers } = healthCheck;
  const given = Object.entries(numbers).filter(([, value]) => value !== undefined);
  return { ...(test.length === 0 ? {} : { test: [...test] }), ...Object.fromEntries(given) };
}
