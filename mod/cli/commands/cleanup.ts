/** `wherry __cleanup`, which monitors execute. @module */

import { cleanUpContainer } from "../../engine/lifecycle/sweep.ts";
import type { CLEANUP_FLAGS } from "../definitions/system_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Removes a `--rm` container that has ended; does nothing to any other. */
export async function run(
  { engine }: Context,
  { positionals }: ParsedFlags<typeof CLEANUP_FLAGS>,
): Promise<number> {
  for (const id of positionals) await cleanUpContainer(engine, id);
  return 0;
}
