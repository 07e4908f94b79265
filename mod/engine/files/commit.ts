/** Making images of containers. @module */

import type { ContainerConfig, HealthCheck } from "../../container/record/config.ts";
import { WherryError } from "../../errors.ts";
import { type ByteString, textOf } from "../../image/tar/byte_string.ts";
import { applyChanges, type ProcessConfig } from "../../image/spec/changes.ts";
import { makeChildImage } from "../../image/layer/child_image.ts";
import { ImagePaths } from "../../image/store/image_paths.ts";
import { parseNewName } from "../../image/store/image_tag.ts";
import { findImage, type Image } from "../../image/store/images.ts";
import { rootfsMembers } from "../../image/layer/layer_writer.ts";
import type { HealthCheckDefaults, ProcessDefaults } from "../../image/spec/oci.ts";
import { formatProcessConfig } from "../../image/spec/process_config.ts";
import { formatFamiliar, type Reference } from "../../image/spec/reference.ts";
import type { TarBody, TarMember } from "../../image/tar/tar_writer.ts";
import { changedLayerMembers, checkStillThere, rootSources } from "../record/container_files.ts";
import type { Engine } from "../base/engine.ts";
import { recordContainerEvent, recordImageEvent } from "../base/events.ts";
import { type Container, findContainer } from "../record/find.ts";
import { holdContainer } from "../lifecycle/pause.ts";

/** How to make an image of a container. */
export interface CommitRequest {
  /** What to call the image. @default {it gets no name} */
  reference?: string;
  /** Who made it. @default {nobody says} */
  author?: string;
  /** Note in the image's history. @default {none} */
  message?: string;
  /** Fields of the image as a Dockerfile writes them, on top of the container's. @default {none} */
  changes?: readonly string[];
  /** Whether all processes of a container that runs are stopped meanwhile. @default {true} */
  pauses?: boolean;
  /** Ends the work; everything is as it was then. @default {never} */
  signal?: AbortSignal;
}

/** An image that was made of a container. */
export interface CommittedImage {
  /** Digest of its config blob, `sha256:` and 64 hexadecimal digits. */
  id: string;
  /** Extended attributes that the store's file system would not take; worth a warning. */
  skippedAttributes: ReadonlySet<string>;
  /** Files that cannot be in a layer, because their names begin with `.wh.`; worth a warning. */
  unnameable: readonly string[];
}

/**
 * Makes an image of what a container is now: its image and one more layer, which holds what the container has
 * changed.
 *
 * What is mounted inside is no part of it. A container of a bare directory becomes an image of one layer that holds
 * everything.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `not_found` if there is no such container, or its image has been removed;
 * `invalid_argument` for a malformed reference or change; the signal's reason.
 */
export async function commitContainer(
  engine: Engine,
  wanted: string,
  request: CommitRequest = {},
): Promise<CommittedImage> {
  const container = findContainer(engine, wanted);
  const reference = request.reference === undefined ? undefined : parseNewName(request.reference);
  const paths = new ImagePaths(engine.paths.root);
  const parent = findParent(paths, container, wanted);
  const process = applyChanges(
    request.changes ?? [],
    formatProcessConfig(processOf(container.config, parent)),
  );
  const unnameable: string[] = [];
  const members = containerMembers(engine, container, (path) => unnameable.push(textOf(path)));
  const { id, skippedAttributes } = await makeChildImage(paths, {
    parent,
    members: whilePaused(engine, { container, members, request }),
    process,
    reference,
    author: request.author ?? "",
    comment: request.message ?? "",
    createdBy: container.config.command.join(" "),
    action: `commit container "${wanted}"`,
  });
  recordCommit(engine, container.config, {
    id,
    process,
    reference,
    comment: request.message ?? "",
  });
  return { id, skippedAttributes, unnameable };
}

/** @returns `undefined` for a container of a bare directory. */
function findParent(
  paths: ImagePaths,
  { config: { root } }: Container,
  wanted: string,
): Image | undefined {
  if (root.type === "directory") return undefined;
  const image = findImage(paths, root.imageId);
  if (image !== undefined) return image;
  throw new WherryError(
    "not_found",
    `Cannot commit container "${wanted}": its image "${root.reference}" has been removed`,
    { hint: `Keep all of its files with "wherry export ${wanted} | wherry import -"` },
  );
}

