/** Containers that come and go with the host. @module */

import { NEVER, readState } from "../../container/record/state.ts";
import type { Engine } from "../base/engine.ts";
import { type Container, lockContainer, readContainer } from "../record/find.ts";
import { listContainers } from "./list.ts";
import { startContainer } from "./start.ts";

/** Containers, and what is wrong with others, one line each. */
export interface BootPlan {
  /** Ids of the containers, in the order in which to go. */
  ids: string[];
  /** One line each. */
  warnings: string[];
}

/**
 * The containers that should run and do not: those with the policy `always`, or `unless-stopped` if nobody stopped
 * them, that were started before. The oldest comes first.
 */
export function planBoot(engine: Engine): BootPlan {
  const { containers, warnings } = listContainers(engine);
  return { ids: containers.toReversed().filter(shouldRun).map(idOf), warnings };
}

function idOf({ config }: Container): string {
  return config.id;
}

function shouldRun({ config, state }: Container): boolean {
  if (state.isRunning || state.startedAt === NEVER) return false;
  const { name } = config.restartPolicy;
  return name === "always" || (name === "unless-stopped" && !state.isStopped);
}

/**
 * Starts a container that {@linkcode planBoot} found.
 *
 * @returns Once its command runs; whether it was started: false if another command came first.
 */
export async function bootContainer(engine: Engine, id: string): Promise<boolean> {
  const paths = engine.paths.container(id);
  using lock = await lockContainer(engine, id);
  if (lock === undefined) return false;
  // Somebody may have started and stopped it since
  const container = readContainer(engine, id);
  if (container === undefined) return false;
  const state = readState(paths, { isLockHeld: true });
  if (!shouldRun({ ...container, state })) return false;
  using _monitor = await startContainer(engine, { config: container.config, lock });
  return true;
}

/** The containers that run; those that were started last come first. */
export function planShutdown(engine: Engine): BootPlan {
  const { containers, warnings } = listContainers(engine);
  const running = containers.filter(({ state }) => state.isRunning)
    .toSorted(({ state: a }, { state: b }) => Date.parse(b.startedAt) - Date.parse(a.startedAt));
  return { ids: running.map(idOf), warnings };
}
