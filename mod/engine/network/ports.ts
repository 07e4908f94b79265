/** Publishing the ports of containers. @module */

import type { ContainerConfig, PublishedPort } from "../../container/record/config.ts";
import { WherryError } from "../../errors.ts";
import {
  findSocketOwner,
  type ListeningSocket,
  listListeningSockets,
} from "../../kernel/listening.ts";
import { listAddresses } from "../../kernel/address.ts";
import { NETLINK, NetlinkSocket } from "../../kernel/netlink.ts";
import { readSysctl } from "../../kernel/sysctl.ts";
import { HostNetwork } from "../../network/host_network.ts";
import { NETWORK_OPTION, type NetworkConfig } from "../../network/network.ts";
import { planPorts, type PortTarget, type PortTrouble } from "../../network/port_plan.ts";
import { pinPorts } from "../../network/port_pinning.ts";
import { formatHostPorts } from "../../network/port_registry.ts";
import type { PortMapping, Sandbox } from "../../network/sandbox.ts";
import { forgetFlowsToContainer, forgetFlowsToHost } from "../../network/udp_flows.ts";
import { shortId } from "../../store/id.ts";
import { defaultRouteIndex } from "./default_route.ts";
import type { Engine } from "../base/engine.ts";
import { readContainer } from "../record/find.ts";
import { settleEnded } from "../record/settle.ts";

/** Where the kernel itself takes ports from, unless somebody has changed that. */
const DEFAULT_EPHEMERAL = [32768, 60999] as const;
/** Owners that have just ended and are in the way, one after the other. */
const MAX_TRIES = 20;

/** A container whose ports are published. */
export interface PublishRequest {
  config: Pick<ContainerConfig, "id" | "endpoints">;
  sandbox: Sandbox;
  /** Of its endpoints, in their order; `undefined` for one that cannot be found. */
  networks: readonly (NetworkConfig | undefined)[];
  /** All that is to be published. */
  ports: readonly PublishedPort[];
}

/**
 * Publishes the ports of a container that is being started.
 *
 * @param record Called with all of the container's mappings before anything is done, so that they can be taken back.
 * @throws {WherryError} `conflict` if a port is taken, naming the container or the program that has it; `unavailable` if
 * none is free; `invalid_argument` if the container is on no network that ports can lead to.
 */
export async function publishContainerPorts(
  engine: Engine,
  request: PublishRequest,
  record: (ports: PortMapping[]) => void,
): Promise<void> {
  // One that was disconnected from everything gets its ports when it is connected
  if (request.ports.length === 0 || request.sandbox.endpoints.length === 0) return;
  await settlePorts(engine, () => replaceContainerPorts(engine, request, record));
}

/**
 * Tries to publish ports until nobody is in the way who has ended.
 *
 * @param attempt Returns what was in the way; holds no lock of a container any more by then.
 * @throws {WherryError} `conflict`, naming who is in the way.
 */
export async function settlePorts(
  engine: Engine,
  attempt: () => Promise<PortTrouble | undefined> | PortTrouble | undefined,
): Promise<void> {
  for (let tries = 1;; tries++) {
    const trouble = await attempt();
    if (trouble === undefined) return;
    // Nobody undoes what ended under the lock that was held
    if (tries === MAX_TRIES || !await settleTrouble(engine, trouble)) {
      throw describeTrouble(engine, trouble);
    }
  }
}

/**
 * Publishes these ports of a container and no others, in one transaction; where any host port will do, those that are
 * published stay as they are.
 *
 * @param record Called with what there is to be taken back: before anything is done, and when it is done.
 * @returns Who is in the way; nothing has changed then.
 * @throws {WherryError} `unavailable` if no port is free; `invalid_argument` if the container is on no network that
 * ports can lead to.
 */
export function replaceContainerPorts(
  { paths }: Engine,
  { config, sandbox, networks, ports }: PublishRequest,
  record: (ports: PortMapping[]) => void,
): PortTrouble | undefined {
  if (ports.length === 0 && sandbox.ports.length === 0) return undefined;
  using host = new HostNetwork(paths);
  const others = new Map(host.registry);
  others.delete(config.id);
  const plan = ports.length === 0
    ? []
    : planPorts(pinPorts(ports, sandbox.ports), findTarget({ config, sandbox, networks }), {
      registry: others,
      listListening: rememberListening(sandbox.ports),
      ephemeral: readEphemeralPorts(),
    });
  if (!Array.isArray(plan)) return plan;
  checkHostAddresses(plan, sandbox.ports);
  record([...sandbox.ports, ...plan]);
  try {
    host.replacePorts(config.id, plan);
  } catch (error) {
    record(sandbox.ports);
    throw error;
  }
  if (sandbox.ports.length > 0) record(plan);
  forgetFlowsToContainer(sandbox.ports);
  forgetFlowsToHost(plan);
  return undefined;
}

/** Of what is published already nobody is told that an address has gone: it may come back. */
function checkHostAddresses(plan: readonly PortMapping[], known: readonly PortMapping[]): void {
  const foreign = plan.find(({ hostAddress }) =>
    !isAlwaysLocal(hostAddress) && !known.some((one) => one.hostAddress === hostAddress) &&
    !isLocal(hostAddress)
  );
  if (foreign === undefined) return;
  throw portConflict(
    foreign,
    foreign.hostPort,
    "cannot assign requested address: no link of the host has it",
  );
}

function isAlwaysLocal(address: string): boolean {
  return ["0.0.0.0", "::", "::1"].includes(address) || address.startsWith("127.");
}

