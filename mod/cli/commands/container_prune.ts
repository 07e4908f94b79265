/** `wherry container prune`. @module */

import { pruneContainers } from "../../engine/lifecycle/prune.ts";
import type { CONTAINER_PRUNE_FLAGS } from "../definitions/container_flags.ts";
import { confirm } from "../terminal/confirm.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { parsePruneFilter } from "../request/prune_filter.ts";
import { PruneReport } from "../listing/prune_report.ts";

const WARNING = "WARNING! This will remove all stopped containers.";

/** Removes the containers that do not run, and says how much space that gave. */
export async function run(
  context: Context,
  { flags }: ParsedFlags<typeof CONTAINER_PRUNE_FLAGS>,
): Promise<number> {
  const filter = parsePruneFilter(flags.filter, Date.now());
  if (!flags.force && !confirm(context, WARNING)) return 0;
  const report = new PruneReport(context);
  report.add("Deleted Containers", await pruneContainers(context.engine, filter));
  return report.finish();
}
