/** `wherry image prune`. @module */

import { pruneImages } from "../../engine/image/remove_image.ts";
import { confirm } from "../terminal/confirm.ts";
import type { Context } from "../base/context.ts";
import type { IMAGE_PRUNE_FLAGS } from "../definitions/image_flags.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { parsePruneFilter } from "../request/prune_filter.ts";
import { PruneReport } from "../listing/prune_report.ts";

const WARNING = "WARNING! This will remove all dangling images.";
const WARNING_FOR_ALL =
  "WARNING! This will remove all images without at least one container associated to them.";

/** Removes images that nothing uses, and says how much space that gave. */
export function run(
  context: Context,
  { flags }: ParsedFlags<typeof IMAGE_PRUNE_FLAGS>,
): number {
  const filter = parsePruneFilter(flags.filter, Date.now());
  if (!flags.force && !confirm(context, flags.all ? WARNING_FOR_ALL : WARNING)) return 0;
  const report = new PruneReport(context);
  const isDamagedToo = flags.filter.length === 0;
  report.add(
    "Deleted Images",
    pruneImages(context.engine, { filter, isNamedToo: flags.all, isDamagedToo }),
  );
  return report.finish();
}
