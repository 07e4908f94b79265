/** Removing containers that are not used. @module */

import { listNames } from "../../kernel/entry.ts";
import { removeTree } from "../../kernel/tree.ts";
import { treeBytes } from "../../kernel/tree_size.ts";
import type { Engine } from "../base/engine.ts";
import { recordPrune } from "../base/events.ts";
import { lockContainer, readContainer } from "../record/find.ts";
import { checkNothingMounted, removalFailure } from "../base/in_the_way.ts";
import { listContainers } from "./list.ts";
import { removeLocked } from "./remove.ts";
import { isPrunable, type PruneFilter, type PruneResult } from "../base/prunable.ts";
import { ownDirectoryOf } from "../base/storage.ts";

/**
 * Removes the containers that do not run: those that were never started, too.
 *
 * A container that another command works on stays.
 */
export async function pruneContainers(
  engine: Engine,
  filter: PruneFilter,
): Promise<PruneResult> {
  const result: PruneResult = { removed: [], reclaimedBytes: 0, failures: [] };
  for (const { config, state } of listContainers(engine).containers) {
    if (state.isRunning || !isPrunable(filter, config)) continue;
    try {
      await pruneContainer(engine, config.id, result);
    } catch (error) {
      result.failures.push(error);
    }
  }
  recordPrune(engine, { type: "container", reclaimedBytes: result.reclaimedBytes });
  return result;
}

async function pruneContainer(
  engine: Engine,
  id: string,
  result: PruneResult,
): Promise<void> {
  const paths = engine.paths.container(id);
  using lock = await lockContainer(engine, id);
  // Gone, or in use since it was listed
  if (lock === undefined) return;
  const container = readContainer(engine, id);
  if (container === undefined) return;
  const bytes = treeBytes(ownDirectoryOf(container.config, paths));
  removeLocked(engine, container.config, "kept");
  result.removed.push(id);
  result.reclaimedBytes += bytes;
}

/** Removes the containers that were put aside because their records were damaged. */
export function pruneDamaged({ paths }: Engine): PruneResult {
  const result: PruneResult = { removed: [], reclaimedBytes: 0, failures: [] };
  for (const name of listNames(paths.damaged)) {
    try {
      pruneDirectory(`${paths.damaged}/${name}`, result);
    } catch (error) {
      result.failures.push(error);
    }
  }
  if (result.removed.length > 0 && result.failures.length === 0) removeTree(paths.damaged);
  return result;
}

function pruneDirectory(directory: string, result: PruneResult): void {
  const action = `remove "${directory}"`;
  checkNothingMounted(action, directory);
  const bytes = treeBytes(directory);
  try {
    removeTree(directory);
  } catch (cause) {
    throw removalFailure(action, { directory, nextStep: "prune again" }, cause);
  }
  result.removed.push(directory);
  result.reclaimedBytes += bytes;
}
