/** Containers as the lines of `ps`. @module */

import { containerArgv, type ContainerConfig } from "../../container/record/config.ts";
import { mountNameOf } from "../../container/record/mounts.ts";
import type { ContainerState, HealthStatus } from "../../container/record/state.ts";
import { listContainerPorts, networkNamesOf } from "../../engine/network/container_ports.ts";
import type { ContainerSize } from "../../engine/inspect/container_size.ts";
import type { Container } from "../../engine/record/find.ts";
import type { Sandbox } from "../../network/sandbox.ts";
import { shortId } from "../../store/id.ts";
import { ellipsis } from "./ellipsis.ts";
import { quoteText } from "../template/go_quote.ts";
import { formatPorts } from "./port_text.ts";
import type { Row, RowLayout } from "./rows.ts";
import { formatDecimalSize, formatDuration } from "../base/units.ts";

const RAW_FIELDS = [
  ["container_id", "ID"],
  ["image", "Image"],
  ["command", "Command"],
  ["created_at", "CreatedAt"],
  ["state", "State"],
  ["status", "Status"],
  ["names", "Names"],
  ["labels", "Labels"],
  ["ports", "Ports"],
] as const;

/** The fields of docker's `ps`, and the pid. */
export const CONTAINER_LAYOUT: RowLayout = {
  typeName: "*formatter.ContainerContext",
  raw: RAW_FIELDS,
  columns: [
    { field: "ID", header: "CONTAINER ID" },
    { field: "Image", header: "IMAGE" },
    { field: "Command", header: "COMMAND" },
    { field: "RunningFor", header: "CREATED" },
    { field: "Status", header: "STATUS" },
    { field: "Ports", header: "PORTS" },
    { field: "Names", header: "NAMES" },
    { field: "Size", header: "SIZE", isExtra: true },
    { field: "CreatedAt", header: "CREATED AT", isExtra: true },
    { field: "IP", header: "IP", isExtra: true },
    { field: "Labels", header: "LABELS", isExtra: true },
    { field: "LocalVolumes", header: "LOCAL VOLUMES", isExtra: true },
    { field: "Mounts", header: "MOUNTS", isExtra: true },
    { field: "Networks", header: "NETWORKS", isExtra: true },
    { field: "Pid", header: "PID", isExtra: true },
    { field: "Platform", header: "PLATFORM", isExtra: true },
    { field: "State", header: "STATE", isExtra: true },
  ],
};

/** The same with the sizes in the plain table and in `raw`. */
export const CONTAINER_LAYOUT_WITH_SIZE: RowLayout = {
  ...CONTAINER_LAYOUT,
  raw: [...RAW_FIELDS, ["size", "Size"]],
  columns: CONTAINER_LAYOUT.columns.map((column) =>
    column.field === "Size" ? { field: "Size", header: "SIZE" } : column
  ),
};

/** How {@linkcode containerRow} writes. */
export interface ContainerRowOptions {
  /** Whether ids, commands and mounts are given in full. */
  isWhole: boolean;
  /** What ages are counted from, in milliseconds since 1970. */
  nowMs: number;
  /** What a container has of its networks, while it runs. @default {nothing} */
  sandboxOf?: (container: Container) => Sandbox | undefined;
  /** Finds out how much room the container takes. @default {it is not asked for} */
  measure?: (container: Container) => ContainerSize;
}

const COMMAND_WIDTH = 20;
const MOUNT_WIDTH = 15;

