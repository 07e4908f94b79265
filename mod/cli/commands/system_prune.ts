/** `wherry system prune`. @module */

import { pruneContainers, pruneDamaged } from "../../engine/lifecycle/prune.ts";
import { recoverEngine } from "../../engine/system/recover.ts";
import { pruneImages } from "../../engine/image/remove_image.ts";
import { pruneNetworks } from "../../engine/network/remove_network.ts";
import { pruneVolumes } from "../../engine/volume/remove_volume.ts";
import type { SYSTEM_PRUNE_FLAGS } from "../definitions/system_flags.ts";
import { argumentError } from "../base/argument_error.ts";
import { confirm } from "../terminal/confirm.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { parsePruneFilter } from "../request/prune_filter.ts";
import { PruneReport } from "../listing/prune_report.ts";

type PruneFlags = ParsedFlags<typeof SYSTEM_PRUNE_FLAGS>["flags"];

/** Removes what is not used, and says how much space that gave. */
export async function run(
  context: Context,
  { flags }: ParsedFlags<typeof SYSTEM_PRUNE_FLAGS>,
): Promise<number> {
  const { engine } = context;
  const filter = parsePruneFilter(flags.filter, Date.now());
  if (flags.volumes && filter.beforeMs !== undefined) {
    throw argumentError('ERROR: The "until" filter is not supported with "--volumes"');
  }
  if (!flags.force && !confirm(context, warningOf(flags))) return 0;
  const report = new PruneReport(context);
  await recoverEngine(engine);
  report.add("Deleted Containers", await pruneContainers(engine, filter));
  // Of damaged records neither age nor labels are known
  const isDamagedToo = flags.filter.length === 0;
  if (isDamagedToo) report.add("Deleted Damaged Containers", pruneDamaged(engine));
  report.add("Deleted Networks", pruneNetworks(engine, filter));
  if (flags.volumes) {
    report.add("Deleted Volumes", pruneVolumes(engine, { filter, isNamedToo: false }));
  }
  report.add(
    "Deleted Images",
    pruneImages(engine, { filter, isNamedToo: flags.all, isDamagedToo }),
  );
  return report.finish();
}

function warningOf({ all, filter, volumes }: PruneFlags): string {
  const lines = [
    "WARNING! This will remove:",
    "  - all stopped containers",
    "  - all networks not used by at least one container",
    ...(volumes ? ["  - all anonymous volumes not used by at least one container"] : []),
    "  - all containers whose records are damaged, also if they run",
    all
      ? "  - all images without at least one container associated to them"
      : "  - all dangling images",
  ];
  if (filter.length > 0) {
    lines.push(
      "",
      "  Items to be pruned will be filtered with:",
      ...filter.map((text) => `  - ${text}`),
    );
  }
  return `${lines.join("\n")}\n`;
}
