/** All that is known about an image, in the shape that docker gives it. @module */

import { WherryError } from "../errors.ts";
import { ImagePaths } from "../image/image_paths.ts";
import { findImage, type Image, type ListedImage, listImages } from "../image/images.ts";
import type { ProcessDefaults } from "../image/oci.ts";
import { formatFamiliar, formatFamiliarRepository } from "../image/reference.ts";
import type { Engine } from "./engine.ts";
import type { Inspection } from "./inspection.ts";

/**
 * Describes an image.
 *
 * @param wanted A reference, an id or the beginning of an id.
 * @throws {WherryError} `not_found` if there is none, `invalid_argument` if several ids begin so,
 * `corrupt` if an image's documents are damaged.
 */
export function inspectImage(engine: Engine, wanted: string): Inspection {
  const paths = new ImagePaths(engine.paths.root);
  const image = findByText(paths, wanted);
  const listed = listImages(paths).find(({ digest }) => digest === image?.digest);
  if (image === undefined || listed === undefined) {
    throw new WherryError("not_found", `No such image: ${wanted}`, {
      hint: 'See all images with "wherry images"',
    });
  }
  return describeImage(image, listed);
}

const ID_OR_PREFIX = /^(?:sha256:)?[0-9a-f]{1,64}$/;

/** No image has a name that is no reference. */
function findByText(paths: ImagePaths, text: string): Image | undefined {
  try {
    return findImage(paths, text);
  } catch (error) {
    const isNoReference = error instanceof WherryError && error.kind === "invalid_argument" &&
      !ID_OR_PREFIX.test(text);
    if (isNoReference) return undefined;
    throw error;
  }
}

/** Puts what is known about an image into docker's shape. Pure. */
export function describeImage(
  { id, digest, config, layerDirs }: Image,
  { references, sizeBytes }: Pick<ListedImage, "references" | "sizeBytes">,
): Inspection {
  const repositories = new Set(references.map(formatFamiliarRepository));
  return {
    Id: id,
    RepoTags: references.filter((one) => one.tag !== undefined).map(formatFamiliar),
    RepoDigests: Array.from(repositories, (repository) => `${repository}@${digest}`),
    Parent: "",
    Created: config.created ?? "",
    Config: describeProcess(config.process),
    Architecture: config.architecture,
    Os: config.os,
    Size: sizeBytes,
    GraphDriver: {
      Name: "overlay",
      Data: { LowerDir: layerDirs.toReversed().join(":") },
    },
    RootFS: { Type: "layers", Layers: config.diffIds },
  };
}

function describeProcess(defaults: ProcessDefaults): Inspection {
  return {
    User: defaults.user,
    ExposedPorts: asSet(defaults.exposedPorts),
    Env: defaults.env,
    Cmd: defaults.command.length === 0 ? null : defaults.command,
    Volumes: asSet(defaults.volumes),
    WorkingDir: defaults.workingDirectory,
    Entrypoint: defaults.entrypoint.length === 0 ? null : defaults.entrypoint,
    Labels: defaults.labels,
    ...(defaults.stopSignal === undefined ? {} : { StopSignal: defaults.stopSignal }),
  };
}

/** Go writes a set as an object with empty values. */
function asSet(values: readonly string[]): Record<string, unknown> | null {
  return values.length === 0 ? null : Object.fromEntries(values.map((value) => [value, {}]));
}
