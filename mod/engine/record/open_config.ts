/** Changing what was asked for after a container was made. @module */

import { type ContainerConfig, readContainerConfig } from "../../container/record/config.ts";
import { isPresent } from "../../kernel/entry.ts";
import { removeTree } from "../../kernel/tree.ts";
import { acquireLock } from "../../store/lock.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { writeRecord } from "../../store/record.ts";
import { noSuchContainer } from "./find.ts";

/** A container's record that nobody else replaces or removes meanwhile. */
export interface OpenConfig extends Disposable {
  /** As it is on disk. */
  readonly config: ContainerConfig;
  /** Replaces it as a whole. */
  replace(config: ContainerConfig): void;
}

/**
 * Opens the record of a container to change it, whether it runs or not.
 *
 * @param wanted What it was called by, for messages.
 * @throws {WherryError} `not_found` if it is gone by now.
 */
export function openConfig(paths: ContainerPaths, wanted: string): OpenConfig {
  using undo = new DisposableStack();
  // After a reboot not even its parents are there
  Deno.mkdirSync(paths.runDirectory, { recursive: true, mode: 0o700 });
  const lock = undo.use(acquireLock(paths.configLock));
  const config = readContainerConfig(paths);
  if (config === undefined) {
    // Somebody removed it while we waited: leave nothing behind
    if (!isPresent(paths.directory)) removeTree(paths.runDirectory);
    throw noSuchContainer(wanted);
  }
  undo.move();
  return {
    config,
    replace: (changed) => writeRecord(paths.config, changed, { isDurable: !changed.isAutoRemoved }),
    [Symbol.dispose]: () => lock[Symbol.dispose](),
  };
}
