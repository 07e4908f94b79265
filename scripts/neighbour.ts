/** Another machine on a LAN with the host, for whoever tests or measures what it reaches. @module */

import type { Descriptor } from "../ffi/descriptor.ts";
import { newAddress } from "../mod/kernel/address.ts";
import { Links } from "../mod/kernel/link.ts";
import { inNetNamespace } from "../mod/kernel/net_namespace.ts";
import { NETLINK, NetlinkSocket } from "../mod/kernel/netlink.ts";

/** Addresses of that LAN, and the host's link to it. */
export const NEIGHBOUR_LAN = {
  /** The host's. */
  host: "192.0.2.1",
  /** The other machine's. */
  neighbour: "192.0.2.2",
  /** The host's link. */
  link: "lan0",
} as const;

/**
 * Makes a cable between the calling thread's network namespace and another one, which becomes the other machine. It
 * goes with that namespace.
 */
export function connectNeighbour(namespace: Descriptor): void {
  const { host, neighbour, link } = NEIGHBOUR_LAN;
  using outside = new NetlinkSocket(NETLINK.ROUTE);
  using inside = inNetNamespace(namespace, () => new NetlinkSocket(NETLINK.ROUTE));
  new Links(outside).addVeth({
    name: link,
    bridgeIndex: 0,
    peer: { name: "eth0", namespace, macAddress: "02:00:00:00:00:02" },
  });
  for (
    const [socket, name, address] of [[outside, link, host], [inside, "eth0", neighbour]] as const
  ) {
    const links = new Links(socket);
    links.setUp(name);
    socket.request(newAddress({ index: links.get(name).index, address, prefixLength: 24 }));
  }
}
