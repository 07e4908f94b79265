/** Removing the volumes that go with a container: those that nobody gave a name. @module */

import type { Descriptor } from "../../ffi/descriptor.ts";
import type { ContainerConfig } from "../container/config.ts";
import { isPresent, listNames } from "../kernel/entry.ts";
import { lockDescription } from "../kernel/open.ts";
import { removeTree } from "../kernel/tree.ts";
import { isId } from "../store/id.ts";
import { tryAcquireLock } from "../store/lock.ts";
import { removeIfPresent } from "../store/record.ts";
import { VOLUME_DRIVER } from "../volume/volume.ts";
import {
  lockVolumes,
  sweepVolumes as sweepLeftovers,
  takeVolumeAway,
  type VolumeSweep,
} from "../volume/volume_store.ts";
import type { Engine } from "./engine.ts";
import { recordVolumeEvent } from "./events.ts";
import { checkNothingMounted } from "./in_the_way.ts";
import { unmountUnused } from "./mounted_volumes.ts";
import { VolumesUse } from "./volume_use.ts";

/** Names of the volumes that a container has without anybody having named them. */
export function anonymousVolumesOf({ mounts }: Pick<ContainerConfig, "mounts">): string[] {
  return mounts.flatMap((mount) =>
    mount.type === "volume" && mount.isAnonymous ? [mount.name] : []
  );
}

/** Says that the record of a container names these volumes: no sweep takes them for what a killed command left. */
export function claimVolumes({ paths }: Pick<Engine, "paths">, names: readonly string[]): void {
  for (const name of names) removeIfPresent(paths.volume(name).unclaimed);
}

/**
 * Removes the volumes without a name that were made for containers which have never come to be, and what else crashes
 * left among the volumes, unless somebody is at work there at this moment.
 */
export function sweepVolumes(engine: Engine): VolumeSweep {
  const sweep = sweepLeftovers(engine.paths);
  const unclaimed = listNames(engine.paths.volumes).filter((name) =>
    isId(name) && isPresent(engine.paths.volume(name).unclaimed)
  );
  if (unclaimed.length === 0) return sweep;
  using lock = tryAcquireLock(engine.paths.volumesLock, { create: true });
  if (lock === undefined) return sweep;
  const use = new VolumesUse(engine);
  claimVolumes(engine, unclaimed.filter((name) => use.usersOf(name).length > 0));
  const spare = unclaimed.filter((name) => use.isSpare(name));
  try {
    removeLocked(engine, spare, lock);
    sweep.removedCount += spare.length;
  } catch (error) {
    sweep.failures.push(error);
  }
  return sweep;
}

/**
 * Removes those of some volumes that no container has, waiting for who makes a container with volumes. What is gone
 * already is fine.
 *
 * @throws {WherryError} `conflict` if something is mounted in one, which is left as it is.
 * @throws {SystemError} If one cannot be removed.
 */
export function removeSpareVolumes(engine: Engine, names: readonly string[]): void {
  using lock = lockVolumes(engine.paths, "exclusive");
  removeLocked(engine, names, lock);
}

/**
 * The same for who must not wait.
 *
 * @returns False if somebody is making a container with volumes: nothing has been done then.
 */
export function tryRemoveSpareVolumes(engine: Engine, names: readonly string[]): boolean {
  using lock = tryAcquireLock(engine.paths.volumesLock, { create: true });
  if (lock === undefined) return false;
  removeLocked(engine, names, lock);
  return true;
}

/** While the lock is held alone, no record comes to name a volume that none has named before. */
function removeLocked(engine: Engine, names: readonly string[], lock: Descriptor): void {
  const { paths } = engine;
  const use = new VolumesUse(engine);
  const spare = names.filter((name) =>
    isPresent(paths.volume(name).directory) && use.isSpare(name)
  );
  for (const name of spare) {
    // A crash may have left it mounted
    unmountUnused(engine, name);
    checkNothingMounted(`remove volume "${name}"`, paths.volume(name).directory);
  }
  const doomed = spare.map((name) => {
    const place = takeVolumeAway(paths, name);
    recordVolumeEvent(engine, { volume: { name, driver: VOLUME_DRIVER }, action: "destroy" });
    return place;
  });
  // Who makes volumes need not wait until all of them is gone
  lockDescription(lock, "shared", { wait: true });
  for (const { directory } of doomed) removeTree(directory);
}
