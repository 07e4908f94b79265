/** Finding networks, and having them on the host while containers are on them. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import { isPresent } from "../../kernel/entry.ts";
import {
  type Cidr,
  firstUsableAddress,
  formatAddressNumber,
  formatCidr,
  overlaps,
  parseCidr,
} from "../../kernel/ip.ts";
import { Links } from "../../kernel/link.ts";
import { NETLINK, NetlinkSocket } from "../../kernel/netlink.ts";
import { readSysctl } from "../../kernel/sysctl.ts";
import { removeTree } from "../../kernel/tree.ts";
import {
  bridgeNameOf,
  findBridge,
  isBridgeReady,
  makeBridge,
  removeBridge,
  switchBridgeOn,
} from "../../network/bridge.ts";
import { bridgeStateOf, resolversOf } from "../../network/bridge_state.ts";
import {
  DEFAULT_NETWORK,
  type IpamPool,
  NETWORK_OPTION,
  type NetworkConfig,
} from "../../network/network.ts";
import {
  findNetworkRecord,
  listNetworkRecords,
  noSuchNetwork,
  readNetwork,
  writeNetwork,
} from "../../network/network_store.ts";
import {
  blocksOfHost,
  blocksOfNetworks,
  chooseSubnet,
  chooseUniqueLocalSubnet,
  findOverlap,
  type OccupiedBlock,
} from "../../network/subnet_pools.ts";
import { findObstacles } from "../../network/firewall_check.ts";
import { makeAddressBook } from "../../network/address_book.ts";
import { ensureTable, HostNetwork } from "../../network/host_network.ts";
import { ensureVlan, parseVlanName, removeVlan } from "../../network/vlan.ts";
import { newId } from "../../store/id.ts";
import { acquireLock } from "../../store/lock.ts";
import { type Engine, systemFailure } from "../base/engine.ts";

/** Name of the default network's bridge, if no other link has it. */
const DEFAULT_BRIDGE = "wherry0";

/**
 * Waits until nobody else makes or removes networks, brings them up or takes them down.
 *
 * @throws {WherryError} `unavailable` if the lock's directory cannot be made.
 */
export function lockNetworks({ paths }: Engine): Descriptor {
  const { directory, lock } = paths.hostNetwork;
  try {
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
    return acquireLock(lock);
  } catch (cause) {
    throw systemFailure(`lock the networks in "${directory}"`, cause);
  }
}

/**
 * Waits until no endpoints of a network come or go, and it cannot be removed until the lock is let go.
 *
 * @throws {WherryError} `not_found` if it is gone by now.
 */
export function lockEndpoints({ paths }: Engine, { id, name }: NetworkConfig): Descriptor {
  const { runDirectory, lock: path } = paths.network(id);
  using undo = new DisposableStack();
  Deno.mkdirSync(runDirectory, { recursive: true, mode: 0o700 });
  const lock = undo.use(acquireLock(path));
  if (readNetwork(paths, name)?.id !== id) {
    removeTree(runDirectory);
    throw noSuchNetwork(name);
  }
  undo.move();
  return lock;
}

/**
 * The network that somebody means; the default one is made if it is not there yet.
 *
 * @param wanted A name, a full id, or the beginning of an id, tried in this order; `default` is the default network.
 * @throws {WherryError} `not_found`, `invalid_argument` if several ids begin so, `corrupt` if its record is damaged.
 */
export function findNetwork(engine: Engine, wanted: string): NetworkConfig {
  if (wanted === DEFAULT_NETWORK || wanted === "default") return ensureDefaultNetwork(engine);
  const network = findNetworkRecord(engine.paths, wanted);
  if (network === undefined) throw noSuchNetwork(wanted);
  return network.name === DEFAULT_NETWORK ? ensureDefaultNetwork(engine) : network;
}

/**
 * The default network. Its record is made at the first use; where nothing of it is on the host, as after a reboot,
 * its subnets are chosen anew if somebody else has them by now.
 */
