/** Taking volumes away that nobody uses, with the volumes locked. @module */

import { removeTree } from "../../kernel/tree.ts";
import type { VolumePaths } from "../../store/paths.ts";
import type { Volume } from "../../volume/volume.ts";
import { takeVolumeAway } from "../../volume/volume_store.ts";
import type { Engine } from "../base/engine.ts";
import { recordVolumeEvent } from "../base/events.ts";
import { checkNothingMounted, removalFailure } from "../base/in_the_way.ts";
import { unmountForRemoval } from "../record/mounted_volumes.ts";

/** A volume that nobody can find any more. */
export interface DoomedVolume {
  name: string;
  /** Where it is now. */
  paths: VolumePaths;
}

/**
 * Takes a volume away at once, with the volumes locked by the caller alone.
 *
 * @returns What {@linkcode removeDoomed} removes, for which a shared lock will do: who makes volumes need not wait.
 * @throws {WherryError} `conflict` if something is mounted in it, or a container that runs uses it; `unavailable` if the
 * system refuses. It is as it was then.
 */
export function takeAway(engine: Engine, volume: Pick<Volume, "name" | "driver">): DoomedVolume {
  const { name } = volume;
  const action = `remove volume "${name}"`;
  const { directory } = engine.paths.volume(name);
  // A crash may have left it mounted
  unmountForRemoval(engine, name);
  checkNothingMounted(action, directory);
  const doomed = { name, paths: moveAway(engine, name, action) };
  recordVolumeEvent(engine, { volume, action: "destroy" });
  return doomed;
}

function moveAway({ paths }: Engine, name: string, action: string): VolumePaths {
  const { directory } = paths.volume(name);
  try {
    return takeVolumeAway(paths, name);
  } catch (cause) {
    throw removalFailure(action, { directory, nextStep: "try again" }, cause);
  }
}

/**
 * Removes all of a volume that has been taken away.
 *
 * @throws {WherryError} `unavailable` if the system refuses: sweeps remove the rest.
 */
export function removeDoomed({ name, paths: { directory } }: DoomedVolume): void {
  try {
    removeTree(directory);
  } catch (cause) {
    const nextStep = 'let "wherry system recover" remove the rest';
    throw removalFailure(`remove all of volume "${name}"`, { directory, nextStep }, cause);
  }
}

/** Does something about one volume of several: one that fails stops nobody. */
export function collecting<T>(
  { failures }: { failures: unknown[] },
  action: () => T,
): T | undefined {
  try {
    return action();
  } catch (error) {
    failures.push(error);
    return undefined;
  }
}
