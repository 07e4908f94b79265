/** `wherry tag`. @module */

import { tagImage } from "../../engine/image/remove_image.ts";
import type { TAG_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Gives an image one more name. */
export function run(
  { engine }: Context,
  { positionals: [source = "", target = ""] }: ParsedFlags<typeof TAG_FLAGS>,
): number {
  tagImage(engine, source, target);
  return 0;
}
