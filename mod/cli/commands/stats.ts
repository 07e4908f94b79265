/** `wherry stats`. @module */

import { type StatsRound, watchStats } from "../../engine/inspect/stats.ts";
import { terminalSize } from "../../kernel/terminal.ts";
import type { STATS_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { formatPage } from "../terminal/live_screen.ts";
import type { Output } from "../base/output.ts";
import { formatRows, loadFormat, type Row } from "../listing/rows.ts";
import {
  goneStatsRow,
  STATS_LAYOUT,
  STATS_LAYOUT_WITH_PRESSURE,
  statsRow,
} from "../listing/stats_rows.ts";

/** Shows what containers use, once or until somebody ends it. */
export async function run(
  { engine, output }: Context,
  { positionals, flags }: ParsedFlags<typeof STATS_FLAGS>,
): Promise<number> {
  const { format } = flags;
  await loadFormat(format);
  const layout = flags.pressure ? STATS_LAYOUT_WITH_PRESSURE : STATS_LAYOUT;
  // Also a template that no container will ever see must be right
  if (format !== undefined) await formatRows([goneStatsRow("")], format, layout);
  const show = flags["no-stream"] ? (text: string): void => output.write(text) : liveShow(output);
  const known = new Set<string>();
  for await (const round of watchStats(engine, { names: positionals, isAll: flags.all })) {
    warnOnce(output, round, known);
    show(await formatRows(rowsOf(round, flags["no-trunc"]), format, layout));
    if (flags["no-stream"]) break;
  }
  return 0;
}

function rowsOf({ containers, gone }: StatsRound, isWhole: boolean): Row[] {
  return [...containers.map((stats) => statsRow(stats, { isWhole })), ...gone.map(goneStatsRow)];
}

function warnOnce(output: Output, { warnings }: StatsRound, known: Set<string>): void {
  for (const warning of warnings.filter((warning) => !known.has(warning))) {
    output.warn(warning);
    known.add(warning);
  }
}

/** On a terminal each page takes the place of the one before; elsewhere it follows it, without control characters. */
function liveShow(output: Output): (text: string) => void {
  if (!Deno.stdout.isTerminal()) return (text) => output.write(text);
  let isFirst = true;
  return (text) => {
    const lines = text.replace(/\n$/, "").split("\n");
    output.write(formatPage(lines, terminalSize(1), { isFirst }));
    isFirst = false;
  };
}
