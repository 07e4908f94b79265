/** `wherry volume prune`. @module */

import { pruneVolumes } from "../../engine/volume/remove_volume.ts";
import type { VOLUME_PRUNE_FLAGS } from "../definitions/volume_flags.ts";
import { argumentError } from "../base/argument_error.ts";
import { confirm } from "../terminal/confirm.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { parseVolumePruneFilter } from "../request/prune_filter.ts";
import { PruneReport } from "../listing/prune_report.ts";

/** Removes the volumes that no container uses. */
export function run(
  context: Context,
  { flags }: ParsedFlags<typeof VOLUME_PRUNE_FLAGS>,
): number {
  const { filter, isAll } = parseVolumePruneFilter(flags.filter);
  if (flags.all && isAll !== undefined) {
    throw argumentError(
      "conflicting options: cannot specify both --all and --filter all=1",
    );
  }
  const kind = flags.all ? "all" : "anonymous";
  const warning =
    `WARNING! This will remove ${kind} local volumes not used by at least one container.`;
  if (!flags.force && !confirm(context, warning)) return 0;
  const report = new PruneReport(context);
  const isNamedToo = flags.all || isAll === true;
  report.add("Deleted Volumes", pruneVolumes(context.engine, { filter, isNamedToo }));
  return report.finish();
}
