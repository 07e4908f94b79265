/** `wherry volume export`. @module */

import { exportVolume } from "../../engine/volume_files.ts";
import type { Context } from "../context.ts";
import type { VOLUME_EXPORT_FLAGS } from "../definitions/volume_flags.ts";
import type { ParsedFlags } from "../flags.ts";
import { writeOutput } from "../output_file.ts";

/** Writes what is in a volume as a tar. */
export async function run(
  { engine, output }: Context,
  { flags, positionals: [name = ""] }: ParsedFlags<typeof VOLUME_EXPORT_FLAGS>,
): Promise<number> {
  await writeOutput(output, flags.output, exportVolume(engine, name));
  return 0;
}
