/** What docker's API says of a container's networks and ports. @module */

import type {
  ContainerConfig,
  EndpointRequest,
  PublishedPort,
} from "../../container/record/config.ts";
import type { Endpoint, Sandbox } from "../../network/sandbox.ts";
import { DEFAULT_NETWORK } from "../../network/network.ts";
import { shortId } from "../../store/id.ts";
import {
  type ContainerPort,
  exposedPortNames,
  listContainerPorts,
  networkNamesOf,
  portName,
} from "../network/container_ports.ts";
import type { Inspection } from "../base/inspection.ts";

/** One host address and port, as docker's API has it. */
export interface PortBinding {
  HostIp: string;
  HostPort: string;
}

/** What there is to tell about a container's networks besides its record. */
export interface NetworkSurroundings {
  /** What it has while it runs; `undefined` if it has none. */
  sandbox: Sandbox | undefined;
  /** Pid of its monitor, which holds its network namespace; 0 if there is none. */
  monitorPid: number;
  /** Ids of the networks it is on, by their names, as far as they exist. */
  networkIds: ReadonlyMap<string, string>;
}

/** The descriptor of its container's network namespace that a monitor has; see `NETWORK_FD` in `native/monitor.h`. */
const NAMESPACE_DESCRIPTOR = 8;

/** `NetworkSettings` of a container. */
export function describeNetworkSettings(
  config: ContainerConfig,
  { sandbox, monitorPid, networkIds }: NetworkSurroundings,
): Inspection {
  const onDefault = sandbox?.endpoints.find(({ networkName }) => networkName === DEFAULT_NETWORK);
  return {
    Bridge: "",
    SandboxID: sandbox === undefined ? "" : config.id,
    SandboxKey: sandbox === undefined ? "" : `/proc/${monitorPid}/fd/${NAMESPACE_DESCRIPTOR}`,
    Ports: describePorts(config, sandbox),
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    ...describeAddresses(onDefault),
    Networks: describeEndpoints(config, sandbox, networkIds),
  };
}

/** The addresses on the default network once more, as docker has them outside of `Networks`, too. */
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
  config: ContainerConfig,
  sandbox: Sandbox | undefined,
  networkIds: ReadonlyMap<string, string>,
): Inspection {
  const { endpoints: requests, id, name } = config;
  return Object.fromEntries(
    networkNamesOf(config).map((network) => {
      const request = requests.find((one) => one.network === network);
      const endpoint = sandbox?.endpoints.find(({ networkName }) => networkName === network);
      const networkId = endpoint?.networkId ?? networkIds.get(network) ?? "";
      const names = request === undefined ? [] : [name, ...request.aliases, shortId(id)];
      return [network, { ...describeEndpoint(request, endpoint, names), NetworkID: networkId }];
    }),
  );
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
    NetworkID: "",
    EndpointID: endpoint?.id ?? "",
    Gateway: endpoint?.ipv4?.gateway ?? "",
    IPAddress: endpoint?.ipv4?.address ?? "",
    IPPrefixLen: endpoint?.ipv4?.prefixLength ?? 0,
    IPv6Gateway: endpoint?.ipv6?.gateway ?? "",
    GlobalIPv6Address: endpoint?.ipv6?.address ?? "",
    GlobalIPv6PrefixLen: endpoint?.ipv6?.prefixLength ?? 0,
    DNSNames: names.length === 0 ? null : [...new Set(names)],
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
  const bindings = new Map<string, PortBinding[]>();
  for (const port of ports) {
    for (let offset = 0; offset < port.count; offset++) {
      const name = `${port.containerPort + offset}/${port.protocol}`;
      const binding = { HostIp: port.hostAddress, HostPort: formatWantedPort(port, offset) };
      bindings.set(name, [...bindings.get(name) ?? [], binding]);
    }
  }
  return Object.fromEntries([...bindings].toSorted(([a], [b]) => compareText(a, b)));
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
  return compareText(portName(a), portName(b));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
