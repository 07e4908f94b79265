/** The root file system of a container, as it is on disk. @module */

import { type ContainerConfig } from "../container/config.ts";
import { MANAGED_ETC_FILES } from "../container/launch_plan.ts";
import { type ByteString, byteStringOfText } from "../image/byte_string.ts";
import type { TreeSource } from "../image/tree_walk.ts";
import type { Engine } from "./engine.ts";
import type { Container } from "./find.ts";
import { lowerDirectoriesOf, ownDirectoryOf } from "./storage.ts";

/** Where something is mounted in every container, so that what the image lacks of it is made when one starts. */
const DEFAULT_MOUNT_POINTS: ReadonlySet<ByteString> = new Set(
  ["dev", "proc", "sys", ...MANAGED_ETC_FILES.map((name) => `etc/${name}`)].map(byteStringOfText),
);

/**
 * Whether a path of a container's own changes is there for what is mounted on it in every container: nobody inside
 * can have changed it.
 *
 * @param path Relative to the root.
 */
export function isDefaultMountPoint(path: ByteString): boolean {
  return DEFAULT_MOUNT_POINTS.has(path);
}

/** Directories that a container's root file system is made of below its own changes, the topmost first. */
export function lowerSources(engine: Engine, config: ContainerConfig): TreeSource[] {
  const mayHoldMounts = config.root.type === "directory";
  return lowerDirectoriesOf(engine, config).toReversed()
    .map((path) => ({ path, mayHoldMounts, mayHoldMarkers: !mayHoldMounts }));
}

/** Directories that a container's root file system is made of, the topmost first. */
export function rootSources(engine: Engine, { config, paths }: Container): TreeSource[] {
  const own = { path: ownDirectoryOf(config, paths), mayHoldMounts: false };
  return config.storageDriver === "copy" ? [own] : [own, ...lowerSources(engine, config)];
}
