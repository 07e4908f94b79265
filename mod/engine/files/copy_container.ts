/** The container's side of a copy: paths that nobody inside can lead out of the container with. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import { SystemError } from "../../../ffi/errno.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import { dockerError, WherryError } from "../../errors.ts";
import { closeDescriptor, openDirectoryInRoot } from "../../kernel/file.ts";
import {
  type FileStatus,
  findLocationInRoot,
  readFileSystem,
  readLink,
  readMountPlace,
  readStatus,
} from "../../kernel/file_reading.ts";
import { isKernelFile } from "../../kernel/kernel_files.ts";
import type { CopyTo } from "./copy_path.ts";

/** How many links may follow each other, as in the kernel. */
const MAX_LINKS = 40;

/** Something that has been found; disposing of it closes it. */
export interface Found extends Disposable {
  /** As a mere location. */
  location: number;
  status: FileStatus;
}

/** A container whose files are open. */
export interface OpenContainer {
  /** What was typed. */
  wanted: string;
  config: ContainerConfig;
  /** Its `/`, with all that is mounted in it. */
  root: Descriptor;
}

/** Takes over a descriptor of something. */
export function foundAt(location: number): Found {
  return {
    location,
    status: readStatus(location),
    [Symbol.dispose]: () => closeDescriptor(location),
  };
}

/**
 * Finds what is to be copied.
 *
 * @param path Absolute, see `copy_path.ts`.
 * @param followsLink Whether a link at its end is followed.
 * @throws {WherryError} `not_found`, in docker's words.
 */
export function findSource(
  container: OpenContainer,
  path: string,
  { followsLink }: { followsLink: boolean },
): Found {
  const location = lookUp(container, path, { followsLink });
  if (location === undefined) throw noSuchPath(container, path);
  return foundAt(location);
}

/** @throws {WherryError} `conflict` if something on the way is no directory, or a link to itself. */
function lookUp(
  { root }: OpenContainer,
  path: string,
  { followsLink }: { followsLink: boolean },
): number | undefined {
  try {
    return findLocationInRoot(root.number, path, { followsLink });
  } catch (error) {
    if (error instanceof SystemError && error.code === "ENOTDIR") {
      throw dockerError("conflict", `lstat ${path}: not a directory`, { cause: error });
    }
    if (error instanceof SystemError && error.code === "ELOOP") {
      throw dockerError("conflict", `lstat ${path}: too many levels of symbolic links`, {
        cause: error,
      });
    }
    throw error;
  }
}

function noSuchPath({ wanted }: OpenContainer, path: string): WherryError {
  return dockerError("not_found", `Could not find the file ${path} in container ${wanted}`);
}

/**
 * Finds out where a copy is to go. A link is followed, also one to what is not there: that is made then.
 *
 * @param path Absolute, see `copy_path.ts`.
 * @throws {WherryError} `conflict` for a device, in docker's words.
 */
export function findDestination(container: OpenContainer, path: string): CopyTo {
  let current = path;
  for (let links = 0; links <= MAX_LINKS; links++) {
    const location = findEntry(container, current);
    if (location === undefined) return { path: current, type: "missing" };
    using found = foundAt(location);
    const { type } = found.status;
    if (type === "directory") return { path: current, type };
    if (type !== "symlink") {
      checkNoDevice(found.status, `${container.wanted}:${path}`);
      return { path: current, type: "other" };
    }
    current = linkTarget(location, current);
  }
  throw dockerError("conflict", `${path}: too many levels of symbolic links`);
}

/** As docker's client has it, what has a `/` at its end and is no directory is not there. */
function findEntry({ root }: OpenContainer, path: string): number | undefined {
  try {
    return findLocationInRoot(root.number, path, { followsLink: false });
  } catch (error) {
    if (error instanceof SystemError && ["ENOTDIR", "ELOOP"].includes(error.code)) return undefined;
    throw error;
  }
}

const decoder = new TextDecoder();

/** Where a link leads, by a path that may contain `..`: the kernel resolves it, and stays inside. */
function linkTarget(location: number, path: string): string {
  const target = decoder.decode(readLink(location));
  return target.startsWith("/") ? target : `${path.slice(0, path.lastIndexOf("/"))}/${target}`;
}

function checkNoDevice({ type }: FileStatus, path: string): void {
  if (type !== "character" && type !== "block") return;
  throw dockerError(
    "conflict",
    `destination "${path}" must be a directory or a regular file: got a device`,
  );
}

/**
 * Opens the directory that something is copied into. The caller closes it.
 *
 * @param path Absolute.
 * @throws {WherryError} `not_found` if there is none, `conflict` if it is none, or cannot be written to; in docker's
 * words.
 */
export function openDirectoryInside(container: OpenContainer, path: string): number {
  using undo = new DisposableStack();
  const directory = openExisting(container, path);
  undo.defer(() => closeDescriptor(directory));
  if (isKernelFile(directory)) throw kernelOnly(container, path);
  checkWritable(container, directory);
  undo.move();
  return directory;
}

function kernelOnly({ wanted }: OpenContainer, path: string): WherryError {
  return new WherryError(
    "unsupported",
    `Cannot copy to "${path}" in container "${wanted}": only the kernel makes files there`,
    { hint: `Write to a file there from inside, with "wherry exec ${wanted}"` },
  );
}

function openExisting(container: OpenContainer, path: string): number {
  try {
    return openDirectoryInRoot(container.root.number, path);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.code === "ENOENT") throw noSuchPath(container, path);
    if (error.code !== "ENOTDIR") throw error;
    throw dockerError("conflict", "extraction point is not a directory", { cause: error });
  }
}

function checkWritable({ root, config }: OpenContainer, directory: number): void {
  const isInRoot = readMountPlace(directory).mountId === readMountPlace(root.number).mountId;
  const isReadOnly = readFileSystem(directory).isReadOnly || isInRoot && config.isReadOnly;
  if (!isReadOnly) return;
  throw isInRoot
    ? dockerError("conflict", "container rootfs is marked read-only", {
      hint: "Copy into a volume of it that is not",
    })
    : dockerError("conflict", "mounted volume is marked read-only", {
      hint: "Copy to another place, or into what is mounted there from where it can be written to",
    });
}
