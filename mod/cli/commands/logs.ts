/** `wherry logs`. @module */

import { readContainerLog } from "../../engine/logs.ts";
import { WherryError } from "../../errors.ts";
import type { LOGS_FLAGS } from "../command_flags.ts";
import type { Context } from "../context.ts";
import type { ParsedFlags } from "../flags.ts";
import { LogPrinter } from "../log_printer.ts";
import { parseTimestamp } from "../timestamp.ts";

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
  const printer = new LogPrinter(output, { hasTimestamps: flags.timestamps });
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

function parseTail(text: string): number | undefined {
  if (text === "all" || /^-\d+$/.test(text)) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw new WherryError("invalid_argument", `Cannot show "${text}" lines: it is not a number`, {
    hint: 'Give --tail a number of lines, or "all"',
  });
}
