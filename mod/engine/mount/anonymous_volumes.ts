/** Removing the volumes that go with a container: those that nobody gave a name. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import { isPresent, listNames } from "../../kernel/entry.ts";
import { lockDescription } from "../../kernel/open.ts";
import { isId } from "../../store/id.ts";
import { tryAcquireLock } from "../../store/lock.ts";
import { removeIfPresent } from "../../store/record.ts";
import { VOLUME_DRIVER } from "../../volume/volume.ts";
import {
  hasLeftovers,
  lockVolumes,
  removeLeftovers,
  type VolumeSweep,
} from "../../volume/volume_store.ts";
import type { Engine } from "../base/engine.ts";
import { collecting, removeDoomed, takeAway } from "./volume_removal.ts";
import { VolumesUse } from "./volume_use.ts";

/** Names of the volumes that a container has without anybody having named them. */
export function anonymousVolumesOf({ mounts }: Pick<ContainerConfig, "mounts">): string[] {
  return mounts.flatMap((mount) =>
    mount.type === "volume" && mount.isAnonymous ? [mount.name] : []
  );
}

/** Says that these volumes are not only there for a container that may never come to be. */
export function claimVolumes({ paths }: Pick<Engine, "paths">, names: readonly string[]): void {
  for (const name of names) removeIfPresent(paths.volume(name).unclaimed);
}

/**
 * Removes the volumes without a name that were made for containers which have never come to be, and what else crashes
 * left among the volumes, unless somebody is at work there at this moment.
 *
 * Makes nothing where there is nothing to do.
 */
export function sweepVolumes(engine: Engine): VolumeSweep {
  const nothing = { removedCount: 0, failures: [] };
  if (!hasLeftovers(engine.paths) && listUnclaimed(engine).length === 0) return nothing;
  using lock = tryAcquireLock(engine.paths.volumesLock, { create: true });
  if (lock === undefined) return nothing;
  const sweep = removeLeftovers(engine.paths);
  const use = new VolumesUse(engine);
  // What was unclaimed before it was locked may have become somebody's
  const unclaimed = listUnclaimed(engine);
  claimVolumes(engine, unclaimed.filter((name) => use.usersOf(name).length > 0));
  const { removedCount, failures } = removeSpare(engine, unclaimed, { lock, use });
  return {
    removedCount: sweep.removedCount + removedCount,
    failures: [...sweep.failures, ...failures],
  };
}

/** Those with a name stay: somebody may expect them. */
function listUnclaimed({ paths }: Engine): string[] {
  return listNames(paths.volumes).filter((name) =>
    isId(name) && isPresent(paths.volume(name).unclaimed)
  );
}

/**
 * Removes those of some volumes that no container has, waiting for who makes a container with volumes. What is gone
 * already is fine.
 *
 * @throws {WherryError} `conflict` if something is mounted in one, `unavailable` if the system refuses; the others are
 * gone then.
 */
export function removeSpareVolumes(engine: Engine, names: readonly string[]): void {
  using lock = lockVolumes(engine.paths, "exclusive");
  removeAll(engine, names, lock);
}

/**
 * The same for who must not wait.
 *
 * @returns False if somebody is making a container with volumes: nothing has been done then.
 */
export function tryRemoveSpareVolumes(engine: Engine, names: readonly string[]): boolean {
  using lock = tryAcquireLock(engine.paths.volumesLock, { create: true });
  if (lock === undefined) return false;
  removeAll(engine, names, lock);
  return true;
}

/** The same with those that were made for a container which has not come to be, unless somebody has claimed them. */
export function removeUnclaimedVolumes(engine: Engine, names: readonly string[]): void {
  using lock = lockVolumes(engine.paths, "exclusive");
  const unclaimed = names.filter((name) => isPresent(engine.paths.volume(name).unclaimed));
  removeAll(engine, unclaimed, lock);
}

function removeAll(engine: Engine, names: readonly string[], lock: Descriptor): void {
  const { failures } = removeSpare(engine, names, { lock, use: new VolumesUse(engine) });
  // One is enough to tell of: as long as there are others, removing that one again fails with the next
  if (failures.length > 0) throw failures[0];
}

/** While the lock is held alone, no record comes to name a volume that none has named before. */
function removeSpare(
  engine: Engine,
  names: readonly string[],
  { lock, use }: { lock: Descriptor; use: VolumesUse },
): VolumeSweep {
  const sweep: VolumeSweep = { removedCount: 0, failures: [] };
  const doomed = names
    .filter((name) => isPresent(engine.paths.volume(name).directory) && use.isSpare(name))
    .flatMap((name) =>
      collecting(sweep, () => takeAway(engine, { name, driver: VOLUME_DRIVER })) ?? []
    );
  // Who makes volumes need not wait until all of them is gone
  lockDescription(lock, "shared", { wait: true });
  for (const one of doomed) {
    collecting(sweep, () => {
      removeDoomed(one);
      sweep.removedCount++;
    });
  }
  return sweep;
}
