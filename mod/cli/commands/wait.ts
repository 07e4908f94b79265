/** `wherry wait`. @module */

import { waitForContainer } from "../../engine/lifecycle/stop.ts";
import type { WAIT_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import { forEachName } from "../base/each.ts";
import type { ParsedFlags } from "../base/flags.ts";

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