export function ensureDefaultNetwork(engine: Engine): NetworkConfig {
  const { paths } = engine;
  const known = readNetwork(paths, DEFAULT_NETWORK);
  if (known !== undefined && isPresent(paths.network(known.id).addresses)) return known;
  using _lock = lockNetworks(engine);
  const network = renewDefaultNetwork(engine, readNetwork(paths, DEFAULT_NETWORK));
  // From here on addresses may be given away
  makeAddressBook(paths.network(network.id).addresses);
  return network;
}

/** The caller holds `network/lock`. */
function renewDefaultNetwork(engine: Engine, known: NetworkConfig | undefined): NetworkConfig {
  const { paths } = engine;
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  if (known !== undefined && findBridge(socket, known) !== undefined) return known;
  const occupied = listOccupied(engine, socket, { except: DEFAULT_NETWORK });
  if (known !== undefined && isStillFree(socket, known, occupied)) return known;
  const id = known?.id ?? newId();
  const hasBridgeName = new Links(socket).find(DEFAULT_BRIDGE) !== undefined;
  const network: NetworkConfig = {
    schema: 1,
    id,
    name: DEFAULT_NETWORK,
    createdAt: known?.createdAt ?? new Date().toISOString(),
    driver: "bridge",
    ipamDriver: "default",
    ipamOptions: {},
    pools: choosePools(id, occupied, { isDefault: true }),
    isInternal: false,
    isAttachable: false,
    hasIpv4: true,
    hasIpv6: hostHasIpv6(),
    options: hasBridgeName ? {} : { [NETWORK_OPTION.BRIDGE_NAME]: DEFAULT_BRIDGE },
    labels: {},
  };
  try {
    writeNetwork(paths, network);
  } catch (cause) {
    throw systemFailure(`make the default network in "${paths.networks}"`, cause);
  }
  return network;
}

/** Whether nobody has taken the subnets, or the bridge's name, while nothing of the network was on the host. */
function isStillFree(
  socket: NetlinkSocket,
  network: NetworkConfig,
  occupied: readonly OccupiedBlock[],
): boolean {
  if (new Links(socket).find(bridgeNameOf(network)) !== undefined) return false;
  const taken = occupied.map(({ block }) => block);
  return network.pools.every(({ subnet }) => {
    const cidr = parseCidr(subnet);
    return cidr !== undefined && !taken.some((block) => overlaps(block, cidr));
  });
}

/** What a new subnet must not overlap with. */
export function listOccupied(
  { paths }: Engine,
  socket: NetlinkSocket,
  { except = "" }: { except?: string } = {},
): OccupiedBlock[] {
  const { networks } = listNetworkRecords(paths);
  return [
    ...blocksOfNetworks(networks.filter(({ name }) => name !== except)),
    ...blocksOfHost(socket),
  ];
}

/** Subnets for a network that was given none: IPv6 too where the host has it. */
function choosePools(
  id: string,
  occupied: readonly OccupiedBlock[],
  options: { isDefault: boolean },
): IpamPool[] {
  const subnets = [chooseSubnet(occupied, options)];
  if (hostHasIpv6()) subnets.push(chooseUniqueLocalSubnet(id, occupied));
  return subnets.map(poolOf);
}

/** A pool of all of a subnet; the gateway has the first address. */
export function poolOf(subnet: Cidr): IpamPool {
  return {
    subnet: formatCidr(subnet),
    gateway: formatAddressNumber(subnet.family, firstUsableAddress(subnet)),
    range: "",
    auxiliaryAddresses: {},
  };
}

/** Whether the host has IPv6, and nobody has switched it off as a whole. */
export function hostHasIpv6(): boolean {
  return readSysctl("net/ipv6/conf/all/disable_ipv6") === "0";
}

/**
 * Has a network on the host, ready for endpoints: its bridge, addresses and what the table says of it.
 *
 * Idempotent, and costs one request to the kernel if it is there already. The caller holds the lock of
 * {@linkcode lockEndpoints}.
 *
 * @returns Name of its bridge; empty for drivers that have none.
 * @throws {WherryError} `conflict` if another link has the bridge's name.
 * @throws {NetlinkError} If the kernel refuses a part; nothing is left then.
 */
