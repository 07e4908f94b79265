/** `wherry top`. @module */

import { listProcesses } from "../../engine/inspect/top.ts";
import { readAccountNames } from "../../kernel/account.ts";
import type { TOP_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import type { ProcessContext } from "../request/process_columns.ts";
import { parsePsOptions } from "../request/ps_options.ts";
import { formatTable } from "../listing/table.ts";

/** Narrowest column, as docker's `top` has it, without the gap to the next one. */
const MIN_COLUMN_WIDTH = 17;

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
  const last = columns.length - 1;
  const headers = columns.map(({ header }, index) =>
    index === last ? header : header.padEnd(MIN_COLUMN_WIDTH)
  );
  output.write(formatTable([headers, ...rows]));
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
