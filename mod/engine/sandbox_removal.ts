/** Undoing a container's sandbox. @module */

import { isPresent } from "../kernel/entry.ts";
import { Links } from "../kernel/link.ts";
import { NETLINK, NetlinkError, NetlinkSocket } from "../kernel/netlink.ts";
import { unpublishPorts } from "../network/host_network.ts";
import { releaseAddress } from "../network/ipam.ts";
import type { Endpoint } from "../network/sandbox.ts";
import { readSandbox, removeSandbox } from "../network/sandbox_record.ts";
import { forgetFlowsToContainer } from "../network/udp_flows.ts";
import { shortId } from "../store/id.ts";
import type { Paths } from "../store/paths.ts";
import { removeIfPresent } from "../store/record.ts";
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
  const { network: path, joined } = paths.container(id);
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
  const isShared = isPresent(joined);
  for (const endpoint of sandbox.endpoints) {
    attempt(() => isShared ? removeHostLink(endpoint) : cutHostLink(endpoint));
    attempt(() => releaseAddresses(paths, id, endpoint));
  }
  if (failures.length > 0) {
    throw new AggregateError(failures, `Cannot undo the network of container ${shortId(id)}`);
  }
  removeIfPresent(joined);
  removeSandbox(path);
}

/** Removes an endpoint's link on the host's side and gives its addresses back. */
export function releaseEndpoint(paths: Paths, owner: string, endpoint: Endpoint): void {
  removeHostLink(endpoint);
  releaseAddresses(paths, owner, endpoint);
}

function releaseAddresses(paths: Paths, owner: string, endpoint: Endpoint): void {
  const place = {
    directory: paths.network(endpoint.networkId).addresses,
    networkName: endpoint.networkName,
  };
  for (const address of [endpoint.ipv4, endpoint.ipv6]) {
    if (address !== undefined) releaseAddress(place, address.address, owner);
  }
}

/** A crash may have left the namespace, and the link with it, to the kernel. */
function removeHostLink({ hostLink }: Endpoint): void {
  if (hostLink === "") return;
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  new Links(socket).remove(hostLink);
}

/**
 * Leaves an endpoint's link to the kernel, which removes it with the namespace a moment later: it takes 20 ms that
 * nobody waits for then. Switched off, it does not answer for addresses that somebody else is given meanwhile.
 */
function cutHostLink({ hostLink }: Endpoint): void {
  if (hostLink === "") return;
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  try {
    new Links(socket).setDown(hostLink);
  } catch (error) {
    // It is gone already
    if (!(error instanceof NetlinkError && error.code === "ENODEV")) throw error;
  }
}
