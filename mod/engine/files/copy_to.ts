/** Copying into containers. @module */

import { dockerError } from "../../errors.ts";
import { decompressed, detectCompression } from "../../image/compression/decompress.ts";
import { copyMembers } from "../../image/layer/copy_members.ts";
import { CopyWriter } from "../../image/layer/copy_writer.ts";
import { RootDirectory } from "../../image/layer/root_directory.ts";
import { byteStringOfText, textOf } from "../../image/tar/byte_string.ts";
import { type ByteSource, chunksOf, peek } from "../../image/tar/source.ts";
import { TarReader } from "../../image/tar/tar_reader.ts";
import { openDirectoryBeneath, openDirectoryInRoot } from "../../kernel/file.ts";
import { findDestination, openDirectoryInside } from "./copy_container.ts";
import { findHostSource } from "./copy_host.ts";
import { ownerOnHost } from "./copy_owner.ts";
import { absolutePath, planCopy } from "./copy_path.ts";
import { CopyMeter } from "./copy_progress.ts";
import { copyIn, refusingItself } from "./copy_walk.ts";
import {
  type CopiedContainer,
  copyFailure,
  type CopyReport,
  inContainer,
  openCopied,
  writeMembers,
} from "./copy_work.ts";
import type { Engine } from "../base/engine.ts";
import { recordContainerEvent } from "../base/events.ts";

/** What to copy into a container, and where. */
export interface CopyToRequest {
  /** On the host. With `/.` at its end, what is in the directory and not the directory. */
  source: string;
  /** Inside; relative to `/`. */
  destination: string;
  /** Whether a symbolic link at the end of `source` is followed. @default {false: it is copied as a link} */
  followsLink?: boolean;
  /** Told of the bytes so far, often; see {@linkcode CopyReport.bytes}. @default {nobody} */
  onProgress?: (bytes: number) => void;
}

/**
 * Copies a file or directory of the host into a container, by docker's rules of what the copy is called. Files belong
 * to the same ids inside as on the host.
 *
 * The container goes on meanwhile; whatever it does, nothing is written outside of it. What has been copied when this
 * fails, stays.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `not_found` if there is no such container, source or directory to copy to; `conflict` if
 * something is in the way or read-only, `unsupported` for what no copy can be made of, `unavailable` if the kernel
 * refuses.
 * @see {@link https://docs.docker.com/reference/cli/docker/container/cp/}
 */
export async function copyToContainer(
  engine: Engine,
  wanted: string,
  { source, destination, followsLink = false, onProgress }: CopyToRequest,
): Promise<CopyReport> {
  const path = absolutePath(source, Deno.cwd());
  using found = findHostSource(path, { followsLink });
  using container = await openCopied(engine, wanted);
  const to = findDestination(container, absolutePath(destination, "/"));
  const plan = planCopy({ path, isDirectory: found.status.type === "directory" }, to);
  const meter = new CopyMeter(onProgress);
  const skippedSockets: string[] = [];
  using writer = openWriter(container, plan.directory, meter);
  try {
    const members = copyMembers({
      location: found.location,
      name: byteStringOfText(plan.name),
      isEntered: refusingItself(copyIn(container, plan)),
      onSkipped: (name) => skippedSockets.push(textOf(name)),
    });
    inContainer(container, () => writeMembers(members, { writer, meter }));
  } catch (error) {
    throw copyFailure(`copy "${path}" to container "${wanted}"`, error);
  }
  recordExtraction(engine, container);
  const { skippedAttributes } = writer;
  return { bytes: meter.bytes, destination: to.path, skippedAttributes, skippedSockets };
}

function recordExtraction(engine: Engine, container: CopiedContainer): void {
  container.checkStillThere();
  recordContainerEvent(engine, { config: container.config, action: "extract-to-dir" });
}

/** Nothing that is a link by the time is followed on the way to what is written. */
function openWriter(
  container: CopiedContainer,
  directory: string,
  meter: CopyMeter,
): CopyWriter {
  const descriptor = openDirectoryInside(container, directory);
  const root = new RootDirectory({
    descriptor,
    open: (bytes) => openDirectoryBeneath(descriptor, bytes),
  });
  return new CopyWriter(root, {
    directoryName: directory,
    ownerOf: (entry) => ownerOnHost(entry, container.idRange),
    onBytes: (count) => meter.addPart(count),
  });
}

/** What to unpack in a container. */
export interface ExtractRequest {
  /** A tar, plain or compressed. */
  archive: ByteSource;
  /** An existing directory inside; relative to `/`. */
  destination: string;
}

/**
 * Unpacks a tar in a directory of a container. Files belong to the ids that the archive gives.
 *
 * The archive and the container may both be hostile: links are followed on the way to what is written, as with docker,
 * but lead nowhere outside the container.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} As {@linkcode copyToContainer}; `corrupt` if the archive is damaged.
 */
export async function extractToContainer(
  engine: Engine,
  wanted: string,
  { archive, destination }: ExtractRequest,
): Promise<CopyReport> {
  using container = await openCopied(engine, wanted);
  const path = absolutePath(destination, "/");
  const to = findDestination(container, path);
  if (to.type !== "directory") {
    throw dockerError("conflict", `destination "${wanted}:${destination}" must be a directory`);
  }
  using writer = openExtractor(container, to.path);
  try {
    await unpack(archive, (work) => inContainer(container, work), writer);
  } catch (error) {
    throw copyFailure(`unpack standard input in container "${wanted}"`, error);
  }
  recordExtraction(engine, container);
  const { skippedAttributes } = writer;
  return { bytes: 0, destination: to.path, skippedAttributes, skippedSockets: [] };
}

const encoder = new TextEncoder();

function openExtractor(container: CopiedContainer, directory: string): CopyWriter {
  const { root: { number: rootFd }, idRange } = container;
  const prefix = encoder.encode(`${directory}/`);
  const root = new RootDirectory({
    descriptor: openDirectoryInside(container, directory),
    open: (bytes) => openDirectoryInRoot(rootFd, new Uint8Array([...prefix, ...bytes])),
    owner: ownerOnHost({ uid: 0, gid: 0 }, idRange),
  });
  return new CopyWriter(root, {
    directoryName: directory,
    ownerOf: (entry) => ownerOnHost(entry, idRange),
  });
}

/** @param within Does a part of the work that must not wait. */
async function unpack(
  archive: ByteSource,
  within: (work: () => void) => void,
  writer: CopyWriter,
): Promise<void> {
  const reader = new TarReader(writer);
  const { start, chunks } = await peek(chunksOf(archive));
  for await (const chunk of decompressed(chunks, detectCompression(start))) {
    within(() => reader.push(chunk));
  }
  within(() => {
    reader.end();
    writer.finish();
  });
}
