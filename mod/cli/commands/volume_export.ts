/** `wherry volume export`. @module */

import { exportVolume } from "../../engine/volume/volume_files.ts";
import type { Context } from "../base/context.ts";
import type { VOLUME_EXPORT_FLAGS } from "../definitions/volume_flags.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { writeOutput } from "../base/output_file.ts";

/** Writes what is in a volume as a tar. */
export async function run(
  { engine, output }: Context,
  { flags, positionals: [name = ""] }: ParsedFlags<typeof VOLUME_EXPORT_FLAGS>,
): Promise<number> {
  await writeOutput(output, flags.output, exportVolume(engine, name));
  return 0;
}
