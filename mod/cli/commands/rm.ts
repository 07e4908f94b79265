/** `wherry rm`. @module */

import { removeContainer } from "../../engine/remove.ts";
import type { RM_FLAGS } from "../command_flags.ts";
import type { Context } from "../context.ts";
import { forEachName } from "../each.ts";
import type { ParsedFlags } from "../flags.ts";

/** Removes each container and prints what it was called by. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof RM_FLAGS>,
): Promise<number> {
  return forEachName(context, positionals, async (name) => {
    await removeContainer(context.engine, name, { isForced: flags.force });
    return name;
  });
}
