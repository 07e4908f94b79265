/** Removing the volumes that were made for a container which nobody wants any more. @module */

import { type ContainerConfig, readContainerConfig } from "../container/config.ts";
import { isCorrupt } from "../errors.ts";
import { isPresent } from "../kernel/entry.ts";
import { tryAcquireLock } from "../store/lock.ts";
import { lockVolumes, removeVolumeFiles } from "../volume/volume_store.ts";
import type { Engine } from "./engine.ts";
import { listIds } from "./find.ts";

/** Names of the volumes that a container has without anybody having named them. */
export function anonymousVolumesOf({ mounts }: Pick<ContainerConfig, "mounts">): string[] {
  return mounts.flatMap((mount) =>
    mount.type === "volume" && mount.isAnonymous ? [mount.name] : []
  );
}

/**
 * Removes those volumes that no container's record names, waiting for who makes a container with volumes.
 *
 * @throws {Error} If some cannot be removed, for example because something is mounted in one; the others are gone.
 */
export function removeUnusedVolumes(engine: Engine, names: readonly string[]): void {
  using _lock = lockVolumes(engine.paths, "exclusive");
  removeLocked(engine, names);
}

/**
 * The same for who must not wait.
 *
 * @returns False if somebody is making a container with volumes: nothing has been done then.
 */
export function tryRemoveUnusedVolumes(engine: Engine, names: readonly string[]): boolean {
  using lock = tryAcquireLock(engine.paths.volumesLock, { create: true });
  if (lock === undefined) return false;
  removeLocked(engine, names);
  return true;
}

/** With the volumes locked alone no record comes to name one that none has named before. */
function removeLocked(engine: Engine, names: readonly string[]): void {
  const used = findUsedVolumes(engine);
  if (used === undefined) return;
  const failures: unknown[] = [];
  for (const name of names) {
    if (used.has(name)) continue;
    try {
      removeVolumeFiles(engine.paths, name);
    } catch (error) {
      failures.push(error);
    }
  }
  const [first, ...others] = failures;
  if (failures.length > 0) throw others.length === 0 ? first : new AggregateError(failures);
}

/** @returns `undefined` if a damaged record may name any. */
function findUsedVolumes(engine: Engine): ReadonlySet<string> | undefined {
  const used = new Set<string>();
  for (const id of listIds(engine)) {
    try {
      const paths = engine.paths.container(id);
      const config = readContainerConfig(paths);
      // Somebody has emptied it: what was never finished, or is being removed, has none
      if (config === undefined && isPresent(paths.config)) return undefined;
      for (const mount of config?.mounts ?? []) if (mount.type === "volume") used.add(mount.name);
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      return undefined;
    }
  }
  return used;
}
