/** `wherry top`. @module */

import { listProcesses } from "../../engine/top.ts";
import { readAccountNames } from "../../kernel/account.ts";
import type { TOP_FLAGS } from "../command_flags.ts";
import type { Context } from "../context.ts";
import type { ParsedFlags } from "../flags.ts";
import type { ProcessContext } from "../process_columns.ts";
import { parsePsOptions } from "../ps_options.ts";
import { formatTable } from "../table.ts";

/** Narrowest column, as docker's `top` has it. */
const MIN_COLUMN_WIDTH = 20;

/** Prints what runs in a container, as `ps` would. */
export function run(
  { engine, output }: Context,
  { positionals }: ParsedFlags<typeof TOP_FLAGS>,
): number {
  const [name = "", ...options] = positionals;
  const columns = parsePsOptions(options);
  const processes = listProcesses(engine, name);
  const context = readProcessContext();
  const rows = processes.map((process) => columns.map(({ format }) => format(process, context)));
  const headers = columns.map(({ header }) => header);
  output.write(formatTable([headers, ...rows], { minColumnWidth: MIN_COLUMN_WIDTH }));
  return 0;
}

function readProcessContext(): ProcessContext {
  const [uptime = ""] = Deno.readTextFileSync("/proc/uptime").split(" ");
  return {
    nowMs: Date.now(),
    uptimeSeconds: Number(uptime),
    memoryKibibytes: Deno.systemMemoryInfo().total / 1024,
    userNames: readAccountNames("/etc/passwd"),
    groupNames: readAccountNames("/etc/group"),
  };
}
