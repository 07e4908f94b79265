/** `wherry volume inspect`. @module */

import { inspectVolume } from "../../engine/volume/list_volumes.ts";
import type { VOLUME_INSPECT_FLAGS } from "../definitions/volume_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { printInspections } from "../listing/inspection.ts";

/** Prints all that is known about volumes. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof VOLUME_INSPECT_FLAGS>,
): Promise<number> {
  const request = { names: positionals, format: flags.format };
  return printInspections(context, request, (name) => inspectVolume(context.engine, name));
}
