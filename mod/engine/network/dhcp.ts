/**
 * Addresses from DHCP servers: getting them when a container starts, and keeping them while it runs.
 *
 * Giving them back is no part of this: the record of a lease has the frame that does, and whoever tears a sandbox down
 * sends it.
 *
 * @module
 */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import { MonitorConnection } from "../../container/launch/monitor.ts";
import { removeAddress } from "../../kernel/address.ts";
import { Links } from "../../kernel/link.ts";
import { inNetNamespace } from "../../kernel/net_namespace.ts";
import { NETLINK, NetlinkError, NetlinkSocket } from "../../kernel/netlink.ts";
import { occupyUdpPort, PacketSocket } from "../../kernel/packet_socket.ts";
import {
  DHCP_PORT,
  type DhcpChannel,
  DhcpClient,
  type DhcpGrant,
  type DhcpIdentity,
  EXTEND_MS,
  planClientId,
} from "../../network/dhcp_client.ts";
import { isDomainName } from "../../network/dhcp_message.ts";
import { configureLink, limitMtu, SandboxSockets } from "../../network/endpoint.ts";
import { planNextWake, RETRY_MS } from "../../network/lease_times.ts";
import { NETWORK_OPTION, type NetworkConfig } from "../../network/network.ts";
import type { DhcpLease, Endpoint, EndpointAddress, Sandbox } from "../../network/sandbox.ts";
import { readSandbox, writeSandbox } from "../../network/sandbox_record.ts";
import { acquireLock } from "../../store/lock.ts";
import { readRecord, writeRecord } from "../../store/record.ts";
import { defaultRouteIndex } from "./default_route.ts";
import type { Engine } from "../base/engine.ts";
import { readContainer } from "../record/find.ts";
import { Interruption } from "../base/interruption.ts";
import { changeAddress, rewriteResolvConf } from "../record/names.ts";
import { findNetwork } from "./networks.ts";
import { releaseLease } from "../record/sandbox_removal.ts";

/** A link that is to have an address of its LAN. */
export interface LinkRequest {
  config: Pick<ContainerConfig, "id" | "hostname">;
  network: NetworkConfig;
  /** Its link is there and switched on. */
  endpoint: Endpoint;
}

/** A link that is given one. */
export interface LeaseRequest extends LinkRequest {
  /** Of the namespace that the link is in. */
  sockets: SandboxSockets;
  /** Whether everything else is reached through the LAN's router. */
  hasDefaultRoute: boolean;
  /** Called once the endpoint has the lease, and before anything else is done, so that it can be given back. */
  record(): void;
}

/**
 * Gets an address for a link, and gives it to the link. The address and the lease are written into the endpoint.
 *
 * @throws {WherryError} `unavailable` if no server gives one in time, or a signal says not to wait any longer.
 */
export async function leaseAddress(engine: Engine, request: LeaseRequest): Promise<void> {
  const { namespace } = request.sockets;
  takeGrant(engine, request, await askForAddress(engine, { ...request, namespace }));
}

/**
 * Gets an address for a link.
 *
 * @param request With the namespace that the link is in.
 * @throws {WherryError} As {@linkcode leaseAddress} does.
 */
export async function askForAddress(
  engine: Engine,
  { config, network, endpoint, namespace }: LinkRequest & { namespace: Descriptor },
): Promise<DhcpGrant> {
  const last = readLastAddresses(engine, config.id);
  using interruption = new Interruption(`get an address of network "${network.name}"`);
  return await withClient(
    namespace,
    endpoint,
    planIdentity(config, network, endpoint),
    (client) => client.acquire(last[endpoint.link]),
    interruption.signal,
  );
}

/** Gives a link what a server has given for it. The address and the lease are written into the endpoint. */
export function takeGrant(engine: Engine, request: LeaseRequest, grant: DhcpGrant): void {
  const { config, network, endpoint, sockets, hasDefaultRoute, record } = request;
  endpoint.ipv4 = grant.ipv4;
  endpoint.lease = grant.lease;
  record();
  rememberAddress(engine, config.id, endpoint.link, grant);
  configureLink(sockets, { endpoint, hasDefaultRoute });
  applyMtu(sockets, endpoint, network, grant);
}

function planIdentity(
  { id, hostname }: LeaseRequest["config"],
  { driver, name, options }: NetworkConfig,
  { link, macAddress }: Endpoint,
): DhcpIdentity {
  return {
    macAddress,
    clientId: planClientId(id, Number(/\d+$/.exec(link)?.[0] ?? 0)),
    hostname: isDomainName(hostname) ? hostname : "",
    wantsBroadcast: driver === "ipvlan",
    parent: options[NETWORK_OPTION.PARENT] ?? "",
    networkName: name,
  };
}

