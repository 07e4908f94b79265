/** `wherry ps`. @module */

import { parseContainerFilter } from "../../engine/container_filter.ts";
import type { Container } from "../../engine/find.ts";
import { listContainers } from "../../engine/list.ts";
import type { PS_FLAGS } from "../command_flags.ts";
import { CONTAINER_LAYOUT, containerRow } from "../container_rows.ts";
import type { Context } from "../context.ts";
import type { ParsedFlags } from "../flags.ts";
import { formatRows } from "../rows.ts";

type PsFlags = ParsedFlags<typeof PS_FLAGS>["flags"];

/** Lists containers. */
export async function run(
  { engine, output }: Context,
  { flags }: ParsedFlags<typeof PS_FLAGS>,
): Promise<number> {
  const choose = planChoice(flags);
  const { containers, warnings } = listContainers(engine);
  for (const warning of warnings) output.warn(warning);
  const options = { isWhole: flags["no-trunc"], nowMs: Date.now() };
  const rows = choose(containers).map((container) => containerRow(container, options));
  const { format = "table", quiet } = flags;
  if (quiet && format === "table") output.write(rows.map((row) => `${row["ID"]}\n`).join(""));
  else output.write(await formatRows(rows, format, CONTAINER_LAYOUT));
  return 0;
}

/** Which of all containers, newest first, the flags ask for. */
function planChoice(flags: PsFlags): (containers: readonly Container[]) => Container[] {
  const filter = parseContainerFilter(flags.filter);
  const count = flags.latest ? 1 : flags.last ?? 0;
  const hasStopped = flags.all || count > 0 || filter.hasStatus;
  return (containers) =>
    containers
      .filter(({ state }) => hasStopped || state.isRunning)
      .filter((container) => filter.matches(container))
      .slice(0, count > 0 ? count : Infinity);
}
