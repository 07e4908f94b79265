/**
 * Giving a volume that exists what an image has.
 *
 * Containers may have the volume mounted meanwhile, so that its directory cannot simply be replaced by a full one. All
 * of the content is put beside it first, under a name of its own; then one rename says that it is whole, and it is
 * moved in name by name. So a volume whose filling was interrupted is
 *
 * ```
 * empty, with a part of a copy beside it      who fills it next begins again; sweeps remove the part
 * filled in part, with the rest beside it     who uses it next moves the rest in, whether it wants it filled or not
 * ```
 *
 * and nobody takes a half for the whole. What a container makes in the meantime under the same name stays.
 *
 * @module
 */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { SystemError } from "../../ffi/errno.ts";
import { isEmptyDirectory } from "../kernel/directory.ts";
import { isPresent } from "../kernel/entry.ts";
import {
  closeDescriptor,
  moveUnlessPresent,
  renameBetween,
  setAttribute,
  setMode,
  setOwner,
  setTimes,
} from "../kernel/file.ts";
import {
  findAttribute,
  findLocationAt,
  listAttributes,
  listDirectory,
  readStatus,
} from "../kernel/file_reading.ts";
import { openForReading } from "../kernel/open.ts";
import { removeTree } from "../kernel/tree.ts";
import { acquireLock } from "../store/lock.ts";
import type { Paths, VolumePaths } from "../store/paths.ts";

/**
 * Fills a volume if it is empty, with the volumes locked.
 *
 * @param fill Puts the content into an empty directory, which it gives the owner, mode, time and attributes that the
 * volume's is to have.
 * @returns Whether it was empty.
 * @throws {SystemError} For example `ENOSPC`: the volume is as it was then.
 */
export function fillVolume(paths: Paths, name: string, fill: (directory: string) => void): boolean {
  const volume = paths.volume(name);
  using _lock = acquireLock(volume.fillLock);
  moveIn(volume);
  if (!isEmptyDirectory(volume.data)) return false;
  const staged = volume.fillStaging;
  // Of who was killed
  removeTree(staged);
  try {
    Deno.mkdirSync(staged, { mode: 0o700 });
    fill(staged);
    Deno.renameSync(staged, volume.filling);
  } catch (error) {
    removeTree(staged);
    throw error;
  }
  moveIn(volume);
  return true;
}

/**
 * Does what is left to do of an interrupted filling, or waits for who is at it.
 *
 * @throws {SystemError} If the file system refuses.
 */
export function finishFilling(paths: Paths, name: string): void {
  const volume = paths.volume(name);
  using _lock = acquireLock(volume.fillLock);
  moveIn(volume);
}

function moveIn({ data, filling, fillStaging }: VolumePaths): void {
  if (!isPresent(filling)) return;
  removeTree(fillStaging);
  {
    using source = openForReading(filling);
    using target = openForReading(data);
    // Before anything is taken out of it, which changes its time
    const { modifiedAt } = readStatus(source.number);
    describeAs(source, target, data);
    for (const name of listDirectory(source.number)) {
      moveName(source.number, target.number, new Uint8Array([...name, 0]));
    }
    setTimes(target.number, modifiedAt.seconds, modifiedAt.nanoseconds, data);
  }
  // What is left gave way to what a container has made: from now on it is not to be moved in
  Deno.renameSync(filling, fillStaging);
  removeTree(fillStaging);
}

function describeAs(source: Descriptor, target: Descriptor, path: string): void {
  const { uid, gid, mode } = readStatus(source.number);
  setOwner(target.number, uid, gid, path);
  setMode(target.number, mode, path);
  for (const name of listAttributes(source.number)) {
    const value = findAttribute(source.number, name);
    if (value !== undefined) setAttribute(target.number, name, value, path);
  }
}

function moveName(source: number, target: number, name: Uint8Array<ArrayBuffer>): void {
  try {
    moveUnlessPresent(source, target, name);
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== "EINVAL") throw error;
    // The file system cannot tell by itself whether something is there
    const taken = findLocationAt(target, name);
    if (taken === undefined) renameBetween(source, name, target, name);
    else closeDescriptor(taken);
  }
}
