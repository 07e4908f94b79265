/** Undoing a container's sandbox. @module */

import { Links } from "../kernel/link.ts";
import { NETLINK, NetlinkSocket } from "../kernel/netlink.ts";
import { sendFrame } from "../kernel/packet_socket.ts";
import { unpublishPorts } from "../network/host_network.ts";
import { releaseAddress } from "../network/ipam.ts";
import type { DhcpLease, Endpoint } from "../network/sandbox.ts";
import { readSandbox, removeSandbox } from "../network/sandbox_record.ts";
import { forgetFlowsToContainer } from "../network/udp_flows.ts";
import { shortId } from "../store/id.ts";
import type { Paths } from "../store/paths.ts";
import { leaveNames } from "./names.ts";

/**
 * Undoes what a container's sandbox has made on the host: links, ports, addresses and names.
 *
 * Does nothing if there is none, and what is undone already is fine. The caller holds the container's lock, or the
 * container runs and is being torn down by who makes it.
 *
 * @throws {AggregateError} If a part cannot be undone; the rest is, and the record stays for the next time.
 */
export function tearDownSandbox(paths: Paths, id: string): void {
  const { network: path } = paths.container(id);
  const sandbox = readSandbox(path);
  if (sandbox === undefined) return;
  const failures: unknown[] = [];
  const attempt = (undo: () => void): void => {
    try {
      undo();
    } catch (error) {
      failures.push(error);
    }
  };
  attempt(() => leaveNames(paths, id, sandbox.endpoints));
  if (sandbox.ports.length > 0) {
    attempt(() => unpublishPorts(paths, id));
    attempt(() => forgetFlowsToContainer(sandbox.ports));
  }
  for (const endpoint of sandbox.endpoints) attempt(() => releaseEndpoint(paths, id, endpoint));
  if (failures.length > 0) {
    throw new AggregateError(failures, `Cannot undo the network of container ${shortId(id)}`);
  }
  removeSandbox(path);
}

/** Removes an endpoint's link on the host's side and gives its addresses back. */
export function releaseEndpoint(paths: Paths, owner: string, endpoint: Endpoint): void {
  if (endpoint.hostLink !== "") removeHostLink(endpoint);
  if (endpoint.lease !== undefined && endpoint.ipv4 !== undefined) releaseLease(endpoint.lease);
  const place = {
    directory: paths.network(endpoint.networkId).addresses,
    networkName: endpoint.networkName,
  };
  for (const address of [endpoint.ipv4, endpoint.ipv6]) {
    if (address !== undefined) releaseAddress(place, address.address, owner);
  }
}

/**
 * Gives an address back to its DHCP server.
 *
 * The frame goes out by the parent, in the container's name: the container's own link may be gone by now.
 */
export function releaseLease({ parent, release, expiresAt }: DhcpLease): void {
  if (Date.now() >= expiresAt) return;
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  const link = new Links(socket).find(parent);
  // Without a way to the server the lease ends by itself
  if (link?.isUp === true) sendFrame(link.index, Uint8Array.fromHex(release));
}

/** A crash may have left the namespace, and the link with it, to the kernel. */
function removeHostLink({ hostLink }: Endpoint): void {
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  new Links(socket).remove(hostLink);
}
