/** What a volume can be given of what its container's image has. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import { findRootPlace, type RootLayers } from "../../container/launch/root_place.ts";
import { attributeNames, isEmptyDirectory } from "../../kernel/directory.ts";
import type { Engine } from "../base/engine.ts";
import { lowerDirectoriesOf } from "../base/storage.ts";

/** A path in the root file system that a container is to have. */
export interface ContentSource extends Pick<ContainerConfig, "root" | "storageDriver"> {
  /** Absolute path inside. */
  target: string;
}

/** What is at a path of a root file system. */
export type RootContent =
  /** Nothing. */
  | { type: "none" }
  /** Something that is no directory. */
  | { type: "other" }
  /** An empty directory, with nothing to it but what `lstat` tells of it. */
  | { type: "empty"; /** On the host. */ path: string }
  /** Something that takes a closer look. */
  | { type: "tree" };

/** Attributes that an empty directory need not share: overlayfs's own accounts, and what the host gives each file. */
const UNSHARED_ATTRIBUTE = /^(?:trusted\.overlay\.|security\.selinux$)/;

/** The directories of an image's layers as an overlay of them needs them. */
export function rootLayersOf(
  engine: Engine,
  { root, storageDriver }: Pick<ContentSource, "root" | "storageDriver">,
): RootLayers {
  return {
    directories: lowerDirectoriesOf(engine, { root }).toReversed(),
    mayHoldMarkers: root.type === "image" && storageDriver === "copy",
  };
}

/**
 * Finds out whether there is something at a path of an image, without going through it: tens of microseconds for each
 * layer.
 *
 * @throws {Error} If a file system fails.
 */
export function findRootContent(engine: Engine, source: ContentSource): RootContent {
  const place = findRootPlace(rootLayersOf(engine, source), source.target);
  if (place.type === "missing") return { type: "none" };
  if (place.type === "other") return { type: "other" };
  // What others have mounted in a directory of the host is no part of it
  if (source.root.type === "directory") return { type: "tree" };
  const [top = "", ...others] = place.directories.map((directory) => directory + place.path);
  const isPlain = [top, ...others].every(isEmptyDirectory) &&
    attributeNames(top).every((name) => UNSHARED_ATTRIBUTE.test(name));
  return isPlain ? { type: "empty", path: top } : { type: "tree" };
}

/** Gives a directory what there is to an empty one: owner, mode and time. */
export function copyEmptyDirectory(source: string, target: string): void {
  const { uid, gid, mode, atime, mtime } = Deno.lstatSync(source);
  Deno.chownSync(target, uid, gid);
  // After the owner, since a change of owner takes setuid and setgid away
  if (mode !== null) Deno.chmodSync(target, mode & 0o7777);
  if (mtime !== null) Deno.utimeSync(target, atime ?? mtime, mtime);
}
