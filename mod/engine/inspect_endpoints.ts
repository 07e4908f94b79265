/** What docker's API says of a container's networks and ports. @module */

import type { ContainerConfig, EndpointRequest, PublishedPort } from "../container/config.ts";
import type { Endpoint, Sandbox } from "../network/sandbox.ts";
import { shortId } from "../store/id.ts";
import {
  type ContainerPort,
  exposedPortNames,
  listContainerPorts,
  networkNamesOf,
  portName,
} from "./container_ports.ts";
import type { Inspection } from "./inspection.ts";

/** One host address and port, as docker's API has it. */
export interface PortBinding {
  HostIp: string;
  HostPort: string;
}

/**
 * `NetworkSettings` of a container.
 *
 * @param sandbox What it has while it runs; `undefined` if it has none.
 */
export function describeNetworkSettings(
  config: ContainerConfig,
  sandbox: Sandbox | undefined,
): Inspection {
  const isOnDefault = config.networkMode === "bridge";
  const first = isOnDefault ? sandbox?.endpoints[0] : undefined;
  return {
    Bridge: "",
    SandboxID: sandbox === undefined ? "" : config.id,
    SandboxKey: "",
    Ports: describePorts(config, sandbox),
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    ...describeAddresses(first),
    Networks: describeEndpoints(config, sandbox),
  };
}

/** The addresses once more, as docker has them outside of `Networks`, too. */
function describeAddresses(endpoint: Endpoint | undefined): Inspection {
  return {
    EndpointID: endpoint?.id ?? "",
    Gateway: endpoint?.ipv4?.gateway ?? "",
    GlobalIPv6Address: endpoint?.ipv6?.address ?? "",
    GlobalIPv6PrefixLen: endpoint?.ipv6?.prefixLength ?? 0,
    IPAddress: endpoint?.ipv4?.address ?? "",
    IPPrefixLen: endpoint?.ipv4?.prefixLength ?? 0,
    IPv6Gateway: endpoint?.ipv6?.gateway ?? "",
    MacAddress: endpoint?.macAddress ?? "",
  };
}

function describeEndpoints(
  { networkMode, endpoints: requests, id, name }: ContainerConfig,
  sandbox: Sandbox | undefined,
): Inspection {
  if (requests.length === 0) {
    if (networkMode.startsWith("container:")) return {};
    return { [networkMode]: describeEndpoint(undefined, undefined, []) };
  }
  return Object.fromEntries(requests.map((request) => {
    const endpoint = sandbox?.endpoints.find(({ networkName }) => networkName === request.network);
    const names = [...new Set([name, ...request.aliases, shortId(id)])];
    return [request.network, describeEndpoint(request, endpoint, names)];
  }));
}

function describeEndpoint(
  request: EndpointRequest | undefined,
  endpoint: Endpoint | undefined,
  names: readonly string[],
): Inspection {
  return {
    IPAMConfig: request === undefined ? null : describeWishes(request),
    Links: null,
    Aliases: request === undefined || request.aliases.length === 0 ? null : request.aliases,
    MacAddress: endpoint?.macAddress ?? request?.macAddress ?? "",
    DriverOpts: request === undefined || Object.keys(request.driverOptions).length === 0
      ? null
      : request.driverOptions,
    GwPriority: request?.gatewayPriority ?? 0,
    NetworkID: endpoint?.networkId ?? "",
    EndpointID: endpoint?.id ?? "",
    Gateway: endpoint?.ipv4?.gateway ?? "",
    IPAddress: endpoint?.ipv4?.address ?? "",
    IPPrefixLen: endpoint?.ipv4?.prefixLength ?? 0,
    IPv6Gateway: endpoint?.ipv6?.gateway ?? "",
    GlobalIPv6Address: endpoint?.ipv6?.address ?? "",
    GlobalIPv6PrefixLen: endpoint?.ipv6?.prefixLength ?? 0,
    DNSNames: names.length === 0 ? null : names,
  };
}

function describeWishes({ ipv4, ipv6 }: EndpointRequest): Inspection | null {
  if (ipv4 === "" && ipv6 === "") return null;
  return {
    ...(ipv4 === "" ? {} : { IPv4Address: ipv4 }),
    ...(ipv6 === "" ? {} : { IPv6Address: ipv6 }),
  };
}

/** `PortBindings`: what was asked for, one container port at a time. */
export function describePortBindings(
  ports: readonly PublishedPort[],
): Record<string, PortBinding[]> {
  const bindings: Record<string, PortBinding[]> = {};
  for (const port of ports) {
    for (let offset = 0; offset < port.count; offset++) {
      const key = `${port.containerPort + offset}/${port.protocol}`;
      (bindings[key] ??= []).push({
        HostIp: port.hostAddress,
        HostPort: formatWantedPort(port, offset),
      });
    }
  }
  return bindings;
}

function formatWantedPort({ hostPort, hostPortEnd, count }: PublishedPort, offset: number): string {
  if (hostPort === 0) return "";
  if (count === 1 && hostPortEnd > hostPort) return `${hostPort}-${hostPortEnd}`;
  return String(hostPort + offset);
}

/** `ExposedPorts`: those of the image, those asked for, and those that are published. */
export function describeExposedPorts(
  config: Pick<ContainerConfig, "exposedPorts" | "publishedPorts">,
): Record<string, Record<never, never>> {
  return Object.fromEntries(exposedPortNames(config).map((name) => [name, {}]));
}

/** `Ports`: where each exposed or published port of a running container is; `null` if nowhere. */
function describePorts(
  config: ContainerConfig,
  sandbox: Sandbox | undefined,
): Record<string, PortBinding[] | null> {
  const ports: Record<string, PortBinding[] | null> = {};
  for (const port of listContainerPorts(config, sandbox).toSorted(byName)) {
    const { hostAddress, hostPort } = port;
    const name = portName(port);
    if (hostPort === 0) ports[name] = null;
    else (ports[name] ??= []).push({ HostIp: hostAddress, HostPort: String(hostPort) });
  }
  return ports;
}

/** As Go sorts the keys of its maps. */
function byName(a: ContainerPort, b: ContainerPort): number {
  const [one, other] = [portName(a), portName(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}
