/** From the ports that somebody wants to publish to those of the host that they get. @module */

import { WherryError } from "../errors.ts";
import type { ListeningSocket } from "../kernel/listening.ts";
import { findPortConflict, type PortConflict, type PortRegistry } from "./port_registry.ts";
import type { PortMapping } from "./sandbox.ts";

/** What is to be published; see the container's record. */
export interface WantedPort {
  protocol: PortMapping["protocol"];
  containerPort: number;
  /** Empty for all addresses. */
  hostAddress: string;
  /** 0 for any that is free. */
  hostPort: number;
  /** Last one that will do. */
  hostPortEnd: number;
  count: number;
}

/** Where packets are led. */
export interface PortTarget {
  /** Empty without IPv4. */
  ipv4: string;
  /** Empty without IPv6. */
  ipv6: string;
  /** For ports that are published without an address; empty for all. */
  defaultHostAddress: string;
}

/** What is in use. */
export interface PortUse {
  /** By containers. */
  registry: PortRegistry;
  /** By programs of the host, which would not be reached any more. */
  listListening(protocol: PortMapping["protocol"]): readonly ListeningSocket[];
  /** First and last port that are given away where none is asked for. */
  ephemeral: readonly [first: number, last: number];
}

/** Why ports cannot be had. */
export type PortTrouble =
  | { type: "container"; conflict: PortConflict }
  | { type: "socket"; wanted: PortMapping; socket: ListeningSocket };

/**
 * Chooses host ports.
 *
 * @returns The mappings, or what is in the way of one.
 * @throws {WherryError} `unavailable` if none of a range is free; `invalid_argument` for an address of a family that
 * the container does not have.
 */
export function planPorts(
  wanted: readonly WantedPort[],
  target: PortTarget,
  use: PortUse,
): PortMapping[] | PortTrouble {
  const planned: PortMapping[] = [];
  for (const port of wanted) {
    const result = planPort(port, target, use, planned);
    if (!Array.isArray(result)) return result;
    planned.push(...result);
  }
  return planned;
}

function planPort(
  port: WantedPort,
  target: PortTarget,
  use: PortUse,
  planned: readonly PortMapping[],
): PortMapping[] | PortTrouble {
  const { hostPort, hostPortEnd } = port;
  const isFixed = hostPort !== 0 && (hostPortEnd <= hostPort || port.count > 1);
  if (isFixed) {
    const mappings = mapPort(port, target, hostPort);
    return findTrouble(mappings, use, planned) ?? mappings;
  }
  const range = hostPort === 0 ? use.ephemeral : [hostPort, hostPortEnd] as const;
  for (const candidate of candidatesOf(range, port, planned, use)) {
    const mappings = mapPort(port, target, candidate);
    if (findTrouble(mappings, use, planned) === undefined) return mappings;
  }
  const [first, last] = range;
  throw new WherryError(
    "unavailable",
    `Cannot publish ${port.containerPort}/${port.protocol}: no port from ${first} to ${last} is free`,
  );
}

/** From the one after the highest that is taken, and around: so that a port is not used again at once. */
function* candidatesOf(
  [first, last]: readonly [number, number],
  { count, hostPort }: WantedPort,
  planned: readonly PortMapping[],
  { registry }: PortUse,
): Generator<number> {
  const end = last - count + 1;
  const taken = [...planned, ...[...registry.values()].flat()]
    .map((mapping) => mapping.hostPort + mapping.count)
    .filter((next) => next > first && next <= end);
  const start = hostPort === 0 ? taken.reduce((one, other) => Math.max(one, other), first) : first;
  for (let port = start; port <= end; port++) yield port;
  for (let port = first; port < start; port++) yield port;
}

function mapPort(
  { protocol, containerPort, hostAddress, count }: WantedPort,
  { ipv4, ipv6, defaultHostAddress }: PortTarget,
  hostPort: number,
): PortMapping[] {
  const rest = { protocol, hostPort, containerPort, count };
  const wanted = hostAddress === "" ? defaultHostAddress : hostAddress;
  const addresses = wanted === "" ? ["0.0.0.0", "::"] : [wanted];
  const mappings = addresses.flatMap((address) => {
    const containerAddress = address.includes(":") ? ipv6 : ipv4;
    return containerAddress === "" ? [] : [{ ...rest, hostAddress: address, containerAddress }];
  });
  if (mappings.length > 0) return mappings;
  throw new WherryError(
    "invalid_argument",
    `Cannot publish ${containerPort}/${protocol} on "${wanted}": the container has no address of its family`,
  );
}

function findTrouble(
  mappings: readonly PortMapping[],
  { registry, listListening }: PortUse,
  planned: readonly PortMapping[],
): PortTrouble | undefined {
  const conflict = findPortConflict(new Map(registry).set("", planned), mappings);
  if (conflict !== undefined) return { type: "container", conflict };
  for (const wanted of mappings) {
    const socket = listListening(wanted.protocol).find((one) => isInTheWay(one, wanted));
    if (socket !== undefined) return { type: "socket", wanted, socket };
  }
  return undefined;
}

/** Whether a program of the host waits for what would go to the container. */
function isInTheWay(
  { address, port, takesIpv4 }: ListeningSocket,
  { hostAddress, hostPort, count }: PortMapping,
): boolean {
  if (port < hostPort || port >= hostPort + count) return false;
  const isIpv6 = hostAddress.includes(":");
  if (isIpv6 !== address.includes(":") && !(takesIpv4 && !isIpv6)) return false;
  return isAny(hostAddress) || isAny(address) || address === hostAddress;
}

function isAny(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}
