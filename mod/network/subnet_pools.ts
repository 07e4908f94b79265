/**
 * Choosing subnets that are nobody else's.
 *
 * Occupied are the subnets of all networks, and what the host has routes to, in whatever table, and addresses in. A
 * route to everything, or to one half of it, as VPNs make two of, occupies nothing.
 *
 * @module
 */

import { WherryError } from "../errors.ts";
import { listAddresses } from "../kernel/address.ts";
import {
  addressCount,
  type Cidr,
  containsCidr,
  firstAddress,
  formatCidr,
  networkOf,
  overlaps,
  parseCidr,
  uniqueLocalSubnet,
} from "../kernel/ip.ts";
import { Links } from "../kernel/link.ts";
import type { NetlinkSocket } from "../kernel/netlink.ts";
import { listRoutes, ROUTE_TABLE } from "../kernel/route.ts";
import type { NetworkConfig } from "./network.ts";

/** A block of addresses that somebody uses. */
export interface OccupiedBlock {
  /** In canonical form. */
  block: Cidr;
  /** Whose it is, for messages, for example `network "web"` or `host route 10.0.0.0/8 dev eth0`. */
  owner: string;
}

/** Where subnets are taken from. */
interface SubnetPool {
  first: string;
  last: string;
  prefixLength: number;
}

/** Of the default network, which has room for more containers than one host runs. */
const DEFAULT_NETWORK_POOL: SubnetPool = {
  first: "10.210.0.0/16",
  last: "10.210.0.0/16",
  prefixLength: 16,
};

/** Of all others, and of the default network if its own is occupied. */
const POOLS: readonly SubnetPool[] = [
  { first: "10.211.0.0/16", last: "10.219.0.0/16", prefixLength: 24 },
  { first: "172.16.0.0/12", last: "172.16.0.0/12", prefixLength: 24 },
  { first: "192.168.0.0/16", last: "192.168.0.0/16", prefixLength: 24 },
];

/** Routes with a prefix no longer than this lead to the world. */
const LONGEST_DEFAULT_PREFIX = 1;
/** How many subnets an id gives, each from one digit further on. */
const UNIQUE_LOCAL_TRIES = 50;

/** What networks occupy. */
export function blocksOfNetworks(networks: readonly NetworkConfig[]): OccupiedBlock[] {
  return networks.flatMap(({ name, pools }) =>
    pools.flatMap(({ subnet }) => {
      const block = parseCidr(subnet);
      return block === undefined ? [] : [{ block, owner: `network "${name}"` }];
    })
  );
}

/**
 * What the host occupies: routes of all tables and addresses.
 *
 * @param socket Of `NETLINK_ROUTE`.
 * @param ownLink Index of a link that does not count, because it is the network's own; 0 for none.
 */
export function blocksOfHost(socket: NetlinkSocket, ownLink = 0): OccupiedBlock[] {
  const names = new Map(new Links(socket).list().map(({ index, name }) => [index, name]));
  const device = (index: number): string => names.has(index) ? ` dev ${names.get(index)}` : "";
  const isForeign = ({ index }: { index: number }): boolean => ownLink === 0 || index !== ownLink;
  const routes = listRoutes(socket).filter(isForeign)
    // The local table repeats, address by address, what the main one says better
    .toSorted((a, b) =>
      Number(a.table === ROUTE_TABLE.LOCAL) - Number(b.table === ROUTE_TABLE.LOCAL)
    );
  const addresses = listAddresses(socket).filter(isForeign);
  return [
    ...routes.flatMap(({ destination, index }) =>
      readBlock(destination, `host route ${destination}${device(index)}`)
    ),
    ...addresses.flatMap(({ address, prefixLength, index }) => {
      const text = `${address}/${prefixLength}`;
      return readBlock(text, `host address ${text}${device(index)}`);
    }),
  ].filter(({ block }) => block.prefixLength > LONGEST_DEFAULT_PREFIX);
}

function readBlock(text: string, owner: string): OccupiedBlock[] {
  const cidr = parseCidr(text);
  return cidr === undefined ? [] : [{ block: networkOf(cidr), owner }];
}

/**
 * Checks that a subnet is nobody else's.
 *
 * @throws {WherryError} `conflict`, naming what it overlaps.
 */
export function checkSubnet(subnet: Cidr, occupied: readonly OccupiedBlock[]): void {
  const found = findOverlap(subnet, occupied);
  if (found === undefined) return;
  const range = containsCidr(found.block, subnet) && containsCidr(subnet, found.block)
    ? ""
    : found.owner.startsWith("network")
    ? ` (${formatCidr(found.block)})`
    : "";
  throw new WherryError(
    "conflict",
    `Cannot use the subnet "${formatCidr(subnet)}": it overlaps with ${found.owner}${range}`,
    { hint: "Choose another --subnet, or leave the choice to wherry" },
  );
}

/** The first block that has addresses of a subnet; `undefined` if none does. */
export function findOverlap(
  subnet: Cidr,
  occupied: readonly OccupiedBlock[],
): OccupiedBlock | undefined {
  return occupied.find(({ block }) => overlaps(block, subnet));
}

/**
 * Chooses an IPv4 subnet.
 *
 * @param isDefault Whether it is for the default network, which has a larger one of its own.
 * @throws {WherryError} `unavailable` if all are occupied.
 */
export function chooseSubnet(
  occupied: readonly OccupiedBlock[],
  { isDefault }: { isDefault: boolean },
): Cidr {
  const blocks = occupied.filter(({ block }) => block.family === 4);
  for (const pool of isDefault ? [DEFAULT_NETWORK_POOL, ...POOLS] : POOLS) {
    const subnet = findFree(pool, blocks);
    if (subnet !== undefined) return subnet;
  }
  throw new WherryError(
    "unavailable",
    "Cannot choose a subnet: networks, routes and addresses of the host occupy all private ones",
    { hint: "Give one with --subnet" },
  );
}

function findFree(pool: SubnetPool, blocks: readonly OccupiedBlock[]): Cidr | undefined {
  const [first, last] = [readPool(pool.first), readPool(pool.last)];
  const { prefixLength } = pool;
  let subnet: Cidr = { ...first, prefixLength };
  while (containsOrBefore(last, subnet)) {
    const found = findOverlap(subnet, blocks);
    if (found === undefined) return subnet;
    // Past whatever is in the way, however large it is
    const step = found.block.prefixLength < prefixLength ? found.block : subnet;
    subnet = { ...subnet, address: firstAddress(step) + addressCount(step) };
  }
  return undefined;
}

function readPool(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new RangeError(`Cannot use the pool "${text}": malformed`);
  return cidr;
}

function containsOrBefore(last: Cidr, { address }: Cidr): boolean {
  return address < firstAddress(last) + addressCount(last);
}

/**
 * Chooses an IPv6 subnet: a unique local one that belongs to the network's id.
 *
 * @throws {WherryError} `unavailable` if all that belong to it are occupied.
 */
export function chooseUniqueLocalSubnet(id: string, occupied: readonly OccupiedBlock[]): Cidr {
  for (let from = 0; from < UNIQUE_LOCAL_TRIES; from++) {
    const subnet = uniqueLocalSubnet(id.slice(from));
    if (findOverlap(subnet, occupied) === undefined) return subnet;
  }
  throw new WherryError("unavailable", "Cannot choose an IPv6 subnet: the host occupies fd00::/8", {
    hint: "Give one with --subnet, or do without: --ipv6=false",
  });
}