/** Speaks on a link of another namespace. */
async function withClient<T>(
  namespace: Descriptor,
  { link }: Endpoint,
  identity: DhcpIdentity,
  speak: (client: DhcpClient) => Promise<T>,
  interruption?: AbortSignal,
): Promise<T> {
  using stack = new DisposableStack();
  const socket = inNetNamespace(namespace, () => {
    using netlink = new NetlinkSocket(NETLINK.ROUTE);
    const { index } = new Links(netlink).get(link);
    const occupied = occupyUdpPort(DHCP_PORT.client);
    if (occupied !== undefined) stack.use(occupied);
    return stack.use(new PacketSocket(index, DHCP_PORT.client));
  });
  const channel = interruption === undefined ? socket : listenIn(socket, interruption);
  return await speak(new DhcpClient(channel, identity));
}

/** How soon an interruption is noticed. */
const NOTICE_MS = 200;

/** A channel that fails when somebody interrupts. */
function listenIn(channel: DhcpChannel, interruption: AbortSignal): DhcpChannel {
  return {
    send: (frame) => channel.send(frame),
    receive: async (timeoutMs) => {
      const frame = await channel.receive(Math.min(timeoutMs, NOTICE_MS));
      interruption.throwIfAborted();
      return frame;
    },
  };
}

/** What the network was made with counts more than what the server says. */
function applyMtu(
  sockets: SandboxSockets,
  endpoint: Endpoint,
  { options }: NetworkConfig,
  { mtu }: DhcpGrant,
): void {
  if (options[NETWORK_OPTION.MTU] === undefined) limitMtu(sockets, endpoint, mtu);
}

/** Addresses that a container's links had, by their names; the container asks for them again, also after a reboot. */
type LastAddresses = Readonly<Record<string, string>>;

function readLastAddresses({ paths }: Engine, id: string): LastAddresses {
  return readRecord(paths.container(id).lastAddresses, parseLastAddresses) ?? {};
}

function parseLastAddresses(json: unknown): LastAddresses {
  const entries = Object.entries(typeof json === "object" && json !== null ? json : {});
  return Object.fromEntries(
    entries.filter(([, address]) => /^\d+(\.\d+){3}$/.test(String(address))),
  );
}

function rememberAddress(engine: Engine, id: string, link: string, { ipv4 }: DhcpGrant): void {
  const addresses = { ...readLastAddresses(engine, id), [link]: ipv4.address };
  writeRecord(engine.paths.container(id).lastAddresses, addresses, { isDurable: false });
}

/**
 * Renews the leases of a container for which it is time, and has its monitor call again in time for the next.
 *
 * Ends with the container, too: as long as somebody holds its namespace, its hardware addresses are taken.
 *
 * @param namespace The container's network namespace.
 * @throws {AggregateError} If an address could not be renewed because something is broken, or no server gives a new
 * one; the others are renewed, and the monitor calls again.
 */
export async function renewLeases(
  engine: Engine,
  id: string,
  namespace: Descriptor,
): Promise<void> {
  const container = readContainer(engine, id);
  if (container === undefined) return;
  const { config, paths } = container;
  using monitor = MonitorConnection.connectIfRunning(paths.runDirectory);
  using watch = MonitorConnection.connectIfRunning(paths.runDirectory);
  if (monitor === undefined || watch === undefined) return;
  await Promise.race([keepLeases({ engine, config, namespace }, monitor), untilGone(watch)]);
}

async function untilGone(monitor: MonitorConnection): Promise<void> {
  while (await monitor.next() !== undefined);
}

async function keepLeases(
  container: Omit<Keeping, "endpointId">,
  monitor: MonitorConnection,
): Promise<void> {
  // Before anything: who is killed in the middle is called again
  await wakeIn(monitor, RETRY_MS);
  const { network: path } = container.engine.paths.container(container.config.id);
  const failures: unknown[] = [];
  for (const { id: endpointId } of readSandbox(path)?.endpoints ?? []) {
    try {
      await keepLease({ ...container, endpointId });
    } catch (error) {
      failures.push(error);
    }
  }
  await wakeForLeases(monitor, path);
  if (failures.length > 0) throw new AggregateError(failures, "Cannot renew all leases");
}

/**
 * Has a monitor call in time for the next of its container's leases.
 *
 * @param path Of the record of its sandbox.
 */
export async function wakeForLeases(monitor: MonitorConnection, path: string): Promise<void> {
  await wakeIn(monitor, planNextWake(readSandbox(path)?.endpoints ?? [], Date.now()));
}

/** Has a monitor call after so many milliseconds, in place of any time said before. */
export async function wakeIn(monitor: MonitorConnection, delayMs: number): Promise<void> {
  monitor.wake(Math.floor(delayMs));
  // The answer comes when the request is done; an error says that the container has just ended
  await monitor.nextOf("ok", "error");
}

/** One endpoint of a container that runs. */
interface Keeping {
  engine: Engine;
  config: ContainerConfig;
  namespace: Descriptor;
  endpointId: string;
}

