/** `wherry network inspect`. @module */

import { inspectNetwork } from "../../engine/inspect/inspect_network.ts";
import type { NETWORK_INSPECT_FLAGS } from "../definitions/network_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { printInspections } from "../listing/inspection.ts";

/** Prints all that is known about networks. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof NETWORK_INSPECT_FLAGS>,
): Promise<number> {
  const request = { names: positionals, format: flags.format };
  return printInspections(context, request, (name) => inspectNetwork(context.engine, name));
}
