/** `wherry volume rm`. @module */

import { removeVolume } from "../../engine/volume/remove_volume.ts";
import { WherryError } from "../../errors.ts";
import type { VOLUME_RM_FLAGS } from "../definitions/volume_flags.ts";
import type { Context } from "../base/context.ts";
import { forEachName } from "../base/each.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Removes each volume and prints its name. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof VOLUME_RM_FLAGS>,
): Promise<number> {
  return forEachName(context, positionals, (name) => {
    try {
      removeVolume(context.engine, name, { isForced: flags.force });
      return name;
    } catch (error) {
      // As docker has it, the name is printed all the same
      if (flags.force && error instanceof WherryError && error.kind === "not_found") return name;
      throw error;
    }
  });
}
