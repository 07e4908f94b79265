/** `wherry load`. @module */

import { loadImages } from "../../engine/image/images.ts";
import { formatFamiliar, parseReference } from "../../image/spec/reference.ts";
import type { LOAD_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { openInputOrDirectory } from "../base/input_file.ts";

/** Loads images from an archive or a directory and prints what they are called. */
export async function run(
  { engine, output }: Context,
  { flags }: ParsedFlags<typeof LOAD_FLAGS>,
): Promise<number> {
  using source = openInputOrDirectory(flags.input ?? "-");
  const maxUnpackedBytes = flags["max-unpacked"];
  const loaded = await loadImages(engine, source, {
    ...(flags.platform === undefined ? {} : { platform: flags.platform }),
    ...(maxUnpackedBytes === undefined ? {} : { maxUnpackedBytes }),
  });
  for (const { id, references, takenFrom } of loaded) {
    for (const reference of references) {
      const name = formatFamiliar(parseReference(reference));
      const owner = takenFrom.get(reference);
      if (owner !== undefined) output.writeLine(replacementLine(name, owner));
      output.writeLine(`Loaded image: ${name}`);
    }
    if (references.length === 0) output.writeLine(`Loaded image ID: ${id}`);
  }
  return 0;
}

/** In docker's words. */
function replacementLine(name: string, owner: string): string {
  return `The image ${name} already exists, renaming the old one with ID ${owner} to empty string`;
}
