/** The bridge of a network, on the host. @module */

import { WherryError } from "../errors.ts";
import { listAddresses, newAddress } from "../kernel/address.ts";
import { type Link, Links } from "../kernel/link.ts";
import { NetlinkError, type NetlinkSocket } from "../kernel/netlink.ts";
import { newLoopbackRoute } from "../kernel/route.ts";
import { readSysctl, writeSysctl } from "../kernel/sysctl.ts";
import { NETWORK_OPTION, type NetworkConfig } from "./network.ts";

/** Digits of the network's id in its bridge's name, which has 15 characters at most. */
const NAME_DIGITS = 12;
const MAC_DIGITS = 10;

/** Name of the link that a network's containers are attached to. */
export function bridgeNameOf({ id, options }: Pick<NetworkConfig, "id" | "options">): string {
  return options[NETWORK_OPTION.BRIDGE_NAME] ?? `wh-${id.slice(0, NAME_DIGITS)}`;
}

/**
 * Hardware address of a network's bridge: locally administered, and of the network's id.
 *
 * It is there from the bridge's first moment on, and so tells it from somebody else's of the same name.
 */
export function bridgeMacAddress(id: string): string {
  return ["02", ...id.slice(0, MAC_DIGITS).match(/../g) ?? []].join(":");
}

/** Whether a link is the network's own bridge. */
export function isOwnBridge(link: Link, { id }: Pick<NetworkConfig, "id">): boolean {
  return link.kind === "bridge" && link.macAddress === bridgeMacAddress(id);
}

/** The network's bridge, finished or not; `undefined` if there is none. */
export function findBridge(socket: NetlinkSocket, network: NetworkConfig): Link | undefined {
  const link = new Links(socket).find(bridgeNameOf(network));
  return link !== undefined && isOwnBridge(link, network) ? link : undefined;
}

/** Whether the network's bridge is there with all that belongs to it. Costs one request. */
export function isBridgeReady(socket: NetlinkSocket, network: NetworkConfig): boolean {
  const link = findBridge(socket, network);
  // The alias is the last step
  return link !== undefined && link.isUp && link.alias !== "";
}

/**
 * Makes a network's bridge with its addresses, or what a crash left out of it. The caller holds `network/lock`.
 *
 * @returns Whether there was none of it before.
 * @throws {WherryError} `conflict` if another link has its name.
 * @throws {NetlinkError} If the kernel refuses a part; what was made is removed then.
 */
export function makeBridge(socket: NetlinkSocket, network: NetworkConfig): boolean {
  const links = new Links(socket);
  const name = bridgeNameOf(network);
  using undo = new DisposableStack();
  const found = links.find(name);
  if (found === undefined) {
    links.addBridge(name, { macAddress: bridgeMacAddress(network.id), ...mtuOf(network) });
    undo.defer(() => links.remove(name));
  } else if (!isOwnBridge(found, network)) {
    throw nameTaken(name, network.name);
  }
  // IPv6 addresses are refused while it is off
  configureBridge(name, network);
  addMissingAddresses(socket, links.get(name).index, network);
  undo.move();
  return found === undefined;
}

/** The last step of bringing a network's bridge up, after which {@linkcode isBridgeReady} says so. */
export function switchBridgeOn(socket: NetlinkSocket, network: NetworkConfig): void {
  const links = new Links(socket);
  const name = bridgeNameOf(network);
  links.setUp(name);
  if (network.hasIpv6) admitLoopback(socket, links.get(name).index);
  links.setAlias(name, `wherry network ${network.name}`);
}

/** Lets answers in that belong to connections of the host from `::1` to a published port. */
function admitLoopback(socket: NetlinkSocket, index: number): void {
  try {
    socket.request(newLoopbackRoute(index));
  } catch (error) {
    // What a crash has left
    if (!(error instanceof NetlinkError && error.code === "EEXIST")) throw error;
  }
}

/**
 * Whether the kernel translates packets while they are still in a bridge (`br_netfilter`), as it does where docker is.
 *
 * Then a container that asks for a port which it has published itself only gets its packets back if its port reflects
 * them: they are not routed, but stay in the bridge.
 */
export function areBridgesFiltered(): boolean {
  return ["iptables", "ip6tables"].some((name) =>
    readSysctl(`net/bridge/bridge-nf-call-${name}`) === "1"
  );
}

/** The error of a bridge whose name another link of the host has. */
export function nameTaken(bridge: string, network: string): WherryError {
  return new WherryError(
    "conflict",
    `Cannot make bridge "${bridge}" of network "${network}": the host has another link of that name`,
    { hint: `Choose another one with -o ${NETWORK_OPTION.BRIDGE_NAME}=NAME` },
  );
}

function mtuOf({ options }: NetworkConfig): { mtu?: number } {
  const mtu = options[NETWORK_OPTION.MTU];
  return mtu === undefined ? {} : { mtu: Number(mtu) };
}

function configureBridge(name: string, { hasIpv6 }: NetworkConfig): void {
  // A kernel without IPv6 has none of these
  if (readSysctl(`net/ipv6/conf/${name}/disable_ipv6`) === undefined) return;
  writeSysctl(`net/ipv6/conf/${name}/disable_ipv6`, hasIpv6 ? "0" : "1");
  writeSysctl(`net/ipv6/conf/${name}/accept_ra`, "0");
}

function addMissingAddresses(
  socket: NetlinkSocket,
  index: number,
  { pools }: NetworkConfig,
): void {
  const present = new Set(
    listAddresses(socket).filter((one) => one.index === index).map(({ address }) => address),
  );
  const missing = pools.filter(({ gateway }) => gateway !== "" && !present.has(gateway));
  if (missing.length === 0) return;
  socket.request(...missing.map(({ gateway, subnet }) => {
    const prefixLength = Number(subnet.slice(subnet.indexOf("/") + 1));
    return newAddress({ index, address: gateway, prefixLength });
  }));
}

/**
 * Removes a network's bridge; a missing one, and another link of its name, is left alone.
 *
 * @returns Whether there was one.
 */
export function removeBridge(socket: NetlinkSocket, network: NetworkConfig): boolean {
  const bridge = findBridge(socket, network);
  return bridge !== undefined && new Links(socket).remove(bridge.index);
}
