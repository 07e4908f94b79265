/** Changing how much of the host a container may use, also while it runs. @module */

import { type LimitChanges, mergeResources } from "../../container/resource/limits_update.ts";
import type { Resources } from "../../container/resource/resources.ts";
import { WherryError } from "../../errors.ts";
import { changeContainer, type OpenContainer } from "../network/change_container.ts";
import type { Engine } from "../base/engine.ts";
import { findContainer } from "../record/find.ts";
import { checkLimits } from "../resource/limits.ts";
import { setLiveLimits } from "../resource/live_limits.ts";

/**
 * Checks a change of limits, without making it.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} As {@linkcode updateLimits} does.
 */
export function checkLimitUpdate(
  engine: Engine,
  wanted: string,
  changes: LimitChanges,
): void {
  planUpdate(wanted, findContainer(engine, wanted).config.resources, changes);
}

/**
 * Changes limits: of a container that runs at once, of another when it is started. All of them, or none.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `invalid_argument`, `conflict` or `unsupported` for what cannot be; nothing has changed then.
 */
export async function updateLimits(
  engine: Engine,
  wanted: string,
  changes: LimitChanges,
): Promise<void> {
  const { paths } = findContainer(engine, wanted);
  await changeContainer(engine, wanted, ({ record, isRunning }: OpenContainer) => {
    const resources = planUpdate(wanted, record.config.resources, changes);
    const to = { ...record.config, resources };
    using undo = new DisposableStack();
    if (isRunning) {
      explained(wanted, () => setLiveLimits(paths, { from: record.config, to }, undo));
    }
    record.replace(to);
    undo.move();
  });
}

function planUpdate(wanted: string, old: Resources, changes: LimitChanges): Resources {
  return explained(wanted, () => {
    const resources = mergeResources(old, changes);
    checkLimits(resources);
    return resources;
  });
}

/** Says of what container the trouble is. */
function explained<T>(wanted: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (!(cause instanceof WherryError)) throw cause;
    const { kind, message, hint } = cause;
    throw new WherryError(kind, `Cannot update container "${wanted}": ${message}`, {
      cause,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
