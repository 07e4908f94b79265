/** Undoing a container's sandbox. @module */

import { isPresent, listNames } from "../../kernel/entry.ts";
import { Links } from "../../kernel/link.ts";
import { NETLINK, NetlinkError, NetlinkSocket } from "../../kernel/netlink.ts";
import { sendFrame } from "../../kernel/packet_socket.ts";
import { removeTree } from "../../kernel/tree.ts";
import { unpublishPorts } from "../../network/host_network.ts";
import { releaseAddress, releaseAllAddresses } from "../../network/ipam.ts";
import type { DhcpLease, Endpoint, Sandbox } from "../../network/sandbox.ts";
import { forgetFlowsToContainer } from "../../network/udp_flows.ts";
import { isId, shortId } from "../../store/id.ts";
import { acquireLock } from "../../store/lock.ts";
import type { Paths } from "../../store/paths.ts";
import { removeAbandonedFiles, removeIfPresent } from "../../store/record.ts";
import type { Engine } from "../base/engine.ts";
import { recordEndpointEvent } from "./endpoint_events.ts";
import { forgetNames, leaveNames } from "./names.ts";
import { readSandboxIfSound } from "./sandbox_reading.ts";
import { removeUnownedLinks } from "./unowned_links.ts";

/** How a sandbox is undone. */
export interface TearDownOptions {
  /** Whether nothing is written down about it, because nobody was told that it was made. @default {false} */
  isQuiet?: boolean;
}

/**
 * Undoes what a container's sandbox has made on the host: links, ports, addresses and names.
 *
 * Does nothing if there is none, and what is undone already is fine. Where the record of it is damaged, everything
 * that is the container's is looked for. The caller holds the container's lock.
 *
 * @throws {AggregateError} If a part cannot be undone; the rest is, and the record stays for the next time.
 */
export function tearDownSandbox(
  engine: Engine,
  id: string,
  { isQuiet = false }: TearDownOptions = {},
): void {
  const { network: path, networkLock, joined } = engine.paths.container(id);
  if (!isPresent(path)) return;
  // Somebody may be connecting it at this moment
  using _lock = acquireLock(networkLock);
  const sandbox = readSandboxIfSound(engine, id);
  const failures = sandbox === undefined
    ? releaseEverything(engine, id)
    : releaseSandbox(engine.paths, id, sandbox);
  if (failures.length > 0) {
    throw new AggregateError(failures, `Cannot undo the network of container ${shortId(id)}`);
  }
  removeIfPresent(joined);
  removeTree(path);
  if (isQuiet) return;
  for (const endpoint of sandbox?.endpoints ?? []) {
    recordEndpointEvent(engine, { action: "disconnect", container: id, endpoint });
  }
}

/** Does each, and returns what went wrong. */
function attemptAll(...undos: readonly (() => void)[]): unknown[] {
  return undos.flatMap((undo) => {
    try {
      undo();
      return [];
    } catch (error) {
      return [error];
    }
  });
}

function releaseSandbox(paths: Paths, id: string, { endpoints, ports }: Sandbox): unknown[] {
  const isShared = isPresent(paths.container(id).joined);
  return attemptAll(
    () => leaveNames(paths, id, endpoints),
    () => ports.length > 0 && unpublishPorts(paths, id),
    () => forgetFlowsToContainer(ports),
    ...endpoints.flatMap((endpoint) => [
      () => isShared ? removeHostLink(endpoint) : cutHostLink(endpoint),
      () => releaseAddresses(paths, id, endpoint),
      () => releaseLeaseOf(endpoint),
    ]),
  );
}

/**
 * Gives back everything that is found to be a container's, without a record to go by. The caller holds its lock, or it
 * does not exist any more.
 *
 * @returns What went wrong.
 */
export function releaseEverything(engine: Engine, id: string): unknown[] {
  const { paths } = engine;
  return attemptAll(
    () => forgetNames(paths, id),
    () => unpublishPorts(paths, id),
    ...listNetworkIds(paths).map((networkId) => () =>
      releaseAllAddresses(addressPlace(paths, networkId), id)
    ),
    () => removeUnownedLinks(engine, { except: id }),
  );
}

/** Ids of the networks that have files in the run directory. */
export function listNetworkIds({ hostNetwork: { directory } }: Paths): string[] {
  return listNames(directory).filter(isId);
}

/** Removes what commands left beside the files of networks that were killed while they replaced one. */
export function removeAbandonedNetworkFiles(paths: Paths): void {
  const runDirectories = listNetworkIds(paths).map((id) => paths.network(id).runDirectory);
  for (const directory of [paths.networks, paths.hostNetwork.directory, ...runDirectories]) {
    removeAbandonedFiles(directory);
  }
}

function addressPlace(
  paths: Paths,
  networkId: string,
  networkName: string = networkId,
): { directory: string; networkName: string } {
  return { directory: paths.network(networkId).addresses, networkName };
}

/** Removes an endpoint's link on the host's side and gives its addresses back. */
export function releaseEndpoint(paths: Paths, owner: string, endpoint: Endpoint): void {
  removeHostLink(endpoint);
  releaseAddresses(paths, owner, endpoint);
  releaseLeaseOf(endpoint);
}

function releaseLeaseOf({ ipv4, lease }: Endpoint): void {
  if (ipv4 !== undefined && lease !== undefined) releaseLease(lease);
}

function releaseAddresses(paths: Paths, owner: string, endpoint: Endpoint): void {
  const { networkId, networkName, ipv4, ipv6 } = endpoint;
  const place = addressPlace(paths, networkId, networkName);
  // Whoever was killed while they took an address has not written it down
  if (ipv4 === undefined && ipv6 === undefined) releaseAllAddresses(place, owner);
  for (const address of [ipv4, ipv6]) {
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
function removeHostLink({ hostLink: name }: Endpoint): void {
  if (name === "") return;
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  new Links(socket).remove(name);
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
