/** Bringing an engine and its host in order after crashes. @module */

import { removeEmptyCgroups } from "./cgroup.ts";
import type { Engine } from "./engine.ts";
import { recoverImages } from "./images.ts";
import { sweepContainers, type SweepResult } from "./sweep.ts";
import type { Sweep } from "../image/images.ts";

/** What {@linkcode recoverEngine} did. */
export interface Recovery {
  /** Containers, their names and their run directories. */
  containers: SweepResult;
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
  const cgroups = removeEmptyCgroups();
  return { containers, images: recoverImages(engine), cgroups };
}
