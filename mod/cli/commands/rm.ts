/** `wherry rm`. @module */

import { removeContainer } from "../../engine/lifecycle/remove.ts";
import { WherryError } from "../../errors.ts";
import type { RM_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import { forEachName } from "../base/each.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Removes each container and prints what it was called by. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof RM_FLAGS>,
): Promise<number> {
  const { engine, output, isDebug } = context;
  return forEachName(context, positionals, async (name) => {
    try {
      await removeContainer(engine, name, {
        isForced: flags.force,
        removesVolumes: flags.volumes,
      });
      return name;
    } catch (error) {
      if (!flags.force || !isNotFound(error)) throw error;
      // What somebody wants gone at any price is gone: said, and no failure
      output.renderError(error, { debug: isDebug });
      return undefined;
    }
  });
}

function isNotFound(error: unknown): boolean {
  return error instanceof WherryError && error.kind === "not_found";
}
