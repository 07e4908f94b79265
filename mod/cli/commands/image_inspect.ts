/** `wherry image inspect`. @module */

import { inspectImage } from "../../engine/inspect_image.ts";
import type { IMAGE_INSPECT_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../context.ts";
import type { ParsedFlags } from "../flags.ts";
import { printInspections } from "../inspection.ts";

/** Prints all that is known about images. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof IMAGE_INSPECT_FLAGS>,
): Promise<number> {
  const request = { names: positionals, format: flags.format };
  return printInspections(context, request, (name) => inspectImage(context.engine, name));
}
