/** What containers have changed in their files. @module */

import { type TreeChange, treeChanges } from "../image/tree_changes.ts";
import { isDefaultMountPoint, lowerSources } from "./container_files.ts";
import { type Engine, systemFailure } from "./engine.ts";
import { findContainer } from "./find.ts";
import { changesOf } from "./storage.ts";

/**
 * All paths that are not as the container's image has them. What is mounted inside is not looked at.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @returns Directories before what is in them, sorted by name.
 * @throws {WherryError} `not_found` if there is no such container.
 */
export function diffContainer(engine: Engine, wanted: string): TreeChange[] {
  const { config, paths } = findContainer(engine, wanted);
  try {
    return treeChanges(changesOf(config, paths), lowerSources(engine, config), {
      isExcluded: isDefaultMountPoint,
    });
  } catch (error) {
    throw systemFailure(`compare container "${wanted}" with its image`, error);
  }
}
