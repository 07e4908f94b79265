/** Listing containers. @module */

import { WherryError } from "../../errors.ts";
import { shortId } from "../../store/id.ts";
import { type Container, listIds, readContainer } from "../record/find.ts";
import { type Engine, isMissing, isOfSystem } from "../base/engine.ts";
import { describeSweep, isAbandoned, listOrphanRunDirectories, sweepContainers } from "./sweep.ts";

/** What {@linkcode listContainers} found. */
export interface ContainerList {
  /** The newest first. */
  containers: Container[];
  /** What is wrong with others, one line each. */
  warnings: string[];
}

/**
 * All containers there are, whatever they are doing.
 *
 * Damaged ones and what crashes left behind are put aside or removed on the way. Nothing is
 * written when there is nothing of this kind; before the first use of an engine the list is empty.
 *
 * @throws {WherryError} `unsupported` if the engine's directories may not be read.
 */
export function listContainers(engine: Engine): ContainerList {
  checkReadable(engine);
  const first = readAll(engine);
  if (!first.isSweepNeeded) return { containers: first.containers, warnings: [] };
  const swept = sweep(engine);
  const second = readAll(engine);
  return { containers: second.containers, warnings: [...swept, ...second.problems] };
}

/** Removes what crashes left behind. @returns Warnings: what cannot be written to can still be listed. */
function sweep(engine: Engine): string[] {
  try {
    engine.ensureDirectories();
    return describeSweep(sweepContainers(engine));
  } catch (error) {
    if (!isOfSystem(error)) throw error;
    return [`what crashes left behind stays for now: ${error.message}`];
  }
}

function checkReadable({ paths }: Engine): void {
  try {
    Deno.readDirSync(paths.containers);
  } catch (cause) {
    if (isMissing(cause)) return;
    if (!(cause instanceof Deno.errors.PermissionDenied)) throw cause;
    throw new WherryError("unsupported", `Cannot read "${paths.containers}": permission denied`, {
      cause,
      hint: "Run wherry as root",
    });
  }
}

interface ReadResult {
  containers: Container[];
  /** Why containers could not be read. */
  problems: string[];
  isSweepNeeded: boolean;
}

function readAll(engine: Engine): ReadResult {
  const containers: Container[] = [];
  const problems: string[] = [];
  let isSweepNeeded = listOrphanRunDirectories(engine).length > 0;
  for (const id of listIds(engine)) {
    try {
      const container = readContainer(engine, id);
      if (container !== undefined) containers.push(container);
      // Unfinished, or ended without being removed or recorded: a crash, or about to be
      isSweepNeeded ||= container === undefined || container.state.wasKilled ||
        isAbandoned(container);
    } catch (error) {
      if (!(error instanceof WherryError) || error.kind !== "corrupt") throw error;
      problems.push(`${error.message}; "wherry rm -f ${shortId(id)}" removes the container`);
      isSweepNeeded = true;
    }
  }
  return { containers: containers.toSorted(byAge), problems, isSweepNeeded };
}

function byAge({ config: a }: Container, { config: b }: Container): number {
  if (a.createdAt === b.createdAt) return a.id < b.id ? -1 : 1;
  return a.createdAt < b.createdAt ? 1 : -1;
}
