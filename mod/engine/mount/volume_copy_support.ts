/** When the code is loaded that fills volumes: only some containers need it. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import { isPresent } from "../../kernel/entry.ts";
import type { Engine } from "../base/engine.ts";

/** Fills volumes. */
export type VolumeCopy = typeof import("./volume_copy.ts");

/** Loads what filling volumes takes; nothing must be held or made before. */
export async function loadVolumeCopy(): Promise<VolumeCopy> {
  return await import("./volume_copy.ts");
}

/**
 * Finishes what a killed command has left to do in a container's volumes. Who calls it before anything else has it
 * loaded by the time the container is started.
 *
 * @throws {WherryError} `unavailable` if the file system refuses.
 */
export async function finishVolumes(
  engine: Engine,
  { mounts }: Pick<ContainerConfig, "mounts">,
): Promise<void> {
  for (const mount of mounts) {
    if (mount.type !== "volume" || !isPresent(engine.paths.volume(mount.name).filling)) continue;
    const { finishVolume } = await loadVolumeCopy();
    finishVolume(engine, mount.name);
  }
}
