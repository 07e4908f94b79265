/** `wherry container inspect`. @module */

import { inspectContainer } from "../../engine/inspect/inspect.ts";
import type { CONTAINER_INSPECT_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { printInspections } from "../listing/inspection.ts";

/** Prints all that is known about containers. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof CONTAINER_INSPECT_FLAGS>,
): Promise<number> {
  const request = { names: positionals, format: flags.format };
  return printInspections(
    context,
    request,
    (name) => Promise.resolve(inspectContainer(context.engine, name, { hasSize: flags.size })),
  );
}
