/** Bringing an engine and its host in order after crashes. @module */

import { containerCgroup, listContainerCgroups, removeEmptyCgroups } from "./cgroup.ts";
import type { Engine } from "./engine.ts";
import { listIds, tryLockContainer } from "./find.ts";
import { recoverImages } from "./images.ts";
import { sweepContainers, type SweepResult } from "./sweep.ts";
import type { Sweep } from "../image/images.ts";

/** What {@linkcode recoverEngine} did. */
export interface Recovery {
  /** Containers, their names and their run directories. */
  containers: SweepResult;
  /** Ids of containers of which there was something left that their records do not tell of. */
  killed: string[];
  /** The image store. */
  images: Sweep;
  /** Paths of cgroups without processes that were removed. */
  cgroups: string[];
}

/**
 * Removes what crashes left behind, wherever they did.
 *
 * Nothing that runs is touched, nor what other engines on this host are at.
 *
 * @throws {WherryError} `corrupt` if an image's documents are damaged; all else is done by then.
 */
export function recoverEngine(engine: Engine): Recovery {
  engine.ensureDirectories();
  const containers = sweepContainers(engine, { waits: true });
  const killed = killForgotten(engine, containers);
  const cgroups = removeEmptyCgroups();
  return { containers, killed, images: recoverImages(engine), cgroups };
}

/** Kills what monitors left that were killed while they started a container again: its record still says "exited". */
function killForgotten(engine: Engine, { failed }: SweepResult): string[] {
  const cgroups = new Set(listContainerCgroups());
  const ids = listIds(engine).filter((id) => cgroups.has(containerCgroup(id) ?? ""));
  return ids.filter((id) => {
    try {
      using lock = tryLockContainer(engine, id);
      return lock !== undefined;
    } catch (error) {
      failed.set(id, error);
      return false;
    }
  });
}
