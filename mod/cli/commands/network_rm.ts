/** `wherry network rm`. @module */

import { removeNetwork } from "../../engine/network/remove_network.ts";
import { WherryError } from "../../errors.ts";
import type { NETWORK_RM_FLAGS } from "../definitions/network_flags.ts";
import type { Context } from "../base/context.ts";
import { forEachName } from "../base/each.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Removes each network and prints what it was called by. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof NETWORK_RM_FLAGS>,
): Promise<number> {
  return forEachName(context, positionals, (name) => {
    try {
      removeNetwork(context.engine, name);
      return name;
    } catch (error) {
      if (flags.force && error instanceof WherryError && error.kind === "not_found") {
        return undefined;
      }
      throw error;
    }
  });
}
