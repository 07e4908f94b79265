/** `wherry save`. @module */

import { saveImages } from "../../engine/image/save_images.ts";
import { SAVE_FORMATS, type SaveFormat } from "../../image/archive/save.ts";
import { flagError } from "../base/argument_error.ts";
import type { SAVE_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { writeOutput } from "../base/output_file.ts";

/** Writes images as an archive to a file, or to stdout. */
export async function run(
  { engine, output }: Context,
  { flags, positionals }: ParsedFlags<typeof SAVE_FLAGS>,
): Promise<number> {
  const { platform } = flags;
  const format = parseFormat(flags.format ?? "docker-archive");
  const options = platform === undefined ? { format } : { format, platform };
  await writeOutput(output, flags.output, saveImages(engine, positionals, options));
  return 0;
}

function parseFormat(text: string): SaveFormat {
  const format = SAVE_FORMATS.find((known) => known === text);
  if (format !== undefined) return format;
  throw flagError(`invalid format: '${text}'`, { hint: `Use ${SAVE_FORMATS.join(" or ")}` });
}
