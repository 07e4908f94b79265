/** Attaching a sandbox to a network: links, addresses and routes. @module */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { WherryError } from "../errors.ts";
import { newAddress } from "../kernel/address.ts";
import {
  addressToNumber,
  containsAddress,
  networkOf,
  parseCidr,
  parseIpAddress,
} from "../kernel/ip.ts";
import { IPVLAN_MODE, type Link, Links, MACVLAN_MODE } from "../kernel/link.ts";
import { inNetNamespace } from "../kernel/net_namespace.ts";
import { NETLINK, NetlinkError, type NetlinkRequest, NetlinkSocket } from "../kernel/netlink.ts";
import {
  deleteRoute,
  ensureRoute,
  listRoutes,
  newRoute,
  type Route,
  ROUTE_TABLE,
  type RouteRequest,
} from "../kernel/route.ts";
import { sendFrame } from "../kernel/packet_socket.ts";
import { readSysctl, writeSysctl } from "../kernel/sysctl.ts";
import { encodeAnnouncement } from "./announcement.ts";
import { areBridgesFiltered } from "./bridge.ts";
import { NETWORK_OPTION, type NetworkConfig } from "./network.ts";
import type { Endpoint, EndpointAddress } from "./sandbox.ts";

/** The sockets that setting up a sandbox takes. */
export class SandboxSockets implements Disposable {
  /** In the host's namespace. */
  readonly host: Links;
  /** In the sandbox. */
  readonly inside: Links;
  /** The sandbox. */
  readonly namespace: Descriptor;
  readonly #hostSocket: NetlinkSocket;
  readonly #insideSocket: NetlinkSocket;

