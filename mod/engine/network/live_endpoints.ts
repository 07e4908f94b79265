/** Endpoints of containers that run: making and removing them, and what leads by them to everything else. @module */

import type { ContainerConfig, EndpointRequest } from "../../container/record/config.ts";
import { WherryError } from "../../errors.ts";
import { detachEndpoint, moveDefaultRoute, SandboxSockets } from "../../network/endpoint.ts";
import type { NetworkConfig } from "../../network/network.ts";
import { readNetwork } from "../../network/network_store.ts";
import type { PortTrouble } from "../../network/port_plan.ts";
import type { Endpoint, PortMapping, Sandbox } from "../../network/sandbox.ts";
import type { LiveSandbox } from "./change_container.ts";
import { defaultRouteIndex } from "./default_route.ts";
import { recordEndpointEvent } from "../record/endpoint_events.ts";
import type { Engine } from "../base/engine.ts";
import { joinNamesAlive, leaveNames, rewriteResolvConf } from "../record/names.ts";
import { hasPortTarget, portsToPublish, replaceContainerPorts } from "./ports.ts";
import { makeEndpoint, planEndpoint } from "./sandbox.ts";
import { releaseEndpoint } from "../record/sandbox_removal.ts";

/** What a container is connected to, and how. */
export interface Attachment {
  network: NetworkConfig;
  /** By the network's name. */
  request: EndpointRequest;
}

/** A container that is being connected. */
export interface Connection extends Attachment {
  live: LiveSandbox;
  /** As it will be. */
  config: ContainerConfig;
}

/** An endpoint of a container that runs, and the sandbox that has it, as it is on disk. */
export interface LiveEndpoint {
  endpoint: Endpoint;
  sandbox: Sandbox;
}

/**
 * Makes an endpoint's link, with the addresses that wherry itself gives. Nothing leads by it yet, and nobody is told.
 *
 * The record of the sandbox has it before anything is done, so that whoever ends the container undoes what came of it.
 *
 * @throws {WherryError} If something is taken or missing; nothing has changed then.
 */
export function addEndpoint(
  engine: Engine,
  sockets: SandboxSockets,
  { live, config, network, request }: Connection,
): LiveEndpoint {
  const before = dropHalfMade(engine, sockets, { live, config, network });
  const index = firstFreeLink(sockets, before);
  const endpoint = planEndpoint(config, request, { network, index });
  const sandbox: Sandbox = { ...before, endpoints: [...before.endpoints, endpoint] };
  using undo = new DisposableStack();
  undo.defer(() => dropEndpoint(engine, sockets, { live, id: config.id, sandbox, endpoint }));
  live.write(sandbox);
  makeEndpoint(engine, sockets, { config, request, network, endpoint, hasDefaultRoute: false });
  live.write(sandbox);
  undo.move();
  return { endpoint, sandbox };
}

/** Undoes {@linkcode addEndpoint}. */
export function dropEndpoint(
  engine: Engine,
  sockets: SandboxSockets,
  { live, id, sandbox, endpoint }: LiveEndpoint & { live: LiveSandbox; id: string },
): void {
  removeEndpoint(engine, sockets, { id, endpoint });
  live.write(withoutEndpoint(sandbox, endpoint));
}

/** An endpoint that is put to use. */
export interface Joining extends LiveEndpoint {
  live: LiveSandbox;
  /** As it will be. */
  config: ContainerConfig;
  /** Writes that down; the last thing that can fail. */
  replaceConfig(): void;
}

/**
 * Leads what belongs there by an endpoint that has its addresses, and tells the others on its network.
 *
 * @returns Who is in the way of the container's ports; nothing has changed then.
 */
