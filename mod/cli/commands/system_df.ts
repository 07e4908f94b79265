/** `wherry system df`. @module */

import { readDiskUsage } from "../../engine/system/disk_usage.ts";
import type { Context } from "../base/context.ts";
import type { SYSTEM_DF_FLAGS } from "../definitions/system_flags.ts";
import {
  type DetailRows,
  detailRows,
  DISK_USAGE_LAYOUT,
  totalRows,
} from "../listing/disk_usage_rows.ts";
import { formatObject } from "../listing/facts.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { formatRows, type Row } from "../listing/rows.ts";

/** Shows what takes how much room on the disk. */
export async function run(
  { engine, output }: Context,
  { flags: { format, verbose } }: ParsedFlags<typeof SYSTEM_DF_FLAGS>,
): Promise<number> {
  const usage = readDiskUsage(engine);
  if (!verbose) {
    output.write(await formatRows(totalRows(usage), format, DISK_USAGE_LAYOUT));
    return 0;
  }
  const isTable = ["", "table"].includes(format ?? "");
  const details = detailRows(usage, { isWhole: !isTable, nowMs: Date.now() });
  output.write(isTable ? await formatTables(details) : formatWhole(details, format ?? ""));
  return 0;
}

async function formatTables(details: Readonly<Record<string, DetailRows>>): Promise<string> {
  const tables = await Promise.all(
    Object.values(details).map(async ({ title, rows, layout }) =>
      `${title}\n\n${await formatRows(rows, undefined, layout)}`
    ),
  );
  return tables.join("\n");
}

/** Templates and JSON have all kinds in one object. */
function formatWhole(details: Readonly<Record<string, DetailRows>>, format: string): string {
  const kinds = Object.entries(details).map(([kind, { rows }]) => [kind, rows.map(sorted)]);
  return formatObject(Object.fromEntries(kinds), format);
}

/** By names of fields, as docker writes them. */
function sorted(row: Row): Row {
  return Object.fromEntries(Object.entries(row).toSorted(([a], [b]) => a < b ? -1 : 1));
}
