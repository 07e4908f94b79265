/** `wherry logs`. @module */

import { formatLogDetails } from "../../container/log/log_details.ts";
import { findContainer } from "../../engine/record/find.ts";
import { readContainerLog } from "../../engine/inspect/logs.ts";
import type { LOGS_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { LogPrinter } from "../listing/log_printer.ts";
import { parseTimestamp } from "../base/timestamp.ts";

/** Prints what a container has printed, each stream where it belongs. */
export async function run(
  { engine, output }: Context,
  { flags, positionals }: ParsedFlags<typeof LOGS_FLAGS>,
): Promise<number> {
  const [wanted = ""] = positionals;
  const tail = parseTail(flags.tail ?? "all");
  const nowMs = Date.now();
  const request = {
    isFollowed: flags.follow,
    ...(tail === undefined ? {} : { tail }),
    ...(flags.since === undefined ? {} : { since: parseTimestamp(flags.since, nowMs) }),
    ...(flags.until === undefined ? {} : { until: parseTimestamp(flags.until, nowMs) }),
  };
  const printer = new LogPrinter(output, {
    hasTimestamps: flags.timestamps,
    ...(flags.details ? { details: formatLogDetails(findContainer(engine, wanted).config) } : {}),
  });
  const damage = await readContainerLog(
    engine,
    { wanted, request },
    (records) => printer.print(records),
  );
  if (damage.brokenRecords > 0) {
    output.warn(`the log has ${damage.brokenRecords} damaged records, which were left out`);
  }
  if (damage.hasGap) {
    output.warn("the log was rotated faster than it could be read: some of it is missing here");
  }
  return 0;
}

/** As docker has it, all of them is meant by whatever is no number of 0 or more. */
function parseTail(text: string): number | undefined {
  return /^\+?\d+$/.test(text) ? Number(text) : undefined;
}
