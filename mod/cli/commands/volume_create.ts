/** `wherry volume create`. @module */

import { createVolume } from "../../engine/mount/volumes.ts";
import type { Context } from "../base/context.ts";
import type { VOLUME_CREATE_FLAGS } from "../definitions/volume_flags.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { parseNameValues } from "../base/name_values.ts";

/** Makes a volume and prints its name. */
export function run(
  { engine, output }: Context,
  { flags, positionals: [name = ""] }: ParsedFlags<typeof VOLUME_CREATE_FLAGS>,
): number {
  const { driver = "" } = flags;
  const volume = createVolume(engine, {
    // As docker has it, what is empty is not given
    ...(name === "" ? {} : { name }),
    ...(driver === "" ? {} : { driver }),
    options: parseNameValues(flags.opt),
    labels: parseNameValues(flags.label),
  });
  output.writeLine(volume.name);
  return 0;
}
