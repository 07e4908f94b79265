/** `wherry update`. @module */

import { updateContainer } from "../../engine/update.ts";
import { argumentError } from "../argument_error.ts";
import type { UPDATE_FLAGS } from "../command_flags.ts";
import type { Context } from "../context.ts";
import { forEachName } from "../each.ts";
import type { ParsedFlags } from "../flags.ts";
import { parseRestartPolicy } from "../restart_policy.ts";

/** Changes each container and prints what it was called by. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof UPDATE_FLAGS>,
): Promise<number> {
  if (flags.restart === undefined) {
    throw argumentError("you must provide one or more flags when using this command", {
      hint: "See 'wherry update --help'",
    });
  }
  const restartPolicy = parseRestartPolicy(flags.restart);
  return forEachName(context, positionals, async (name) => {
    await updateContainer(context.engine, name, { restartPolicy });
    return name;
  });
}
