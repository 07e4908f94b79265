/** `wherry rmi`. @module */

import { removeImage } from "../../engine/images.ts";
import { formatFamiliar } from "../../image/reference.ts";
import type { RMI_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../context.ts";
import { forEachName } from "../each.ts";
import type { ParsedFlags } from "../flags.ts";

/** Removes each image and prints what was untagged and deleted. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof RMI_FLAGS>,
): Promise<number> {
  return forEachName(context, positionals, (name) => {
    const { untagged, deleted } = removeImage(context.engine, name, { isForced: flags.force });
    const lines = untagged.map((reference) => `Untagged: ${formatFamiliar(reference)}`);
    if (deleted !== undefined) lines.push(`Deleted: ${deleted}`);
    return lines.join("\n");
  });
}