/** @param onUnnameable See `layer_writer.ts`. */
function* containerMembers(
  engine: Engine,
  container: Container,
  onUnnameable: (path: ByteString) => void,
): Generator<TarMember> {
  if (container.config.root.type === "directory") {
    yield* rootfsMembers(rootSources(engine, container), { onUnnameable });
  } else {
    yield* changedLayerMembers(engine, container, onUnnameable);
  }
}

/** What to read, and from what. */
interface PausedReading {
  container: Container;
  members: Iterable<TarMember>;
  request: CommitRequest;
}

/** Stops a container's processes from when the first member is asked for to when the last has been read. */
async function* whilePaused(
  engine: Engine,
  { container, members, request: { pauses = true, signal } }: PausedReading,
): AsyncGenerator<TarMember> {
  await using _pause = pauses ? await pauseIfRunning(engine, container) : undefined;
  for (const { entry, body } of members) {
    signal?.throwIfAborted();
    yield { entry, body: body && interruptible(body, signal) };
  }
  checkStillThere(container);
}

/** A file can be of any size, and its holes cost a container nothing. */
function interruptible(body: TarBody, signal: AbortSignal | undefined): TarBody {
  return {
    read: (buffer) => {
      signal?.throwIfAborted();
      return body.read(buffer);
    },
  };
}

async function pauseIfRunning(
  engine: Engine,
  { config: { id, name }, state: { isRunning } }: Container,
): Promise<AsyncDisposable | undefined> {
  if (!isRunning) return undefined;
  try {
    return await holdContainer(engine, id);
  } catch (cause) {
    if (!(cause instanceof WherryError) || cause.kind !== "unsupported") throw cause;
    throw new WherryError(cause.kind, `Cannot pause container "${name}": it has no cgroup`, {
      cause,
      hint: "Commit it while it runs with --pause=false, or stop it before",
    });
  }
}

const DEFAULT_STOP_SIGNAL = "SIGTERM";

/** How a container is run, where it differs from what its image says or the image says nothing. */
function processOf(config: ContainerConfig, parent: Image | undefined): ProcessDefaults {
  const image = parent?.config.process;
  const { isIdle, workingDirectory, stopSignal } = config;
  const isDefaultDirectory = workingDirectory === "/" && (image?.workingDirectory ?? "") === "";
  const isDefaultSignal = stopSignal === DEFAULT_STOP_SIGNAL && image?.stopSignal === undefined;
  return {
    env: config.env,
    // Who runs no command at all says nothing about the one that the image has
    entrypoint: isIdle ? image?.entrypoint ?? [] : config.entrypoint,
    command: isIdle ? image?.command ?? [] : config.command,
    workingDirectory: isDefaultDirectory ? "" : workingDirectory,
    user: config.user,
    exposedPorts: config.exposedPorts,
    volumes: [...new Set([...image?.volumes ?? [], ...config.givenMounts.volumes])],
    labels: config.labels,
    stopSignal: isDefaultSignal ? undefined : stopSignal,
    healthCheck: config.healthCheck === null ? undefined : checkOf(config.healthCheck),
    shell: image?.shell ?? [],
  };
}

function checkOf(check: HealthCheck): HealthCheckDefaults {
  const { test, intervalMs, timeoutMs, startPeriodMs, startIntervalMs, retries } = check;
  return { test, intervalMs, timeoutMs, startPeriodMs, startIntervalMs, retries };
}

interface Commit {
  id: string;
  process: ProcessConfig;
  reference: Reference | undefined;
  comment: string;
}

function recordCommit(
  engine: Engine,
  config: ContainerConfig,
  { id, process, reference, comment }: Commit,
): void {
  const name = reference === undefined ? "" : formatFamiliar(reference);
  if (name !== "") {
    recordImageEvent(engine, { id, labels: process["Labels"] ?? {}, action: "tag", name });
  }
  recordContainerEvent(engine, {
    config,
    action: "commit",
    attributes: { comment, imageID: id, imageRef: name },
  });
}
