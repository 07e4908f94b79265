/** How much a directory tree takes. @module */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { findInRoot, openDirectory } from "./open.ts";

/** Directories further down are not looked into: each level takes a descriptor. */
const MAX_DEPTH = 512;

/** Linux' ENAMETOOLONG, as Deno words it. */
const NAME_TOO_LONG = "os error 36";

/**
 * Bytes of all files below a path and of the targets that links name, each hard link counted once; 0 if there is
 * nothing. What is mounted below it is somebody else's, and not looked at.
 *
 * A container may be changing the tree: no link is followed, whatever it puts in the way meanwhile. What changes
 * or goes may be counted or not; what lies further down than 512 levels, or has a name that is not UTF-8, is not.
 *
 * @param path Absolute; its parents must not be under somebody else's control.
 */
export function treeBytes(path: string): number {
  const info = lookAt(path);
  if (info === undefined) return 0;
  if (!info.isDirectory) return sizeOf(info);
  using root = openDirectory(path);
  return directoryBytes(root, { seen: new Set(), depth: 0 });
}

/** Devices, FIFOs and sockets take none. */
function sizeOf({ isFile, isSymlink, size }: Deno.FileInfo): number {
  return isFile || isSymlink ? size : 0;
}

/** Where a walk is. */
interface Walk {
  /** Files with several names that were counted, and directories that were entered. */
  seen: Set<string>;
  depth: number;
}

function directoryBytes(directory: Descriptor, walk: Walk): number {
  const self = `/proc/self/fd/${directory.number}`;
  let bytes = 0;
  for (const { name } of Deno.readDirSync(self)) {
    const info = lookAt(`${self}/${name}`);
    if (info === undefined) continue;
    const identity = identityOf(info);
    if (info.isDirectory || (info.nlink ?? 1) > 1) {
      if (walk.seen.has(identity)) continue;
      walk.seen.add(identity);
    }
    bytes += info.isDirectory ? childBytes(directory, { name, identity }, walk) : sizeOf(info);
  }
  return bytes;
}

function childBytes(
  parent: Descriptor,
  { name, identity }: { name: string; identity: string },
  { seen, depth }: Walk,
): number {
  if (depth >= MAX_DEPTH) return 0;
  using child = findInRoot(parent, name, { crossesMounts: false });
  if (child === undefined) return 0;
  // Something else may be there by now, perhaps a link
  const info = Deno.statSync(`/proc/self/fd/${child.number}`);
  return identityOf(info) === identity ? directoryBytes(child, { seen, depth: depth + 1 }) : 0;
}

function identityOf({ dev, ino }: Deno.FileInfo): string {
  return `${dev}:${ino}`;
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Error && error.message.includes(NAME_TOO_LONG)) return undefined;
    throw error;
  }
}
