/** `wherry rmi`. @module */

import { ImageRemover } from "../../engine/image/remove_image.ts";
import { WherryError } from "../../errors.ts";
import type { RMI_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../base/context.ts";
import { forEachName } from "../base/each.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Removes each image and prints what was untagged and deleted. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof RMI_FLAGS>,
): Promise<number> {
  const { engine, output, isDebug } = context;
  const remover = new ImageRemover(engine);
  return forEachName(context, positionals, (name) => {
    try {
      const { untagged, deleted } = remover.remove(name, { isForced: flags.force });
      return [
        ...untagged.map((reference) => `Untagged: ${reference}`),
        ...deleted.map((digest) => `Deleted: ${digest}`),
      ].join("\n");
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