  /** @param namespace Stays the caller's. */
  constructor(namespace: Descriptor) {
    this.namespace = namespace;
    this.#hostSocket = new NetlinkSocket(NETLINK.ROUTE);
    this.#insideSocket = inNetNamespace(namespace, () => new NetlinkSocket(NETLINK.ROUTE));
    this.host = new Links(this.#hostSocket);
    this.inside = new Links(this.#insideSocket);
  }

  /** Has the kernel do things in the sandbox. */
  requestInside(...requests: readonly NetlinkRequest[]): void {
    if (requests.length > 0) this.#insideSocket.request(...requests);
  }

  /** Gateways of the routes to everything else, and the links that lead there. */
  listDefaultRoutes(): Route[] {
    return listRoutes(this.#insideSocket).filter(({ destination, table, gateway }) =>
      table === ROUTE_TABLE.MAIN && gateway !== "" && EVERYTHING.includes(destination)
    );
  }

  /** Closes both sockets. */
  [Symbol.dispose](): void {
    this.#hostSocket[Symbol.dispose]();
    this.#insideSocket[Symbol.dispose]();
  }
}

const EVERYTHING: readonly string[] = ["0.0.0.0/0", "::/0"];

/** How an endpoint is made. */
export interface AttachRequest {
  network: NetworkConfig;
  endpoint: Endpoint;
  /** Name of the network's bridge; empty for drivers without one. */
  bridge: string;
  /** Whether everything else is reached through this endpoint's gateways. */
  hasDefaultRoute: boolean;
}

/**
 * Makes an endpoint's link and gives it its addresses.
 *
 * The link goes with the namespace, or by {@linkcode detachEndpoint}.
 *
 * @throws {NetlinkError} If the kernel refuses a part; the caller undoes the rest.
 * @throws {WherryError} `not_found` if the bridge or the parent is missing.
 */
export function attachEndpoint(sockets: SandboxSockets, request: AttachRequest): void {
  const { endpoint } = request;
  makeLink(sockets, request);
  if (endpoint.ipv6 === undefined) disableIpv6(sockets.namespace, endpoint.link);
  configureLink(sockets, request);
}

/** Gives an endpoint's link its addresses and routes, and switches it on. */
export function configureLink(
  sockets: SandboxSockets,
  { endpoint, hasDefaultRoute }: Pick<AttachRequest, "endpoint" | "hasDefaultRoute">,
): void {
  const { index } = sockets.inside.get(endpoint.link);
  const addresses = [endpoint.ipv4, endpoint.ipv6].filter((one) => one !== undefined);
  sockets.inside.setUp(index);
  sockets.requestInside(
    ...addresses.map(({ address, prefixLength }) => newAddress({ index, address, prefixLength })),
    ...(hasDefaultRoute ? addresses.flatMap((address) => planDefaultRoute(address, index)) : []),
  );
  if (endpoint.hostLink === "") announce(sockets.namespace, endpoint, index);
}

/** On a bridge nobody has to be told: an address has the same hardware address there, whoever has it. */
function announce(namespace: Descriptor, { ipv4, macAddress }: Endpoint, index: number): void {
  if (ipv4 === undefined) return;
  const frame = encodeAnnouncement(ipv4.address, macAddress);
  inNetNamespace(namespace, () => sendFrame(index, frame));
}

/** Least that every host takes, RFC 791: a server that says less is not believed. */
const LEAST_MTU = 576;

/**
 * Lets an endpoint's link send packets that are no larger than its LAN takes.
 *
 * @param mtu What the LAN takes, in bytes; 0 if it is not known.
 */
export function limitMtu(
  { inside }: Pick<SandboxSockets, "inside">,
  { link }: Endpoint,
  mtu: number,
): void {
  if (mtu >= LEAST_MTU && mtu < inside.get(link).mtu) inside.setMtu(link, mtu);
}

function planDefaultRoute(
  { address, prefixLength, gateway }: EndpointAddress,
  index: number,
): NetlinkRequest[] {
  if (gateway === "") return [];
  const subnet = parseCidr(`${address}/${prefixLength}`);
  const router = parseIpAddress(gateway);
  const isOnLink = subnet === undefined || router === undefined || subnet.family === 6 ||
    containsAddress(networkOf(subnet), router.family, addressToNumber(router));
  // A DHCP server may give an address alone, without a subnet that the router is in
  const way = isOnLink ? [] : [ensureRoute({ destination: `${gateway}/${HOST_PREFIX}`, index })];
  return [...way, newRoute({ gateway, index })];
}

/** Of IPv4, for one machine. */
const HOST_PREFIX = 32;

/**
 * Leads everything else through another endpoint. A route that the container's own processes have made stays.
 *
 * @param from The endpoint that it went through; `undefined` if through none.
 * @param to `undefined` for none.
 * @throws {NetlinkError} If the kernel refuses; nothing has changed then.
 */
export function moveDefaultRoute(
  sockets: SandboxSockets,
  { from, to }: { from: Endpoint | undefined; to: Endpoint | undefined },
): void {
  const fromIndex = from === undefined ? 0 : sockets.inside.find(from.link)?.index ?? 0;
  const routes = sockets.listDefaultRoutes();
  const old = routes.filter(({ index, gateway }) =>
    index === fromIndex && addressesOf(from).some((one) => one.gateway === gateway)
  );
  const taken = routes.filter((route) => !old.includes(route)).map(({ destination }) =>
    destination
  );
  const toIndex = to === undefined ? 0 : sockets.inside.get(to.link).index;
  const added = addressesOf(to)
    .filter(({ gateway }) => !taken.includes(gateway.includes(":") ? "::/0" : "0.0.0.0/0"));
  const removed: RouteRequest[] = [];
  using undo = new DisposableStack();
  undo.defer(() => sockets.requestInside(...removed.map(newRoute)));
  for (const { gateway, index } of old) {
    sockets.requestInside(deleteRoute({ gateway, index }));
    removed.push({ gateway, index });
  }
  for (const address of added) {
    sockets.requestInside(...planDefaultRoute(address, toIndex));
    undo.defer(() =>
      sockets.requestInside(deleteRoute({ gateway: address.gateway, index: toIndex }))
    );
  }
  undo.move();
}

/** Those with a gateway. */
function addressesOf(endpoint: Endpoint | undefined): EndpointAddress[] {
  return [endpoint?.ipv4, endpoint?.ipv6].flatMap((one) =>
    one === undefined || one.gateway === "" ? [] : [one]
  );
}

function makeLink(sockets: SandboxSockets, request: AttachRequest): void {
  const { network, endpoint, bridge } = request;
  const mtu = mtuOf(network);
  const { namespace } = sockets;
  if (network.driver === "bridge") {
    sockets.host.addVeth({
      name: endpoint.hostLink,
      bridgeIndex: findLink(sockets.host, bridge).index,
      isIsolated: network.options[NETWORK_OPTION.ICC] === "false",
      isReflected: areBridgesFiltered(),
      ...mtu,
      peer: { name: endpoint.link, namespace, macAddress: endpoint.macAddress, ...mtu },
    });
    return;
  }
  const parent = findParent(sockets.host, network);
  const shared = { name: endpoint.link, parentIndex: parent.index, namespace, ...mtu };
  try {
    if (network.driver === "macvlan") {
      const mode = modeOf(network, NETWORK_OPTION.MACVLAN_MODE, MACVLAN_MODE, "bridge");
      sockets.host.addMacvlan({ ...shared, mode, macAddress: endpoint.macAddress });
    } else {
      const mode = modeOf(network, NETWORK_OPTION.IPVLAN_MODE, IPVLAN_MODE, "l2");
      sockets.host.addIpvlan({ ...shared, mode });
      // All on the parent have its address
      endpoint.macAddress = sockets.inside.get(endpoint.link).macAddress;
    }
  } catch (cause) {
    throw parentFailure(network, parent, cause);
  }
}

/** @throws {WherryError} If the parent cannot carry anything now. */
function findParent(host: Links, network: NetworkConfig): Link {
  const name = network.options[NETWORK_OPTION.PARENT] ?? "";
  const parent = host.find(name);
  if (parent === undefined) {
    throw new WherryError("not_found", `${cannotUseParent(network, name)}: no such link`, {
      hint: "Make the link again, or the network anew with -o parent=NAME",
    });
  }
  const mtu = Number(network.options[NETWORK_OPTION.MTU] ?? 0);
  if (mtu > parent.mtu) {
    throw new WherryError(
      "conflict",
      `${cannotUseParent(network, name)}: its largest packets have ${parent.mtu} bytes, and the ` +
        `network's ${mtu}`,
      { hint: `Make the network with -o mtu=${parent.mtu}, or none` },
    );
  }
  if (parent.isUp) return parent;
  throw new WherryError("conflict", `${cannotUseParent(network, name)}: it is switched off`, {
    hint: `Switch it on, for example with "ip link set ${name} up"`,
  });
}

function cannotUseParent({ name }: NetworkConfig, parent: string): string {
  return `Cannot use the parent "${parent}" of network "${name}"`;
}

const EBUSY = 16;
const EOPNOTSUPP = 95;

function parentFailure(
  network: NetworkConfig,
  { name, masterIndex }: Link,
  cause: unknown,
): unknown {
  const errno = cause instanceof NetlinkError ? cause.errno : 0;
  if (errno === EOPNOTSUPP) {
    return new WherryError(
      "unsupported",
      `Cannot use the driver of network "${network.name}": this kernel has no ${network.driver}`,
      { cause },
    );
  }
  if (errno !== EBUSY) return cause;
  const reason = masterIndex > 0
    ? "it is a port of another link"
    : `it carries links that no ${network.driver} goes with`;
  return new WherryError("conflict", `${cannotUseParent(network, name)}: ${reason}`, {
    cause,
    hint: "A link is the parent of macvlans or of ipvlans, and of one macvlan with mode passthru",
  });
}

function findLink(links: Links, name: string): Link {
  const link = links.find(name);
  if (link !== undefined) return link;
  throw new WherryError("not_found", `Cannot use the network link "${name}": no such link`);
}

function mtuOf({ options }: NetworkConfig): { mtu?: number } {
  const mtu = options[NETWORK_OPTION.MTU];
  return mtu === undefined ? {} : { mtu: Number(mtu) };
}

function modeOf<M extends string>(
  { options }: NetworkConfig,
  option: string,
  modes: Readonly<Record<M, number>>,
  fallback: M,
): M {
  const wanted = options[option];
  return wanted !== undefined && wanted in modes ? wanted as M : fallback;
}

/** Without an address of the network's own a link-local one would only confuse. */
function disableIpv6(namespace: Descriptor, link: string): void {
  inNetNamespace(namespace, () => {
    const name = `net/ipv6/conf/${link}/disable_ipv6`;
    if (readSysctl(name) !== undefined) writeSysctl(name, "1");
  });
}

/** Removes an endpoint's link, if it is still there. */
export function detachEndpoint(
  { host, inside }: Pick<SandboxSockets, "host" | "inside">,
  endpoint: Endpoint,
): void {
  if (endpoint.hostLink === "") inside.remove(endpoint.link);
  else host.remove(endpoint.hostLink);
}
