/** What containers use as the lines of `stats`. @module */

import type { ContainerStats } from "../../engine/inspect/stats.ts";
import type { Pressure } from "../../kernel/pressure.ts";
import { shortId } from "../../store/id.ts";
import type { Row, RowLayout } from "./rows.ts";
import { formatBinarySize, formatDecimalSize } from "../base/units.ts";

/** Docker's word for what is not known. */
const UNKNOWN = "--";

const PRESSURE_COLUMNS = [
  { field: "CPUPressure", header: "CPU PRESSURE" },
  { field: "MemPressure", header: "MEM PRESSURE" },
  { field: "IOPressure", header: "I/O PRESSURE" },
] as const;

const USUAL_COLUMNS = [
  { field: "ID", header: "CONTAINER ID" },
  { field: "Name", header: "NAME" },
  { field: "CPUPerc", header: "CPU %" },
  { field: "MemUsage", header: "MEM USAGE / LIMIT" },
  { field: "MemPerc", header: "MEM %" },
  { field: "NetIO", header: "NET I/O" },
  { field: "BlockIO", header: "BLOCK I/O" },
  { field: "PIDs", header: "PIDS" },
  { field: "Container", header: "CONTAINER", isExtra: true },
] as const;

/** The fields of docker's `stats`, and the pressure. */
export const STATS_LAYOUT: RowLayout = {
  typeName: "*container.statsContext",
  columns: [
    ...USUAL_COLUMNS,
    ...PRESSURE_COLUMNS.map((column) => ({ ...column, isExtra: true })),
  ],
};

/** The same with the pressure in the plain table. */
export const STATS_LAYOUT_WITH_PRESSURE: RowLayout = {
  ...STATS_LAYOUT,
  columns: [...USUAL_COLUMNS, ...PRESSURE_COLUMNS],
};

/**
 * One container's fields.
 *
 * @param isWhole Whether ids are given in full.
 */
export function statsRow(stats: ContainerStats, { isWhole }: { isWhole: boolean }): Row {
  const { id, name, wanted, cpuPercent, memoryBytes, memoryLimitBytes, taskCount } = stats;
  const shown = (id: string): string => isWhole ? id : shortId(id);
  return {
    BlockIO: formatPair(stats.readBytes, stats.writtenBytes, formatDecimalSize),
    CPUPerc: formatPercent(cpuPercent),
    Container: wanted === id ? shown(id) : wanted,
    ID: shown(id),
    MemPerc: formatPercent(memoryShare(memoryBytes, memoryLimitBytes)),
    MemUsage: formatPair(memoryBytes, memoryLimitBytes, formatBinarySize),
    Name: name,
    NetIO: formatPair(stats.receivedBytes, stats.sentBytes, formatDecimalSize),
    PIDs: taskCount === undefined ? UNKNOWN : String(taskCount),
    CPUPressure: formatPressure(stats.pressure.cpu),
    MemPressure: formatPressure(stats.pressure.memory),
    IOPressure: formatPressure(stats.pressure.io),
  };
}

/** The fields of a container that was asked for and is gone. */
export function goneStatsRow(wanted: string): Row {
  const unknown = `${UNKNOWN} / ${UNKNOWN}`;
  return {
    BlockIO: unknown,
    CPUPerc: UNKNOWN,
    Container: wanted,
    ID: UNKNOWN,
    MemPerc: UNKNOWN,
    MemUsage: unknown,
    Name: UNKNOWN,
    NetIO: unknown,
    PIDs: UNKNOWN,
    CPUPressure: unknown,
    MemPressure: unknown,
    IOPressure: unknown,
  };
}

/** @returns In percent; 0 of nothing at all, as with docker. */
function memoryShare(bytes: number | undefined, limit: number | undefined): number | undefined {
  if (bytes === undefined || limit === undefined) return undefined;
  return limit === 0 ? 0 : 100 * bytes / limit;
}

function formatPercent(percent: number | undefined): string {
  return percent === undefined ? UNKNOWN : `${percent.toFixed(2)}%`;
}

function formatPair(
  first: number | undefined,
  second: number | undefined,
  format: (bytes: number) => string,
): string {
  return [first, second].map((value) => value === undefined ? UNKNOWN : format(value)).join(" / ");
}

function formatPressure({ some, full }: Pressure = { some: undefined, full: undefined }): string {
  return `${formatPercent(some)} / ${formatPercent(full)}`;
}