export function joinEndpoint(
  engine: Engine,
  sockets: SandboxSockets,
  { live, config, sandbox, endpoint, replaceConfig }: Joining,
): PortTrouble | undefined {
  const before = withoutEndpoint(sandbox, endpoint);
  using undo = new DisposableStack();
  const routes = {
    from: mainEndpoint(engine, config, before),
    to: mainEndpoint(engine, config, sandbox),
  };
  moveDefaultRoute(sockets, routes);
  undo.defer(() => moveDefaultRoute(sockets, { from: routes.to, to: routes.from }));
  const after = { ...sandbox };
  const record = (ports: PortMapping[]): void => live.write({ ...sandbox, ports });
  const trouble = movePorts(engine, { config, sandbox: after, record });
  if (trouble !== undefined) return trouble;
  undo.defer(() =>
    movePorts(engine, { config, sandbox: { ...before, ports: after.ports }, record })
  );
  joinNamesAlive(engine.paths, config, endpoint);
  if (endpoint.lease !== undefined) {
    undo.defer(() => followLeases(engine, config, before));
    followLeases(engine, config, after);
  }
  replaceConfig();
  undo.move();
  recordEndpointEvent(engine, { action: "connect", container: config.id, endpoint });
  return undefined;
}

/** Has a running container ask the name servers of its DHCP servers. */
export function followLeases(engine: Engine, config: ContainerConfig, sandbox: Sandbox): void {
  const networks = networksOf(engine, sandbox.endpoints).filter((one) => one !== undefined);
  rewriteResolvConf(engine.paths, config, { sandbox, networks });
}

/** A sandbox as it is when an endpoint has gone. */
export function withoutEndpoint(sandbox: Sandbox, { id }: Endpoint): Sandbox {
  return { ...sandbox, endpoints: sandbox.endpoints.filter((one) => one.id !== id) };
}

/** Whether an endpoint is not in its container's record: a command is making it, or was killed before it had it. */
export function isHalfMade(
  { endpoints }: Pick<ContainerConfig, "endpoints">,
): (endpoint: Endpoint) => boolean {
  return ({ networkName }) => !endpoints.some(({ network }) => network === networkName);
}

/** Removes what a command left of this connection that was killed before the container's record had it. */
function dropHalfMade(
  engine: Engine,
  sockets: SandboxSockets,
  { live, config: { id }, network }: Pick<Connection, "live" | "config" | "network">,
): Sandbox {
  const left = live.sandbox.endpoints.filter(({ networkId }) => networkId === network.id);
  return left.length === 0 ? live.sandbox : dropUnknown(engine, sockets, { live, id, left });
}

/**
 * Removes endpoints that nobody will finish.
 *
 * @returns What is on disk afterwards.
 */
export function dropUnknown(
  engine: Engine,
  sockets: SandboxSockets,
  { live, id, left }: { live: LiveSandbox; id: string; left: readonly Endpoint[] },
): Sandbox {
  for (const endpoint of left) removeEndpoint(engine, sockets, { id, endpoint });
  const { sandbox } = live;
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

/** Removes all that the host and the others know of an endpoint, and its link. */
export function removeEndpoint(
  { paths }: Engine,
  sockets: SandboxSockets,
  { id, endpoint }: { id: string; endpoint: Endpoint },
): void {
  leaveNames(paths, id, [endpoint]);
  detachEndpoint(sockets, endpoint);
  releaseEndpoint(paths, id, endpoint);
}

/** The endpoint by which everything else is reached; one that is only being made does not count. */
export function mainEndpoint(
  engine: Engine,
  { endpoints: requests }: Pick<ContainerConfig, "endpoints">,
  { endpoints }: Sandbox,
): Endpoint | undefined {
  const made = endpoints.flatMap((endpoint) => {
    const request = requests.find(({ network }) => network === endpoint.networkName);
    return request === undefined ? [] : [{ endpoint, request }];
  });
  const networks = networksOf(engine, made.map(({ endpoint }) => endpoint));
  return made[defaultRouteIndex(made.map(({ request }) => request), networks)]?.endpoint;
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
export function movePorts(
  engine: Engine,
  { config, sandbox, record }: PortMove,
): PortTrouble | undefined {
  const networks = networksOf(engine, sandbox.endpoints);
  const ports = hasPortTarget({ networks }) ? portsToPublish(config) : [];
  return replaceContainerPorts(engine, { config, sandbox, networks, ports }, (mappings) => {
    sandbox.ports = mappings;
    record(mappings);
  });
}
