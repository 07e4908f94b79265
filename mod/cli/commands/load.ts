/** `wherry load`. @module */

import { loadImages } from "../../engine/images.ts";
import { formatFamiliar } from "../../image/reference.ts";
import type { LOAD_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../context.ts";
import type { ParsedFlags } from "../flags.ts";
import { openInput } from "../input_file.ts";

/** Loads images from a docker archive and prints what they are called. */
export async function run(
  { engine, output }: Context,
  { flags }: ParsedFlags<typeof LOAD_FLAGS>,
): Promise<number> {
  using source = openInput(flags.input ?? "-");
  for (const { id, references } of await loadImages(engine, source)) {
    for (const reference of references) {
      output.writeLine(`Loaded image: ${formatFamiliar(reference)}`);
    }
    if (references.length === 0) output.writeLine(`Loaded image ID: ${id}`);
  }
  return 0;
}
