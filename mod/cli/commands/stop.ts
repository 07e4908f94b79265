/** `wherry stop`. @module */

import { stopContainer } from "../../engine/lifecycle/stop.ts";
import type { STOP_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import { forEachName } from "../base/each.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { stopOptions } from "../request/stop_options.ts";

/** Stops each container and prints what it was called by. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof STOP_FLAGS>,
): Promise<number> {
  const options = stopOptions(flags);
  return forEachName(context, positionals, async (name) => {
    await stopContainer(context.engine, name, options);
    return name;
  });
}
