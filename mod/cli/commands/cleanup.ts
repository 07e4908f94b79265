/** `wherry __cleanup`, which monitors execute. @module */

import { cleanUpContainer } from "../../engine/sweep.ts";
import type { CLEANUP_FLAGS } from "../command_flags.ts";
import type { Context } from "../context.ts";
import type { ParsedFlags } from "../flags.ts";

/** Removes a `--rm` container that has ended; does nothing to any other. */
export function run(
  { engine }: Context,
  { positionals }: ParsedFlags<typeof CLEANUP_FLAGS>,
): number {
  for (const id of positionals) cleanUpContainer(engine, id);
  return 0;
}
