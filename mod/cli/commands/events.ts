/** `wherry events`. @module */

import { parseEventFilter } from "../../engine/system/event_filter.ts";
import { type EventLogDamage, readEvents } from "../../engine/system/event_log.ts";
import { WherryError } from "../../errors.ts";
import type { EVENTS_FLAGS } from "../definitions/system_flags.ts";
import type { Context } from "../base/context.ts";
import { planEventFormat } from "../listing/event_text.ts";
import type { ParsedFlags } from "../base/flags.ts";
import type { Output } from "../base/output.ts";
import { parseTimestamp } from "../base/timestamp.ts";

/** Prints what happens, until `--until` or for ever. */
export async function run(
  { engine, output }: Context,
  { flags }: ParsedFlags<typeof EVENTS_FLAGS>,
): Promise<number> {
  const formatEvent = planEventFormat(flags.format);
  const nowMs = Date.now();
  const request = {
    filter: parseEventFilter(flags.filter),
    ...(flags.since === undefined ? {} : { since: parseTimestamp(flags.since, nowMs) }),
    ...(flags.until === undefined ? {} : { until: parseTimestamp(flags.until, nowMs) }),
  };
  checkOrder(flags, request);
  const damage = await readEvents(engine, request, (events) => {
    output.write(events.map((event) => `${formatEvent(event)}\n`).join(""));
  });
  reportDamage(output, damage);
  return 0;
}

function checkOrder(
  flags: { since?: string | undefined; until?: string | undefined },
  { since, until }: { since?: bigint; until?: bigint },
): void {
  if (since === undefined || until === undefined || since <= until) return;
  throw new WherryError(
    "invalid_argument",
    `Cannot show events since "${flags.since}" until "${flags.until}": the end is before the beginning`,
  );
}

function reportDamage(output: Output, { brokenLines, hasGap }: EventLogDamage): void {
  if (brokenLines > 0) {
    output.warn(`the log of events has ${brokenLines} damaged lines, which were left out`);
  }
  if (hasGap) {
    output.warn("there were more events than could be read: some of them are missing here");
  }
}
