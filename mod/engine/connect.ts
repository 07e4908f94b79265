/** Attaching containers to networks after they were made, and detaching them. @module */

import type { ContainerConfig, EndpointRequest } from "../container/config.ts";
import { WherryError, type WherryErrorOptions } from "../errors.ts";
import { addressToNumber, containsAddress, parseCidr, parseIpAddress } from "../kernel/ip.ts";
import { detachEndpoint, moveDefaultRoute, SandboxSockets } from "../network/endpoint.ts";
import type { NetworkConfig } from "../network/network.ts";
import { readNetwork } from "../network/network_store.ts";
import type { PortTrouble } from "../network/port_plan.ts";
import type { Endpoint, PortMapping, Sandbox } from "../network/sandbox.ts";
import { changeContainer, type LiveSandbox, type OpenContainer } from "./change_container.ts";
import { defaultRouteIndex } from "./default_route.ts";
import { recordEndpointEvent } from "./endpoint_events.ts";
import type { Engine } from "./engine.ts";
import { recordNetworkEvent } from "./events.ts";
import { joinNamesAlive, leaveNames } from "./names.ts";
import { findNetwork } from "./networks.ts";
import { hasPortTarget, portsToPublish, replaceContainerPorts, settlePorts } from "./ports.ts";
import { makeEndpoint, planEndpoint } from "./sandbox.ts";
import { releaseEndpoint } from "./sandbox_removal.ts";

/**
 * Attaches a container to one more network: at once if it runs, otherwise when it is started.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @param request How; its network by a name, an id or the beginning of an id.
 * @throws {WherryError} `not_found`; `conflict` if it is on the network already, or shares somebody else's, or an
 * address or a port is taken. Nothing has changed then.
 */
export async function connectContainer(
  engine: Engine,
  wanted: string,
  request: EndpointRequest,
): Promise<void> {
  await settlePorts(engine, async () =>
    await changeContainer(engine, wanted, (container) => {
      const network = findNetwork(engine, request.network);
      checkConnection(engine, container.record.config, network);
      checkWishes(request, network);
      return connectOpen(engine, container, network, { ...request, network: network.name });
    }));
}

