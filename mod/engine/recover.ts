/** Bringing an engine and its host in order after crashes. @module */

import { containerCgroup } from "./cgroup.ts";
import type { Engine } from "./engine.ts";
import { isMissing } from "./engine.ts";
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

/** A cgroup without processes is one that a container is being made in, for this long in milliseconds. */
const START_TIME_MS = 60_000;

/**
 * Removes cgroups that no process is in.
 *
 * All engines of this host have their containers' in one place, and nothing tells whose a cgroup is: one with
 * processes is never touched.
 */
function removeEmptyCgroups(): string[] {
  const parent = containerCgroup("")?.replace(/\/$/, "");
  if (parent === undefined) return [];
  return listDirectories(parent).filter((path) => isAbandoned(path) && removeIfEmpty(path));
}

function listDirectories(parent: string): string[] {
  try {
    return [...Deno.readDirSync(parent)].filter(({ isDirectory }) => isDirectory)
      .map(({ name }) => `${parent}/${name}`);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isAbandoned(path: string): boolean {
  try {
    const madeAtMs = Deno.statSync(path).mtime?.getTime() ?? Date.now();
    const isPopulated = Deno.readTextFileSync(`${path}/cgroup.events`).includes("populated 1");
    return !isPopulated && Date.now() - madeAtMs > START_TIME_MS;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

function removeIfEmpty(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch (error) {
    // EBUSY: something has begun to run in it, or it has cgroups of its own
    if (isGone(error) || (error instanceof Error && error.message.includes("os error 16"))) {
      return false;
    }
    throw error;
  }
}

/** Files of a cgroup that is removed meanwhile answer ENODEV. */
function isGone(error: unknown): boolean {
  return isMissing(error) || (error instanceof Error && error.message.includes("os error 19"));
}
