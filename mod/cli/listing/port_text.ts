/** The ports of a container in docker's words: pure. @module */

import { type ContainerPort, portName } from "../../engine/network/container_ports.ts";
import { compareNaturally } from "../../engine/base/natural_order.ts";

/** Ports in a row that are shown as one range. */
interface PortGroup {
  hostAddress: string;
  protocol: string;
  first: number;
  last: number;
}

/**
 * The column `PORTS` of `ps`, in docker's order: ports with the same number on both sides and those that are exposed
 * only, joined to ranges, and then the others.
 *
 * @see `DisplayablePorts` of docker's client
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 *
 * const port = { containerPort: 80, protocol: "tcp", hostPort: 8080 };
 * const ports = ["0.0.0.0", "::"].map((hostAddress) => ({ ...port, hostAddress }));
 * strictEqual(formatPorts(ports), "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp");
 * ```
 */
export function formatPorts(ports: readonly ContainerPort[]): string {
  const complete: PortGroup[] = [];
  const open = new Map<string, PortGroup>();
  const moved: string[] = [];
  for (const port of ports.toSorted(comparePorts)) {
    const { hostAddress, hostPort, containerPort, protocol } = port;
    if (hostAddress !== "" && hostPort !== containerPort) {
      moved.push(`${formatHostPort(port)}->${portName(port)}`);
      continue;
    }
    const key = `${hostAddress}/${protocol}`;
    const group = open.get(key);
    if (group !== undefined && containerPort === group.last + 1) {
      group.last = containerPort;
      continue;
    }
    if (group !== undefined) complete.push(group);
    // Keeps the place of the first group of its kind
    open.set(key, { hostAddress, protocol, first: containerPort, last: containerPort });
  }
  return [...[...complete, ...open.values()].map(formatGroup), ...moved].join(", ");
}

function formatGroup({ hostAddress, protocol, first, last }: PortGroup): string {
  const range = first === last ? `${first}` : `${first}-${last}`;
  if (hostAddress === "") return `${range}/${protocol}`;
  return `${joinHostPort(hostAddress, range)}->${range}/${protocol}`;
}

function comparePorts(a: ContainerPort, b: ContainerPort): number {
  return a.containerPort - b.containerPort || compareText(a.hostAddress, b.hostAddress) ||
    a.hostPort - b.hostPort || compareText(a.protocol, b.protocol);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `0.0.0.0:8080`, `[::]:8080`. */
export function formatHostPort({ hostAddress, hostPort }: ContainerPort): string {
  return joinHostPort(hostAddress, String(hostPort));
}

function joinHostPort(address: string, port: string): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The lines of `port`: each published port with where it is, in the order of the container's ports. */
export function formatPortLines(ports: readonly ContainerPort[]): string[] {
  return ports.filter(({ hostPort }) => hostPort > 0)
    .map((port) => `${portName(port)} -> ${formatHostPort(port)}`)
    .toSorted(compareNaturally);
}
