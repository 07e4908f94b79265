/** Finding directories of a root file system that is not mounted. @module */

import { attributeNames } from "../../kernel/directory.ts";

/** Attribute by which overlayfs marks a directory that hides what is below it in lower layers. */
const OPAQUE_ATTRIBUTE = "trusted.overlay.opaque";

/** The same where there are no such attributes, and what hides a single name there; see `mod/image/layer/whiteouts.ts`. */
const OPAQUE_MARKER = ".wh..wh..opq";
const WHITEOUT_PREFIX = ".wh.";

/** How many symbolic links a path may have; the kernel's limit. */
const MAX_LINKS = 40;

/** What a root file system is made of. */
export interface RootLayers {
  /** Absolute paths of its directories, the topmost first. */
  directories: readonly string[];
  /** Whether whiteouts may be in them by their names. */
  mayHoldMarkers: boolean;
}

/** What a root file system has at a path. */
export type RootPlace =
  | { type: "missing" }
  /** Something that is no directory. */
  | {
    type: "other"; /** Absolute and without symbolic links but for the last name. */
    path: string;
  }
  | {
    type: "directory";
    /** Absolute and without symbolic links; empty for the root. */
    path: string;
    /** Those of the layers' directories that have a part of it, the topmost first. */
    directories: readonly string[];
  };

type FoundDirectory = RootPlace & { type: "directory" };

/**
 * Finds what an overlay of layers would have at a path. Symbolic links are followed as they would be inside: none can
 * lead out of the layers.
 *
 * @param path Absolute.
 * @throws {Error} If a file system fails.
 */
export function findRootPlace(layers: RootLayers, path: string): RootPlace {
  const pending = path.split("/").toReversed();
  let trail: FoundDirectory[] = [
    { type: "directory", path: "", directories: layers.directories },
  ];
  let linkCount = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const at = trail.at(-1);
    if (at === undefined || name === "" || name === ".") continue;
    if (name === "..") {
      trail = trail.slice(0, Math.max(trail.length - 1, 1));
      continue;
    }
    const found = findName(layers, at, name);
    if (found === "missing") return { type: "missing" };
    if (typeof found === "object") {
      trail.push(found);
      continue;
    }
    const link = linkCount++ < MAX_LINKS ? readLink(found) : undefined;
    if (link === undefined) {
      return pending.length === 0
        ? { type: "other", path: `${at.path}/${name}` }
        : { type: "missing" };
    }
    if (link.startsWith("/")) trail = trail.slice(0, 1);
    pending.push(...link.split("/").toReversed());
  }
  return trail.at(-1) ?? { type: "missing" };
}

/** @returns The path on the host of what is no directory. */
function findName(
  { mayHoldMarkers }: RootLayers,
  { path, directories }: FoundDirectory,
  name: string,
): FoundDirectory | "missing" | string {
  const found: string[] = [];
  const childPath = `${path}/${name}`;
  for (const [index, directory] of directories.entries()) {
    const child = directory + childPath;
    const info = lookAt(child);
    if (info !== undefined && !info.isDirectory) {
      if (found.length > 0) break;
      return isWhiteout(info) ? "missing" : child;
    }
    if (info !== undefined) found.push(directory);
    const isLast = index === directories.length - 1;
    if (isLast || info !== undefined && isOpaque(child, mayHoldMarkers)) break;
    if (mayHoldMarkers && lookAt(`${directory}${path}/${WHITEOUT_PREFIX}${name}`)) break;
  }
  if (found.length === 0) return "missing";
  return { type: "directory", path: childPath, directories: found };
}

function isOpaque(directory: string, mayHoldMarkers: boolean): boolean {
  return attributeNames(directory).includes(OPAQUE_ATTRIBUTE) ||
    mayHoldMarkers && lookAt(`${directory}/${OPAQUE_MARKER}`) !== undefined;
}

function isWhiteout({ isCharDevice, rdev }: Deno.FileInfo): boolean {
  return isCharDevice === true && rdev === 0;
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** @returns `undefined` if it is something else. */
function readLink(path: string): string | undefined {
  return Deno.lstatSync(path).isSymlink ? Deno.readLinkSync(path) : undefined;
}