/** One container's fields. */
export function containerRow(
  container: Container,
  { isWhole, nowMs, sandboxOf, measure }: ContainerRowOptions,
): Row {
  const { config, state } = container;
  const sandbox = sandboxOf?.(container);
  const command = formatCommand(containerArgv(config));
  const mounts = config.mounts.map(mountNameOf).filter((name) => name !== "");
  return {
    ID: isWhole ? config.id : shortId(config.id),
    Image: formatImage(config, isWhole),
    Command: quoteText(isWhole ? command : ellipsis(command, COMMAND_WIDTH)),
    CreatedAt: `${config.createdAt.slice(0, 19).replace("T", " ")} +0000 UTC`,
    RunningFor: formatAge(config.createdAt, nowMs),
    Status: formatStatus(state, nowMs),
    State: state.status,
    Ports: formatPorts(listContainerPorts(config, sandbox)),
    Names: config.name,
    Size: formatSize(measure?.(container)),
    IP: formatAddress(sandbox),
    Labels: Object.entries(config.labels).map(([name, value]) => `${name}=${value}`).join(","),
    Label: (name: string): string =>
      Object.hasOwn(config.labels, name) ? config.labels[name] ?? "" : "",
    LocalVolumes: String(config.mounts.filter(({ type }) => type === "volume").length),
    Mounts: mounts.map((name) => isWhole ? name : ellipsis(name, MOUNT_WIDTH)).join(","),
    Networks: networkNamesOf(config).join(","),
    Pid: state.pid,
    // Known to docker only where images are kept for several
    Platform: null,
  };
}

/** On the first network that gives one; the IPv4 address if there are both. */
function formatAddress(sandbox: Sandbox | undefined): string {
  const addresses = sandbox?.endpoints.map(({ ipv4, ipv6 }) => ipv4?.address ?? ipv6?.address);
  return addresses?.find((address) => address !== undefined) ?? "";
}

/** The fields of no container, on which docker tries every template before it looks for containers. */
export const EMPTY_CONTAINER_ROW: Row = {
  ...Object.fromEntries(CONTAINER_LAYOUT.columns.map(({ field }) => [field, ""])),
  Image: "<no image>",
  Command: '""',
  CreatedAt: "1970-01-01 00:00:00 +0000 UTC",
  Size: "0B",
  Label: (): string => "",
  LocalVolumes: "0",
  Pid: 0,
  Platform: null,
};

/** What was not asked for is `0B`, as docker has it. */
function formatSize(size: ContainerSize | undefined): string {
  if (size === undefined) return "0B";
  const { writtenBytes, totalBytes } = size;
  return `${formatDecimalSize(writtenBytes)} (virtual ${formatDecimalSize(totalBytes)})`;
}

/** `Up 3 minutes (healthy)`, `Exited (0) 2 hours ago`, `Created` and so on, as docker words it. */
function formatStatus(
  { status, startedAt, finishedAt, exitCode, health }: ContainerState,
  nowMs: number,
): string {
  const uptime = `Up ${formatDuration(nowMs - Date.parse(startedAt))}`;
  switch (status) {
    case "created":
      return "Created";
    case "running":
      return uptime + HEALTH_NOTES[health];
    case "paused":
      return `${uptime} (Paused)`;
    case "restarting":
      return `Restarting (${exitCode}) ${formatAge(finishedAt, nowMs)}`;
    case "exited":
      return `Exited (${exitCode}) ${formatAge(finishedAt, nowMs)}`;
  }
}

const HEALTH_NOTES: Readonly<Record<HealthStatus, string>> = {
  none: "",
  starting: " (health: starting)",
  healthy: " (healthy)",
  unhealthy: " (unhealthy)",
};

function formatAge(time: string, nowMs: number): string {
  return `${formatDuration(nowMs - Date.parse(time))} ago`;
}

/** A directory is named by its path. */
function formatImage({ root }: ContainerConfig, isWhole: boolean): string {
  if (root.type === "directory") return root.path;
  return isWhole ? root.reference : root.reference.replace(/@sha256:[0-9a-f]{64}$/, "");
}

/** Words of more than one part are quoted, as docker shows them. */
function formatCommand([program = "", ...args]: readonly string[]): string {
  return [program, ...args.map((arg) => arg.includes(" ") ? `'${arg}'` : arg)].join(" ");
}