/** In docker's words. */
function checkConnection(
  { paths }: Engine,
  config: ContainerConfig,
  { name, driver }: NetworkConfig,
): void {
  const { networkMode, endpoints } = config;
  const drivers = [
    networkMode,
    driver,
    ...endpoints.map(({ network }) => readNetwork(paths, network)?.driver),
  ];
  if (networkMode.startsWith("container:") || drivers.includes("host")) {
    throw conflict(
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
  }
  if (drivers.includes("none")) {
    throw conflict(
      "container cannot be connected to multiple networks with one of the networks in private (none) mode",
      { hint: 'Take a stopped container off it first with "wherry network disconnect none"' },
    );
  }
  if (!endpoints.some(({ network }) => network === name)) return;
  throw conflict(`endpoint with name ${config.name} already exists in network ${name}`);
}

/** An error in docker's words, which scripts look for. */
function conflict(dockerWords: string, options: WherryErrorOptions = {}): WherryError {
  return new WherryError("conflict", dockerWords, options);
}

/** What would be refused at each start is refused now. */
function checkWishes({ ipv4, ipv6 }: EndpointRequest, { name, pools }: NetworkConfig): void {
  for (const wish of [ipv4, ipv6].filter((wish) => wish !== "")) {
    const address = parseIpAddress(wish);
    if (address === undefined) {
      throw new WherryError("invalid_argument", `Invalid IP address: ${wish}`);
    }
    const isInside = pools.some(({ subnet }) => {
      const cidr = parseCidr(subnet);
      return cidr !== undefined &&
        containsAddress(cidr, address.family, addressToNumber(address));
    });
    if (isInside) continue;
    throw new WherryError(
      "invalid_argument",
      `Cannot use address "${wish}": no configured subnet of network "${name}" contains IP address ${wish}`,
    );
  }
}

function connectOpen(
  engine: Engine,
  { record, live, isRunning }: OpenContainer,
  network: NetworkConfig,
  request: EndpointRequest,
): PortTrouble | undefined {
  const config = { ...record.config, endpoints: [...record.config.endpoints, request] };
  if (!isRunning) {
    record.replace(config);
    return undefined;
  }
  if (live === undefined) throw withoutSandbox(config);
  if (network.ipamDriver === "dhcp") {
    throw new WherryError(
      "unsupported",
      `Cannot connect container "${config.name}" to network "${network.name}" while it runs: ` +
        "its address comes from a DHCP server",
      { hint: "Stop it first" },
    );
  }
  return connectLive(engine, { live, config, network, request }, () => record.replace(config));
}

function withoutSandbox({ name }: ContainerConfig): WherryError {
  return new WherryError(
    "conflict",
    `Cannot change the networks of container "${name}" while it runs: it has no network of its own`,
    { hint: "Stop it first" },
  );
}

/** A container that is being connected. */
interface Connection {
  live: LiveSandbox;
  /** As it will be. */
  config: ContainerConfig;
  network: NetworkConfig;
  request: EndpointRequest;
}

function connectLive(
  engine: Engine,
  { live, config, network, request }: Connection,
  replaceConfig: () => void,
): PortTrouble | undefined {
  using sockets = new SandboxSockets(live.namespace);
  const before = dropHalfMade(engine, sockets, { live, config, network });
  const index = firstFreeLink(sockets, before);
  const endpoint = planEndpoint(config, request, { network, index });
  const after: Sandbox = { ...before, endpoints: [...before.endpoints, endpoint] };
  using undo = new DisposableStack();
  undo.defer(() => {
    removeEndpoint(engine, sockets, { id: config.id, endpoint });
    live.write(before);
  });
  // Before anything is done: whoever ends the container undoes what came of it
  live.write(after);
  makeEndpoint(engine, sockets, { config, request, network, endpoint, hasDefaultRoute: false });
  live.write(after);
  const routes = {
    from: mainEndpoint(engine, config, before),
    to: mainEndpoint(engine, config, after),
  };
  moveDefaultRoute(sockets, routes);
  undo.defer(() => moveDefaultRoute(sockets, { from: routes.to, to: routes.from }));
  const record = (ports: PortMapping[]): void => live.write({ ...after, ports });
  const trouble = movePorts(engine, { config, sandbox: after, record });
  if (trouble !== undefined) return trouble;
  undo.defer(() =>
    movePorts(engine, { config, sandbox: { ...before, ports: after.ports }, record })
  );
  joinNamesAlive(engine.paths, config, endpoint);
  replaceConfig();
  undo.move();
  recordEndpointEvent(engine, { action: "connect", container: config.id, endpoint });
  return undefined;
}

/** Removes what a command left of this connection that was killed before the container's record had it. */
function dropHalfMade(
  engine: Engine,
  sockets: SandboxSockets,
  { live, config, network }: Pick<Connection, "live" | "config" | "network">,
): Sandbox {
  const { sandbox } = live;
  const left = sandbox.endpoints.filter(({ networkId }) => networkId === network.id);
  if (left.length === 0) return sandbox;
  for (const endpoint of left) removeEndpoint(engine, sockets, { id: config.id, endpoint });
  const whole = {
    ...sandbox,
    endpoints: sandbox.endpoints.filter((endpoint) => !left.includes(endpoint)),
  };
  live.write(whole);
  return whole;
}

/** Number of the first `eth` that neither an endpoint nor a link of the container's own has. */
function firstFreeLink({ inside }: SandboxSockets, { endpoints }: Sandbox): number {
  const taken = new Set([...inside.list(), ...endpoints.map(({ link }) => ({ name: link }))]
    .map(({ name }) => name));
  let number = 0;
  while (taken.has(`eth${number}`)) number++;
  return number;
}

function removeEndpoint(
  { paths }: Engine,
  sockets: SandboxSockets,
  { id, endpoint }: { id: string; endpoint: Endpoint },
): void {
  leaveNames(paths, id, [endpoint]);
  detachEndpoint(sockets, endpoint);
  releaseEndpoint(paths, id, endpoint);
}

/** The endpoint by which everything else is reached. */
function mainEndpoint(
  engine: Engine,
  { endpoints: requests }: Pick<ContainerConfig, "endpoints">,
  { endpoints }: Sandbox,
): Endpoint | undefined {
  const wishes = endpoints.map(({ networkName }) =>
    requests.find(({ network }) => network === networkName)
  );
  return endpoints[defaultRouteIndex(wishes, networksOf(engine, endpoints))];
}

/** The networks of endpoints; `undefined` for one whose record is lost. */
export function networksOf(
  { paths }: Engine,
  endpoints: readonly Endpoint[],
): (NetworkConfig | undefined)[] {
  return endpoints.map(({ networkName, networkId }) => {
    try {
      const network = readNetwork(paths, networkName);
      return network?.id === networkId ? network : undefined;
    } catch (error) {
      // Whoever lists networks is told
      if (error instanceof WherryError && error.kind === "corrupt") return undefined;
      throw error;
    }
  });
}

/** A container whose endpoints change. */
interface PortMove {
  config: ContainerConfig;
  /** With the endpoints that ports can lead to; its ports are replaced. */
  sandbox: Sandbox;
  /** Writes the ports down. */
  record: (ports: PortMapping[]) => void;
}

/** Leads ports where they belong now, or nowhere if there is no endpoint left for them. */
function movePorts(engine: Engine, { config, sandbox, record }: PortMove): PortTrouble | undefined {
  const networks = networksOf(engine, sandbox.endpoints);
  const ports = hasPortTarget({ networks }) ? portsToPublish(config) : [];
  return replaceContainerPorts(engine, { config, sandbox, networks, ports }, (mappings) => {
    sandbox.ports = mappings;
    record(mappings);
  });
}

/** How a container is detached. */
export interface DisconnectOptions {
  /** Whether a network that is gone, or whose record is damaged, will do. */
  isForced: boolean;
}

/**
 * Detaches a container from a network. Published ports that led to it go where they can, or away.
 *
 * One that is cut short can be done again.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @param wantedNetwork A name, an id or the beginning of an id.
 * @throws {WherryError} `not_found`, or `conflict` if it is not on the network, or runs and has no network of its own.
 */
export async function disconnectContainer(
  engine: Engine,
  wanted: string,
  { network: wantedNetwork, isForced }: DisconnectOptions & { network: string },
): Promise<void> {
  await settlePorts(engine, async () =>
    await changeContainer(engine, wanted, (container) => {
      const network = findForDisconnection(engine, wantedNetwork, { isForced });
      return disconnectOpen(engine, container, network);
    }));
}

/** What has to be known of a network to leave it. */
type LeftNetwork = Pick<NetworkConfig, "id" | "name" | "driver">;

function findForDisconnection(
  engine: Engine,
  wanted: string,
  { isForced }: DisconnectOptions,
): LeftNetwork {
  try {
    return findNetwork(engine, wanted);
  } catch (error) {
    const isLost = error instanceof WherryError &&
      (error.kind === "not_found" || error.kind === "corrupt");
    if (!isForced || !isLost) throw error;
    return { id: "", name: wanted, driver: "bridge" };
  }
}

function disconnectOpen(
  engine: Engine,
  { record, live, isRunning }: OpenContainer,
  network: LeftNetwork,
): PortTrouble | undefined {
  const { config } = record;
  if (config.networkMode === "host" && network.driver === "host") {
    throw conflict(
      "container cannot be disconnected from host network or connected to host network",
    );
  }
  const endpoint = live?.sandbox.endpoints.find(({ networkName }) => networkName === network.name);
  const isNone = config.networkMode === "none" && network.name === "none";
  const isOn = config.endpoints.some((request) => request.network === network.name);
  if (!isNone && !isOn && endpoint === undefined) {
    throw conflict(`container ${config.id} is not connected to network ${network.name}`);
  }
  if (isRunning && live === undefined) throw withoutSandbox(config);
  const changed = {
    ...config,
    networkMode: isNone ? "bridge" : config.networkMode,
    endpoints: config.endpoints.filter((request) => request.network !== network.name),
  };
  if (live !== undefined && endpoint !== undefined) {
    const trouble = disconnectLive(engine, { live, config: changed, endpoint });
    if (trouble !== undefined) return trouble;
  }
  record.replace(changed);
  recordNetworkEvent(engine, {
    network: { ...network, id: endpoint?.networkId ?? network.id },
    action: "disconnect",
    container: config.id,
  });
  return undefined;
}

/** A container that is being disconnected. */
interface Disconnection {
  live: LiveSandbox;
  /** As it will be. */
  config: ContainerConfig;
  /** Which goes. */
  endpoint: Endpoint;
}

/** Ports first, which others wait for; the record of the sandbox tells of the endpoint until nothing of it is left. */
function disconnectLive(
  engine: Engine,
  { live, config, endpoint }: Disconnection,
): PortTrouble | undefined {
  const { sandbox } = live;
  const after: Sandbox = {
    ...sandbox,
    endpoints: sandbox.endpoints.filter((one) => one !== endpoint),
  };
  const trouble = movePorts(engine, {
    config,
    sandbox: after,
    record: (ports) => live.write({ ...sandbox, ports }),
  });
  if (trouble !== undefined) return trouble;
  using sockets = new SandboxSockets(live.namespace);
  // Before the link goes, and its routes with it
  moveDefaultRoute(sockets, { from: endpoint, to: mainEndpoint(engine, config, after) });
  removeEndpoint(engine, sockets, { id: config.id, endpoint });
  live.write(after);
  return undefined;
}
