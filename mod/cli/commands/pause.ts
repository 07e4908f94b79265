/** `wherry pause`. @module */

import { pauseContainer } from "../../engine/pause.ts";
import type { PAUSE_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../context.ts";
import { forEachName } from "../each.ts";
import type { ParsedFlags } from "../flags.ts";

/** Pauses each container and prints what it was called by. */
export function run(
  context: Context,
  { positionals }: ParsedFlags<typeof PAUSE_FLAGS>,
): Promise<number> {
  return forEachName(context, positionals, async (name) => {
    await pauseContainer(context.engine, name);
    return name;
  });
}
