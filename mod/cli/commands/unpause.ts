/** `wherry unpause`. @module */

import { unpauseContainer } from "../../engine/lifecycle/pause.ts";
import type { PAUSE_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import { forEachName } from "../base/each.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Lets each container go on and prints what it was called by. */
export function run(
  context: Context,
  { positionals }: ParsedFlags<typeof PAUSE_FLAGS>,
): Promise<number> {
  return forEachName(context, positionals, async (name) => {
    await unpauseContainer(context.engine, name);
    return name;
  });
}