async function keepLease(keeping: Keeping): Promise<void> {
  const endpoint = findEndpoint(keeping);
  const { ipv4, lease } = endpoint ?? {};
  if (endpoint === undefined || lease === undefined) return;
  const now = Date.now();
  if (ipv4 !== undefined && now < lease.renewAt) return;
  const network = findNetwork(keeping.engine, endpoint.networkName);
  const identity = planIdentity(keeping.config, network, endpoint);
  await withClient(keeping.namespace, endpoint, identity, async (client) => {
    if (ipv4 !== undefined && now < lease.expiresAt) {
      const answer = await extend(client, ipv4, lease);
      if (answer === undefined) return; // asked again later
      if (answer !== "refused") return replaceGrant(keeping, network, answer);
    }
    // Nobody may use an address that others may be given by now
    replaceGrant(keeping, network, undefined);
    replaceGrant(keeping, network, await client.acquire(ipv4?.address));
  });
}

async function extend(
  client: DhcpClient,
  ipv4: EndpointAddress,
  lease: DhcpLease,
): Promise<DhcpGrant | "refused" | undefined> {
  const now = Date.now();
  const isEarly = now < lease.rebindAt;
  const left = (isEarly ? lease.rebindAt : lease.expiresAt) - now;
  const held = { ipv4, lease };
  return await client.extend(held, isEarly ? "server" : "anybody", Math.min(EXTEND_MS, left));
}

function findEndpoint({ engine, config, endpointId }: Keeping): Endpoint | undefined {
  const sandbox = readSandbox(engine.paths.container(config.id).network);
  return sandbox?.endpoints.find(({ id }) => id === endpointId);
}

/**
 * Takes an address away from a running container and gives it another one, or changes only its times.
 *
 * @param grant `undefined` for no address.
 */
function replaceGrant(
  keeping: Keeping,
  network: NetworkConfig,
  grant: DhcpGrant | undefined,
): void {
  const { engine, config } = keeping;
  const paths = engine.paths.container(config.id);
  using _lock = acquireLock(paths.networkLock);
  const sandbox = readSandbox(paths.network);
  const endpoint = sandbox?.endpoints.find(({ id }) => id === keeping.endpointId);
  if (sandbox === undefined || endpoint === undefined) {
    // Torn down while the server was thinking
    if (grant !== undefined) releaseLease(grant.lease);
    return;
  }
  const old = { ...endpoint };
  if (grant === undefined) delete endpoint.ipv4;
  else [endpoint.ipv4, endpoint.lease] = [grant.ipv4, grant.lease];
  writeSandbox(paths.network, sandbox);
  applyChange(keeping, network, { sandbox, old, endpoint, mtu: grant?.mtu ?? 0 });
  if (grant === undefined) return;
  rememberAddress(engine, config.id, endpoint.link, grant);
}

/** What a change is about: an endpoint as it was and as it is now, and the sandbox that has it. */
interface EndpointChange {
  sandbox: Sandbox;
  old: Endpoint;
  endpoint: Endpoint;
  mtu: number;
}

/** Brings the link and the files of a running container up to date. */
function applyChange(
  { engine, config, namespace }: Keeping,
  network: NetworkConfig,
  { sandbox, old, endpoint, mtu }: EndpointChange,
): void {
  const networks = config.endpoints.map((request) => findNetwork(engine, request.network));
  const isSameAddress = JSON.stringify(old.ipv4) === JSON.stringify(endpoint.ipv4);
  if (!isSameAddress) {
    using sockets = new SandboxSockets(namespace);
    if (old.ipv4 !== undefined) takeAway(sockets, old.link, old.ipv4);
    const route = config.endpoints[defaultRouteIndex(config.endpoints, networks)];
    const hasDefaultRoute = route?.network === endpoint.networkName;
    configureLink(sockets, { endpoint, hasDefaultRoute });
    if (network.options[NETWORK_OPTION.MTU] === undefined) limitMtu(sockets, endpoint, mtu);
  }
  if (old.ipv4?.address !== endpoint.ipv4?.address) {
    changeAddress(engine.paths, config, { old, endpoint });
  }
  if (!haveSameNames(old.lease, endpoint.lease)) {
    rewriteResolvConf(engine.paths, config, { sandbox, networks });
  }
}

function haveSameNames(one: DhcpLease | undefined, other: DhcpLease | undefined): boolean {
  const names = (lease: DhcpLease | undefined): string =>
    JSON.stringify([lease?.nameServers, lease?.domainSearch, lease?.domainName]);
  return names(one) === names(other);
}

const EADDRNOTAVAIL = 99;

/** The routes that need it go too. */
function takeAway(
  { namespace, inside }: SandboxSockets,
  link: string,
  { address, prefixLength }: EndpointAddress,
): void {
  using socket = inNetNamespace(namespace, () => new NetlinkSocket(NETLINK.ROUTE));
  try {
    removeAddress(socket, { index: inside.get(link).index, address, prefixLength });
  } catch (error) {
    // Somebody in the container has come first
    if (!(error instanceof NetlinkError && error.errno === EADDRNOTAVAIL)) throw error;
  }
}
