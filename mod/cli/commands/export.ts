/** `wherry export`. @module */

import { exportContainer } from "../../engine/files/export.ts";
import type { Context } from "../base/context.ts";
import type { EXPORT_FLAGS } from "../definitions/container_flags.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { writeOutput } from "../base/output_file.ts";

/** Writes the root file system of a container as a tar. */
export async function run(
  { engine, output }: Context,
  { flags, positionals: [wanted = ""] }: ParsedFlags<typeof EXPORT_FLAGS>,
): Promise<number> {
  await writeOutput(output, flags.output, exportContainer(engine, wanted));
  return 0;
}
