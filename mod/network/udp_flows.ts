/**
 * UDP packets that the kernel still leads to where they went before.
 *
 * The translation of a UDP "connection" is remembered for as long as packets come: a client that never pauses would
 * not notice that a port is published by now, or by another container.
 *
 * @module
 */

import { listAddresses } from "../kernel/address.ts";
import { type Connection, deleteConnections } from "../kernel/conntrack.ts";
import { NETLINK, NetlinkError, NetlinkSocket } from "../kernel/netlink.ts";
import type { PortMapping } from "./sandbox.ts";

/**
 * Has the kernel decide anew where packets to newly published ports go.
 *
 * @throws {NetlinkError} If the kernel refuses.
 */
export function forgetFlowsToHost(mappings: readonly PortMapping[]): void {
  const published = mappings.filter(({ protocol }) => protocol === "udp");
  if (published.length === 0) return;
  const local = new Set(listLocalAddresses());
  forgetFlows(({ destination, replySource }) =>
    local.has(destination.address) && replySource.address === destination.address &&
    published.some(({ hostPort, count }) =>
      destination.port >= hostPort && destination.port < hostPort + count
    )
  );
}

/** Has the kernel forget the packets that it leads to a container's ports. */
export function forgetFlowsToContainer(mappings: readonly PortMapping[]): void {
  const published = mappings.filter(({ protocol }) => protocol === "udp");
  if (published.length === 0) return;
  const addresses = new Set(published.map(({ containerAddress }) => containerAddress));
  forgetFlows(({ destination, replySource }) =>
    addresses.has(replySource.address) && replySource.address !== destination.address
  );
}

function forgetFlows(isStale: (connection: Connection) => boolean): void {
  using socket = new NetlinkSocket(NETLINK.NETFILTER);
  try {
    deleteConnections(socket, { protocol: "udp", isStale });
  } catch (error) {
    // A kernel that does not show its connections: they end by themselves, after 30 s without a packet
    const isHidden = error instanceof NetlinkError && ["EINVAL", "EOPNOTSUPP"].includes(error.code);
    if (!isHidden) throw error;
  }
}

function listLocalAddresses(): string[] {
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  return listAddresses(socket).map(({ address }) => address);
}
