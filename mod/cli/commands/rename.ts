/** `wherry rename`. @module */

import { renameContainer } from "../../engine/lifecycle/rename.ts";
import type { RENAME_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Renames a container; prints nothing, as docker does. */
export async function run(
  { engine }: Context,
  { positionals: [wanted = "", newName = ""] }: ParsedFlags<typeof RENAME_FLAGS>,
): Promise<number> {
  await renameContainer(engine, wanted, newName);
  return 0;
}
