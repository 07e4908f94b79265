/** `wherry image export`. @module */

import { exportImage } from "../../engine/files/export.ts";
import { gzipped } from "../../image/compression/compress.ts";
import type { Context } from "../base/context.ts";
import type { IMAGE_EXPORT_FLAGS } from "../definitions/image_flags.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { writeOutput } from "../base/output_file.ts";

/** Writes the root file system of an image to a file in a directory, and prints its path. */
export async function run(
  { engine, output }: Context,
  { positionals: [wanted = "", directory = ""] }: ParsedFlags<typeof IMAGE_EXPORT_FLAGS>,
): Promise<number> {
  const path = `${directory.replace(/\/+$/, "")}/${fileName(wanted)}.tgz`;
  await writeOutput(output, path, gzipped(exportImage(engine, wanted)));
  output.writeLine(path);
  return 0;
}

/** The last part of the image's name, without tag and digest; of an id, all that was typed. */
function fileName(wanted: string): string {
  const withoutAlgorithm = wanted.replace(/^sha256:/, "");
  const name = withoutAlgorithm.slice(withoutAlgorithm.lastIndexOf("/") + 1);
  return name.replace(/[:@].*$/, "");
}
