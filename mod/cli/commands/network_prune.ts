/** `wherry network prune`. @module */

import { pruneNetworks } from "../../engine/network/remove_network.ts";
import type { NETWORK_PRUNE_FLAGS } from "../definitions/network_flags.ts";
import { confirm } from "../terminal/confirm.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { parsePruneFilter } from "../request/prune_filter.ts";
import { PruneReport } from "../listing/prune_report.ts";

const WARNING = "WARNING! This will remove all custom networks not used by at least one container.";

/** Removes the networks that no container is on. */
export function run(
  context: Context,
  { flags }: ParsedFlags<typeof NETWORK_PRUNE_FLAGS>,
): number {
  const filter = parsePruneFilter(flags.filter, Date.now());
  if (!flags.force && !confirm(context, WARNING)) return 0;
  const report = new PruneReport(context);
  report.add("Deleted Networks", pruneNetworks(context.engine, filter));
  // Networks take no room that would be worth telling
  return report.exitCode;
}
