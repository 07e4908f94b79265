/** Copying out of containers. @module */

import { copyMembers } from "../../image/layer/copy_members.ts";
import { CopyWriter } from "../../image/layer/copy_writer.ts";
import { RootDirectory } from "../../image/layer/root_directory.ts";
import { byteStringOfText, textOf } from "../../image/tar/byte_string.ts";
import { type TarMember, writeTar } from "../../image/tar/tar_writer.ts";
import { openDirectoryBeneath } from "../../kernel/file.ts";
import { pathOf } from "../../kernel/file_reading.ts";
import { openDirectory } from "../../kernel/open.ts";
import { findSource, type Found } from "./copy_container.ts";
import { findHostDestination } from "./copy_host.ts";
import { ownerInside } from "./copy_owner.ts";
import { absolutePath, archiveName, type CopyPlan, planCopy } from "./copy_path.ts";
import { CopyMeter } from "./copy_progress.ts";
import { checkCopiable, copyOf, entersFiles, refusingItself } from "./copy_walk.ts";
import {
  type CopiedContainer,
  copyFailure,
  type CopyReport,
  openCopied,
  writeMembers,
} from "./copy_work.ts";
import type { Engine } from "../base/engine.ts";
import { recordContainerEvent } from "../base/events.ts";

/** What to copy out of a container. */
export interface CopySourceRequest {
  /** Inside; relative to `/`. With `/.` at its end, what is in the directory and not the directory. */
  source: string;
  /** Whether a symbolic link at the end of `source` is followed. @default {false: it is copied as a link} */
  followsLink?: boolean;
}

/** What to copy out of a container, and where. */
export interface CopyFromRequest extends CopySourceRequest {
  /** On the host. */
  destination: string;
  /** Whether files belong to the same ids as inside. @default {false: to whoever copies them} */
  keepsOwners?: boolean;
  /** Told of the bytes so far, often; see {@linkcode CopyReport.bytes}. @default {nobody} */
  onProgress?: (bytes: number) => void;
}

/**
 * Copies a file or directory of a container to the host, by docker's rules of what the copy is called.
 *
 * The container goes on meanwhile; whatever it does, nothing but its own files is read, and nothing written outside
 * of the copy. What has been copied when this fails, stays.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `not_found` if there is no such container, source or directory to copy to; `conflict` if
 * something is in the way, `unsupported` for what no copy can be made of, `unavailable` if the kernel refuses.
 * @see {@link https://docs.docker.com/reference/cli/docker/container/cp/}
 */
export async function copyFromContainer(
  engine: Engine,
  wanted: string,
  request: CopyFromRequest,
): Promise<CopyReport> {
  const destination = absolutePath(request.destination, Deno.cwd());
  const to = findHostDestination(destination);
  const path = absolutePath(request.source, "/");
  using container = await openCopied(engine, wanted);
  const { followsLink = false, keepsOwners = false } = request;
  using found = findSource(container, path, { followsLink });
  checkCopiable(container, path, found);
  const plan = planCopy({ path, isDirectory: found.status.type === "directory" }, to);
  recordArchive(engine, container);
  const meter = new CopyMeter(request.onProgress);
  const skippedSockets: string[] = [];
  using writer = openWriter(container, plan, { keepsOwners, meter });
  try {
    const members = copyMembers({
      location: found.location,
      name: byteStringOfText(plan.name),
      isEntered: refusingItself(copyOf(plan), entersFiles(container, path)),
      onSkipped: (name) => skippedSockets.push(textOf(name)),
    });
    writeMembers(members, { writer, meter });
  } catch (error) {
    throw copyFailure(`copy "${path}" from container "${wanted}"`, error);
  }
  container.checkStillThere();
  const { skippedAttributes } = writer;
  return { bytes: meter.bytes, destination, skippedAttributes, skippedSockets };
}

function recordArchive(engine: Engine, { config }: CopiedContainer): void {
  recordContainerEvent(engine, { config, action: "archive-path" });
}

function openWriter(
  { idRange }: CopiedContainer,
  { directory }: CopyPlan,
  { keepsOwners, meter }: { keepsOwners: boolean; meter: CopyMeter },
): CopyWriter {
  const { number: descriptor } = openDirectory(directory);
  const root = new RootDirectory({
    descriptor,
    open: (bytes) => openDirectoryBeneath(descriptor, bytes),
  });
  return new CopyWriter(root, {
    directoryName: directory,
    ownerOf: (entry) => keepsOwners ? ownerInside(entry, idRange) : undefined,
    onBytes: (count) => meter.addPart(count),
  });
}

/** What to archive of a container. */
export interface ArchiveRequest extends CopySourceRequest {
  /** Told of each socket, which no archive can hold, by its name in it. @default {nobody} */
  onSkipped?: (name: string) => void;
}

/**
 * Writes a file or directory of a container as a tar, with docker's names: `NAME/...` of a directory called so.
 *
 * Files have the ids that they have inside.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @returns Chunks, each valid until `VALID_CHUNKS` (source.ts) more have been asked for.
 * @throws {WherryError} While iterating, as {@linkcode copyFromContainer}.
 */
export async function* archiveFromContainer(
  engine: Engine,
  wanted: string,
  { source, followsLink = false, onSkipped = () => {} }: ArchiveRequest,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const path = absolutePath(source, "/");
  using container = await openCopied(engine, wanted);
  using found = findSource(container, path, { followsLink });
  checkCopiable(container, path, found);
  recordArchive(engine, container);
  const name = archiveName(followsLink ? targetOf(container, path, found) : path);
  try {
    const members = copyMembers({
      location: found.location,
      // Docker's names of what is in the root begin with a slash
      name: byteStringOfText(name === "/" ? "" : name),
      isEntered: entersFiles(container, path),
      onSkipped: (skipped) => onSkipped(textOf(skipped)),
    });
    yield* writeTar(asArchived(members, container));
  } catch (error) {
    throw copyFailure(`copy "${path}" from container "${wanted}"`, error);
  }
  container.checkStillThere();
}

/** In an archive docker calls what a link leads to by its own name, and by the link's where it is copied. */
function targetOf(container: CopiedContainer, path: string, { location }: Found): string {
  using unfollowed = findSource(container, path, { followsLink: false });
  return unfollowed.status.type === "symlink" ? pathOf(location) : path;
}

/** With the ids that files have inside, and times in whole seconds as docker's, for which no extended header is needed. */
function* asArchived(
  members: Iterable<TarMember>,
  { idRange }: CopiedContainer,
): Generator<TarMember> {
  for (const { entry, body } of members) {
    const modifiedAt = { seconds: entry.modifiedAt.seconds, nanoseconds: 0n };
    yield { entry: { ...entry, ...ownerInside(entry, idRange), modifiedAt }, body };
  }
}
