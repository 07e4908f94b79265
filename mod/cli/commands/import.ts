/** `wherry import`. @module */

import { importImage } from "../../engine/images.ts";
import type { IMPORT_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../context.ts";
import type { ParsedFlags } from "../flags.ts";
import { openInput } from "../input_file.ts";

/** Makes an image of a root file system's tar and prints its id. */
export async function run(
  { engine, output }: Context,
  { flags, positionals: [path = "-", reference] }: ParsedFlags<typeof IMPORT_FLAGS>,
): Promise<number> {
  using source = openInput(path);
  const { id, skippedAttributes } = await importImage(engine, source, {
    ...(reference === undefined ? {} : { reference }),
    ...(flags.message === undefined ? {} : { message: flags.message }),
    changes: flags.change,
    ...(flags["max-unpacked"] === undefined ? {} : { maxUnpackedBytes: flags["max-unpacked"] }),
  });
  for (const name of skippedAttributes) {
    output.warn(`the file system cannot store the extended attribute ${name}: it was left out`);
  }
  output.writeLine(id);
  return 0;
}
