/** All that is known about an image, in the shape that docker gives it. @module */

import { WherryError } from "../../errors.ts";
import { readJsonBlob } from "../../image/store/blob_store.ts";
import { type ImageId, imageIdOf, parseDigest } from "../../image/spec/digest.ts";
import { type ImageDetails, readImageDetails } from "../../image/spec/image_details.ts";
import { ImageDocuments } from "../../image/store/image_documents.ts";
import { readIndex } from "../../image/store/image_index.ts";
import {
  type ListedImage,
  sizeOf,
  sortOut,
  type StoredImage,
} from "../../image/store/image_list.ts";
import { ImagePaths } from "../../image/store/image_paths.ts";
import { findImage, type Image } from "../../image/store/images.ts";
import { LayerSizes } from "../../image/store/layer_sizes.ts";
import type { ImageConfig, ProcessDefaults } from "../../image/spec/oci.ts";
import { formatFamiliar } from "../../image/spec/reference.ts";
import type { Engine } from "../base/engine.ts";
import type { Inspection } from "../base/inspection.ts";

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
  const stored = image === undefined ? undefined : findStored(paths, image.id);
  if (image === undefined || stored === undefined) {
    throw new WherryError("not_found", `No such image: ${wanted}`, {
      hint: 'See all images with "wherry images"',
    });
  }
  using sizes = new LayerSizes(paths);
  const details = readJsonBlob(paths, parseDigest(image.id), readImageDetails);
  return describeImage(image, { ...stored, sizeBytes: sizeOf(stored, sizes) }, details);
}

/** The image with all its names. */
function findStored(paths: ImagePaths, id: ImageId): StoredImage | undefined {
  const documents = new ImageDocuments(paths);
  const manifests = readIndex(paths).manifests.filter(({ digest }) => {
    const manifest = documents.findManifest(digest);
    return !(manifest instanceof WherryError) && imageIdOf(manifest.config.digest) === id;
  });
  const { images: [image], damaged: [damaged] } = sortOut({ manifests }, documents);
  if (damaged !== undefined) throw damaged.problem;
  return image;
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

/** What lists know of an image and `inspect` shows. */
type Listed = Pick<ListedImage, "references" | "repositoryDigests" | "taggedAt" | "sizeBytes">;

/** When a name was given that came with the image: Go's zero time. */
const NEVER = "0001-01-01T00:00:00Z";

/**
 * Puts what is known about an image into docker's shape. Pure.
 *
 * @see {@link https://docs.docker.com/reference/api/engine/version/v1.48/#tag/Image/operation/ImageInspect}
 */
export function describeImage(
  { id, config, layerDirs }: Image,
  { references, repositoryDigests, taggedAt, sizeBytes }: Listed,
  details: ImageDetails,
): Inspection {
  return {
    Id: id,
    RepoTags: references.map(formatFamiliar),
    RepoDigests: repositoryDigests.map(formatFamiliar),
    Parent: "",
    Comment: details.comment || (config.history.at(-1)?.comment ?? ""),
    ...(config.created === undefined ? {} : { Created: config.created }),
    DockerVersion: details.dockerVersion,
    Author: config.author,
    Config: describeProcess(config, details),
    Architecture: config.architecture,
    ...(config.variant === "" ? {} : { Variant: config.variant }),
    Os: config.os,
    ...(details.osVersion === "" ? {} : { OsVersion: details.osVersion }),
    Size: sizeBytes,
    GraphDriver: {
      Data: { LowerDir: layerDirs.toReversed().join(":") },
      Name: "overlay",
    },
    RootFS: { Type: "layers", Layers: config.diffIds },
    Metadata: { LastTagTime: taggedAt ?? NEVER },
  };
}

function describeProcess({ process }: ImageConfig, details: ImageDetails): Inspection {
  const { healthCheck, isArgsEscaped, onBuild } = details;
  return {
    User: process.user,
    ...(process.exposedPorts.length === 0 ? {} : { ExposedPorts: asSet(process.exposedPorts) }),
    Env: process.env,
    Cmd: orNull(process.command),
    ...(healthCheck === undefined ? {} : { Healthcheck: healthCheck }),
    ...(isArgsEscaped ? { ArgsEscaped: true } : {}),
    Volumes: asSet(process.volumes),
    WorkingDir: process.workingDirectory,
    Entrypoint: orNull(process.entrypoint),
    OnBuild: onBuild ?? null,
    Labels: labelsOf(process),
    ...(process.stopSignal === undefined ? {} : { StopSignal: process.stopSignal }),
    ...(process.shell.length === 0 ? {} : { Shell: process.shell }),
  };
}

function orNull(words: readonly string[]): readonly string[] | null {
  return words.length === 0 ? null : words;
}

function labelsOf({ labels }: ProcessDefaults): Readonly<Record<string, string>> | null {
  return Object.keys(labels).length === 0 ? null : labels;
}

/** Go writes a set as an object with empty values. */
function asSet(values: readonly string[]): Record<string, unknown> | null {
  return values.length === 0 ? null : Object.fromEntries(values.map((value) => [value, {}]));
}