/** As bind(2) sees it: with `ip_nonlocal_bind` any address may come later. */
function isLocal(address: string): boolean {
  const family = address.includes(":") ? "ipv6" : "ipv4";
  if (readSysctl(`net/${family}/ip_nonlocal_bind`) === "1") return true;
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  return listAddresses(socket).some((one) => one.address === address);
}

/**
 * The kernel is asked once for each protocol.
 *
 * @param published What is published already, whoever listens there.
 */
function rememberListening(
  published: readonly PortMapping[],
): (protocol: PortMapping["protocol"]) => readonly ListeningSocket[] {
  const known = new Map<string, readonly ListeningSocket[]>();
  const isPublished = (protocol: string, port: number): boolean =>
    published.some((one) =>
      one.protocol === protocol && port >= one.hostPort && port < one.hostPort + one.count
    );
  return (protocol) => {
    const sockets = known.get(protocol) ??
      listListeningSockets(protocol).filter(({ port }) => !isPublished(protocol, port));
    known.set(protocol, sockets);
    return sockets;
  };
}

function readEphemeralPorts(): readonly [number, number] {
  const text = readSysctl("net/ipv4/ip_local_port_range") ?? "";
  const [first = 0, last = 0] = text.trim().split(/\s+/).map(Number);
  return first > 0 && last >= first ? [first, last] : DEFAULT_EPHEMERAL;
}

/** Whether ports can lead to an endpoint: it is on a bridge that is reached from outside. */
function isReachable(network: NetworkConfig | undefined): boolean {
  return network?.driver === "bridge" && !network.isInternal;
}

/** Whether a container is on a network that ports can lead to. */
export function hasPortTarget({ networks }: Pick<PublishRequest, "networks">): boolean {
  return networks.some(isReachable);
}

/** Ports lead to the endpoint by which answers leave, or else to the first one that is reached from outside. */
function findTarget(
  { config, sandbox, networks }: Omit<PublishRequest, "ports">,
): PortTarget {
  const requests = sandbox.endpoints.map(({ networkName }) =>
    config.endpoints.find(({ network }) => network === networkName)
  );
  const main = defaultRouteIndex(requests, networks);
  const index = isReachable(networks[main]) ? main : networks.findIndex(isReachable);
  const endpoint = sandbox.endpoints[index];
  if (endpoint === undefined) {
    throw new WherryError(
      "invalid_argument",
      "Cannot publish ports: the container is on no bridge network that is reached from outside",
      {
        hint:
          "On a macvlan or ipvlan its ports are reached without; an --internal network has none",
      },
    );
  }
  return {
    ipv4: endpoint.ipv4?.address ?? "",
    ipv6: endpoint.ipv6?.address ?? "",
    defaultHostAddress: networks[index]?.options[NETWORK_OPTION.HOST_BINDING] ?? "",
  };
}

/** Whether who is in the way has ended, and is out of the way by now. */
async function settleTrouble(engine: Engine, trouble: PortTrouble): Promise<boolean> {
  if (trouble.type === "socket" || trouble.conflict.owner === "") return false;
  const { owner } = trouble.conflict;
  if (readContainer(engine, owner) === undefined) {
    using host = new HostNetwork(engine.paths);
    host.unpublishPorts(owner);
    return true;
  }
  return await settleEnded(engine, owner);
}

/** In docker's words, and by whom. */
export function describeTrouble(engine: Engine, trouble: PortTrouble): WherryError {
  if (trouble.type === "socket") {
    const { port, inode } = trouble.socket;
    const owner = findSocketOwner(inode);
    const by = owner === undefined ? "a program of the host" : `${owner.name} (pid ${owner.pid})`;
    return portConflict(trouble.wanted, port, `address already in use: ${by} listens there`);
  }
  const { owner, wanted, port } = trouble.conflict;
  if (owner === "") return portConflict(wanted, port, "port is asked for twice");
  const name = readContainer(engine, owner)?.config.name ?? shortId(owner);
  return portConflict(wanted, port, `port is already allocated: by container "${name}"`);
}

function portConflict(
  { hostAddress, protocol }: PortMapping,
  port: number,
  why: string,
): WherryError {
  const at = formatHostPorts({ protocol, hostAddress, hostPort: port, count: 1 });
  return new WherryError("conflict", `Bind for ${at.replace(/\/\w+$/, "")} failed: ${why}`, {
    hint: "Choose another port, or leave the choice to wherry",
  });
}

/**
 * What a container's record asks to publish: with `--publish-all` each exposed port that is not published anyway, too.
 */
export function portsToPublish(
  { publishedPorts, publishesAll, exposedPorts }: Pick<
    ContainerConfig,
    "publishedPorts" | "publishesAll" | "exposedPorts"
  >,
): PublishedPort[] {
  if (!publishesAll) return publishedPorts;
  const published = new Set(
    publishedPorts.flatMap((port) =>
      Array.from(
        { length: port.count },
        (_, offset) => `${port.containerPort + offset}/${port.protocol}`,
      )
    ),
  );
  const others = exposedPorts.filter((name) => !published.has(name)).map((name): PublishedPort => {
    const [port = "", protocol = "tcp"] = name.split("/");
    return {
      protocol: protocol as PublishedPort["protocol"],
      containerPort: Number(port),
      hostAddress: "",
      hostPort: 0,
      hostPortEnd: 0,
      count: 1,
    };
  });
  return [...publishedPorts, ...others];
}
