/** `wherry history`. @module */

import { readHistory } from "../../engine/image/image_history.ts";
import type { Context } from "../base/context.ts";
import type { HISTORY_FLAGS } from "../definitions/image_flags.ts";
import type { ParsedFlags } from "../base/flags.ts";
import {
  HISTORY_LAYOUT,
  HISTORY_LAYOUT_FOR_PROGRAMS,
  historyRow,
} from "../listing/history_rows.ts";
import { formatRows } from "../listing/rows.ts";

/** Prints how an image was made, the last step first. */
export async function run(
  { engine, output }: Context,
  { flags, positionals: [name = ""] }: ParsedFlags<typeof HISTORY_FLAGS>,
): Promise<number> {
  const options = { isWhole: flags["no-trunc"], isHuman: flags.human, nowMs: Date.now() };
  const rows = readHistory(engine, name).map((step) => historyRow(step, options));
  const isTable = ["", "table"].includes(flags.format ?? "");
  const format = flags.quiet && isTable ? "{{.ID}}" : flags.format;
  const layout = flags.human ? HISTORY_LAYOUT : HISTORY_LAYOUT_FOR_PROGRAMS;
  output.write(await formatRows(rows, format, layout));
  return 0;
}
