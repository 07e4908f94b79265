/** `wherry wait`. @module */

import { waitForContainer } from "../../engine/stop.ts";
import type { WAIT_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../context.ts";
import { forEachName } from "../each.ts";
import type { ParsedFlags } from "../flags.ts";

/** Waits for each container and prints its exit code. */
export function run(
  context: Context,
  { positionals }: ParsedFlags<typeof WAIT_FLAGS>,
): Promise<number> {
  return forEachName(
    context,
    positionals,
    async (name) => String(await waitForContainer(context.engine, name)),
  );
}
