/** `wherry image inspect`. @module */

import { inspectImage } from "../../engine/inspect/inspect_image.ts";
import type { IMAGE_INSPECT_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { printInspections } from "../listing/inspection.ts";

/** Prints all that is known about images. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof IMAGE_INSPECT_FLAGS>,
): Promise<number> {
  const request = { names: positionals, format: flags.format };
  return printInspections(context, request, (name) => inspectImage(context.engine, name));
}
