/** `wherry export`. @module */

import { exportContainer } from "../../engine/export.ts";
import type { Context } from "../context.ts";
import type { EXPORT_FLAGS } from "../definitions/container_flags.ts";
import type { ParsedFlags } from "../flags.ts";
import { Interruption } from "../interruption.ts";
import { type Chunks, interruptible, writeToFile, writeToStdout } from "../output_file.ts";

/** Writes the root file system of a container as a tar. */
export async function run(
  { engine, output }: Context,
  { flags, positionals: [wanted = ""] }: ParsedFlags<typeof EXPORT_FLAGS>,
): Promise<number> {
  using interruption = new Interruption(`export container "${wanted}"`, "No file was written");
  const chunks = (): Chunks => interruptible(exportContainer(engine, wanted), interruption.signal);
  if (flags.output === undefined) await writeToStdout(output, chunks);
  else await writeToFile(flags.output, chunks);
  return 0;
}
