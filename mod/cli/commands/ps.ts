/** `wherry ps`. @module */

import { parseContainerFilter } from "../../engine/container_filter.ts";
import type { ContainerSize } from "../../engine/container_size.ts";
import type { Engine } from "../../engine/engine.ts";
import { type Container, findContainer } from "../../engine/find.ts";
import { listContainers } from "../../engine/list.ts";
import type { PS_FLAGS } from "../command_flags.ts";
import { CONTAINER_LAYOUT, CONTAINER_LAYOUT_WITH_SIZE, containerRow } from "../container_rows.ts";
import type { Context } from "../context.ts";
import type { ParsedFlags } from "../flags.ts";
import { formatRows, loadFormat } from "../rows.ts";

type PsFlags = ParsedFlags<typeof PS_FLAGS>["flags"];

/** Lists containers. */
export async function run(
  { engine, output }: Context,
  { flags }: ParsedFlags<typeof PS_FLAGS>,
): Promise<number> {
  await loadFormat(flags.format);
  const measure = await loadMeasure(engine, flags);
  const choose = planChoice(engine, flags);
  const { containers, warnings } = listContainers(engine);
  for (const warning of warnings) output.warn(warning);
  const options = {
    isWhole: flags["no-trunc"],
    nowMs: Date.now(),
    ...(measure === undefined ? {} : { measure }),
  };
  const rows = choose(containers).map((container) => containerRow(container, options));
  const { format = "table", quiet } = flags;
  if (quiet && format === "table") output.write(rows.map((row) => `${row["ID"]}\n`).join(""));
  else {
    const layout = flags.size ? CONTAINER_LAYOUT_WITH_SIZE : CONTAINER_LAYOUT;
    output.write(await formatRows(rows, format, layout));
  }
  return 0;
}

/** What is slow is done only for those who look at the result. */
async function loadMeasure(
  engine: Engine,
  { size, format = "" }: PsFlags,
): Promise<((container: Container) => ContainerSize) | undefined> {
  if (!size && !/\.Size\b/.test(format)) return undefined;
  const { SizeMeter } = await import("../../engine/container_size.ts");
  const meter = new SizeMeter(engine);
  return (container) => meter.measure(container);
}

/** Which of all containers, newest first, the flags ask for. */
function planChoice(
  engine: Engine,
  flags: PsFlags,
): (containers: readonly Container[]) => Container[] {
  const filter = parseContainerFilter(
    flags.filter,
    (wanted) => findContainer(engine, wanted),
  );
  const count = flags.latest ? 1 : flags.last ?? 0;
  const hasStopped = flags.all || count > 0 || filter.hasStatus;
  return (containers) =>
    containers
      .filter(({ state }) => hasStopped || state.isRunning)
      .filter((container) => filter.matches(container))
      .slice(0, count > 0 ? count : Infinity);
}
