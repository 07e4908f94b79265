/** `wherry import`. @module */

import { importImage, type ImportImageOptions } from "../../engine/image/images.ts";
import type { IMPORT_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../base/context.ts";
import type { FlagValues, ParsedFlags } from "../base/flags.ts";
import { type InputFile, openInput } from "../base/input_file.ts";

/** Makes an image of a root file system's tar and prints its id. */
export async function run(
  context: Context,
  { flags, positionals: [path = "-", reference] }: ParsedFlags<typeof IMPORT_FLAGS>,
): Promise<number> {
  using source = openInput(path);
  return await importFrom(context, source, {
    ...importOptions(flags),
    ...(reference === undefined ? {} : { reference }),
  });
}

/** What the flags say about the image. */
export function importOptions(flags: FlagValues<typeof IMPORT_FLAGS>): ImportImageOptions {
  return {
    ...(flags.message === undefined ? {} : { message: flags.message }),
    changes: flags.change,
    ...(flags.platform === undefined ? {} : { platform: flags.platform }),
    ...(flags["max-unpacked"] === undefined ? {} : { maxUnpackedBytes: flags["max-unpacked"] }),
  };
}

/** Imports what has been opened and prints the image's id. */
export async function importFrom(
  { engine, output }: Context,
  source: InputFile,
  options: ImportImageOptions,
): Promise<number> {
  const { id, skippedAttributes } = await importImage(engine, source, options);
  for (const name of skippedAttributes) {
    output.warn(`the file system cannot store the extended attribute ${name}: it was left out`);
  }
  output.writeLine(id);
  return 0;
}