export function bringUp(engine: Engine, network: NetworkConfig): string {
  if (network.driver !== "bridge") {
    bringUpParent(engine, network);
    return "";
  }
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  const isReady = isBridgeReady(socket, network) && ensureTable(engine.paths, network.id);
  if (!isReady) makeReady(engine, socket, network);
  return bridgeNameOf(network);
}

/** A link of a VLAN is made if it is missing; all other parents are somebody else's business. */
function bringUpParent(engine: Engine, { options }: NetworkConfig): void {
  const parent = options[NETWORK_OPTION.PARENT] ?? "";
  if (parseVlanName(parent) === undefined) return;
  using _lock = lockNetworks(engine);
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  ensureVlan(new Links(socket), parent);
}

/** Idempotent: two that come at once do it one after the other. */
function makeReady(engine: Engine, socket: NetlinkSocket, network: NetworkConfig): void {
  using host = new HostNetwork(engine.paths);
  using undo = new DisposableStack();
  if (findBridge(socket, network) === undefined) warnOfOverlaps(engine, socket, network);
  // One that was there before may have containers on it
  if (makeBridge(socket, network)) {
    undo.defer(() => removeBridge(socket, network));
    undo.defer(() => host.removeBridge(network.id));
  }
  host.addBridge(bridgeStateOf(network), resolversOf(network));
  // Last, so that whoever is killed before is seen not to have finished
  switchBridgeOn(socket, network);
  undo.move();
  warnOfObstacles(engine, network);
}

/** After a reboot somebody else may have been faster: what is sent there may go another way. */
function warnOfOverlaps(
  { onWarning }: Engine,
  socket: NetlinkSocket,
  network: NetworkConfig,
): void {
  const occupied = blocksOfHost(socket);
  for (const { subnet } of network.pools) {
    const cidr = parseCidr(subnet);
    const found = cidr === undefined ? undefined : findOverlap(cidr, occupied);
    if (found === undefined) continue;
    onWarning(`the subnet ${subnet} of network "${network.name}" overlaps with ${found.owner}`);
  }
}

/** What another program drops stays dropped, whatever wherry's own table says. */
function warnOfObstacles({ onWarning }: Engine, network: NetworkConfig): void {
  if (network.isInternal) return;
  using socket = new NetlinkSocket(NETLINK.NETFILTER);
  const families = network.pools.map(({ subnet }) =>
    subnet.includes(":") ? 6 as const : 4 as const
  );
  for (
    const { message, remedy } of findObstacles(socket, { bridge: bridgeNameOf(network), families })
  ) {
    onWarning(`${message}; to let the packets of network "${network.name}" through: ${remedy}`);
  }
}

/** Another network may have the same parent. */
function takeDownParent(engine: Engine, { id, options }: NetworkConfig): void {
  const parent = options[NETWORK_OPTION.PARENT] ?? "";
  if (parseVlanName(parent) === undefined) return;
  using _lock = lockNetworks(engine);
  const { networks } = listNetworkRecords(engine.paths);
  const isShared = networks.some((other) =>
    other.id !== id && other.options[NETWORK_OPTION.PARENT] === parent
  );
  if (isShared) return;
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  removeVlan(new Links(socket), parent);
}

/**
 * Removes what the host has of a network that no container is on. Idempotent.
 *
 * The caller holds the lock of {@linkcode lockEndpoints}.
 */
export function takeDown(engine: Engine, network: NetworkConfig): void {
  if (network.driver === "bridge") {
    using host = new HostNetwork(engine.paths);
    using socket = new NetlinkSocket(NETLINK.ROUTE);
    removeBridge(socket, network);
    host.removeBridge(network.id);
  } else {
    takeDownParent(engine, network);
  }
  const { addresses, hosts } = engine.paths.network(network.id);
  // Not the lock: somebody may be waiting for it
  removeTree(addresses);
  // Somebody may be about to forget a name
  using _names = acquireLock(engine.paths.hostNetwork.namesLock);
  removeTree(hosts);
}
