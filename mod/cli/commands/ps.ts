/** `wherry ps`. @module */

import { parseContainerFilter } from "../../engine/inspect/container_filter.ts";
import { listContainerPorts } from "../../engine/network/container_ports.ts";
import type { ContainerSize } from "../../engine/inspect/container_size.ts";
import type { Engine } from "../../engine/base/engine.ts";
import { type Container, findContainer } from "../../engine/record/find.ts";
import { listContainers } from "../../engine/lifecycle/list.ts";
import { readSandboxIfSound } from "../../engine/record/sandbox_reading.ts";
import { listNetworkRecords } from "../../network/network_store.ts";
import type { Sandbox } from "../../network/sandbox.ts";
import type { PS_FLAGS } from "../definitions/container_flags.ts";
import {
  CONTAINER_LAYOUT,
  CONTAINER_LAYOUT_WITH_SIZE,
  containerRow,
  EMPTY_CONTAINER_ROW,
} from "../listing/container_rows.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { formatRows, loadFormat, type Row } from "../listing/rows.ts";

type PsFlags = ParsedFlags<typeof PS_FLAGS>["flags"];

/** Lists containers. */
export async function run(
  { engine, output }: Context,
  { flags }: ParsedFlags<typeof PS_FLAGS>,
): Promise<number> {
  const { format, quiet } = flags;
  await loadFormat(format);
  const layout = flags.size ? CONTAINER_LAYOUT_WITH_SIZE : CONTAINER_LAYOUT;
  // Also a template that no container will ever see must be right
  if (format !== undefined) await formatRows([EMPTY_CONTAINER_ROW], format, layout);
  const measure = await loadMeasure(engine, flags);
  const sandboxOf = rememberSandboxes(engine);
  const choose = planChoice(engine, flags, sandboxOf);
  const { containers, warnings } = listContainers(engine);
  for (const warning of warnings) output.warn(warning);
  const options = {
    isWhole: flags["no-trunc"],
    nowMs: Date.now(),
    // Ids need none
    ...(quiet ? {} : { sandboxOf }),
    ...(measure === undefined ? {} : { measure }),
  };
  const rows = choose(containers).map((container) => containerRow(container, options));
  if (quiet && format !== undefined) {
    output.warn("Ignoring custom format, because both --format and --quiet are set.");
  }
  output.write(quiet ? formatIds(rows, format) : await formatRows(rows, format, layout));
  return 0;
}

/** One id a line; with the title it has in the format `raw`, which is all that `-q` leaves of a format. */
function formatIds(rows: readonly Row[], format: string | undefined): string {
  const title = format === "raw" ? "container_id: " : "";
  return rows.map((row) => `${title}${row["ID"]}\n`).join("");
}

/** What is slow is done only for those who look at the result. */
async function loadMeasure(
  engine: Engine,
  { size, format = "" }: PsFlags,
): Promise<((container: Container) => ContainerSize) | undefined> {
  if (!size && !/\.Size\b/.test(format)) return undefined;
  const { SizeMeter } = await import("../../engine/inspect/container_size.ts");
  const meter = new SizeMeter(engine);
  return (container) => meter.measure(container);
}

/** A name comes before ids that begin so. */
function findNetworkNames({ paths }: Engine, wanted: string): string[] {
  const { networks } = listNetworkRecords(paths);
  const named = networks.filter(({ name }) => name === wanted);
  const found = named.length > 0 ? named : networks.filter(({ id }) => id.startsWith(wanted));
  return found.map(({ name }) => name);
}

/** Finds what containers have of their networks, each once. */
type SandboxOf = (container: Container) => Sandbox | undefined;

function rememberSandboxes(engine: Engine): SandboxOf {
  const known = new Map<string, Sandbox | undefined>();
  return ({ config: { id, endpoints }, state }) => {
    // Also a record that could not be undone yet tells nothing of what has ended
    if (!state.isRunning || endpoints.length === 0) return undefined;
    if (!known.has(id)) known.set(id, readSandboxIfSound(engine, id));
    return known.get(id);
  };
}

/** Which of all containers, newest first, the flags ask for. */
function planChoice(
  engine: Engine,
  flags: PsFlags,
  sandboxOf: SandboxOf,
): (containers: readonly Container[]) => Container[] {
  const filter = parseContainerFilter(flags.filter, {
    findContainer: (wanted) => findContainer(engine, wanted),
    findNetworks: (wanted) => findNetworkNames(engine, wanted),
    listPorts: (container) => listContainerPorts(container.config, sandboxOf(container)),
  });
  const count = flags.latest ? 1 : flags.last ?? 0;
  const hasStopped = flags.all || count > 0 || filter.hasStatus;
  return (containers) =>
    containers
      .filter(({ state }) => hasStopped || state.isRunning)
      .filter((container) => filter.matches(container))
      .slice(0, count > 0 ? count : Infinity);
}
