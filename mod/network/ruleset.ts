/**
 * The table that wherry has in nf_tables, planned as a whole from the networks that are up and the ports that are
 * published. See `docs/network.md`, "The table". Nothing here has an effect.
 *
 * @module
 */

import { firstAddress, lastAddress, numberToAddress, parseCidr, parseIpAddress } from "../kernel/ip.ts";
import type { NetlinkRequest } from "../kernel/netlink.ts";
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  compare,
  CONNECTION_IS_DNAT,
  CONNECTION_STATE,
  decide,
  type Expression,
  joinValues,
  linkValue,
  loadField,
  loadMeta,
  loadValue,
  lookUp,
  lookUpVerdict,
  masquerade,
  matchConnection,
  matchFamily,
  matchLink,
  matchLinkKind,
  matchLocalDestination,
  matchWrongSource,
  type NftTable,
  type PacketField,
  portValue,
  removeElements,
  removeTable,
  type SetElement,
  translateDestination,
  type ValueType,
} from "../kernel/nftables.ts";
import type { PortMapping } from "./sandbox.ts";

/** What the table must know about a network that is up. */
export interface BridgeState {
  /** Id of the network. */
  networkId: string;
  /** Name of its bridge. */
  bridge: string;
  /** Its subnets in canonical form, at most one for each family, for example `10.210.0.0/16`. */
  subnets: string[];
  /** Whether nothing outside is reachable from it. */
  isInternal: boolean;
  /** Whether its containers do not reach each other. */
  isIsolated: boolean;
  /** Whether what leaves it for another network gets the host's address. */
  masquerades: boolean;
}

/** A name server of the host that only listens on a loopback address, made reachable for the containers of one bridge. */
export interface ResolverRedirect {
  /** Name of the bridge. */
  bridge: string;
  /** Address of the bridge at which containers ask, on port 53. */
  gateway: string;
  /** Address at which the server listens, on port 53, of the same family. */
  address: string;
}

/** Everything that decides what is in the table. */
export interface TableState {
  /** Name of the table, see {@linkcode tableNameOf}. */
  tableName: string;
  /** Networks that are up. */
  bridges: readonly BridgeState[];
  /** All that is published, without conflicts. */
  ports: readonly PortMapping[];
  /** Name servers that are made reachable. */
  resolvers: readonly ResolverRedirect[];
  /** Whether packets that have nothing to do with any bridge are not forwarded: when forwarding is on for wherry alone. */
  dropsOtherForwards: boolean;
}

/** Of a published port: what is looked up, and where that leads. */
interface PortMapNames {
  /** Ports that are published on one address. */
  bound: string;
  /** Ports that are published on all addresses. */
  any: string;
}

const PORT_MAPS: Readonly<Record<4 | 6, PortMapNames>> = {
  4: { bound: "ports4_on_address", any: "ports4" },
  6: { bound: "ports6_on_address", any: "ports6" },
};
const SOURCES: Readonly<Record<4 | 6, string>> = { 4: "subnets4", 6: "subnets6" };
const RESOLVERS: Readonly<Record<4 | 6, string>> = { 4: "resolvers4", 6: "resolvers6" };
const BRIDGES = "bridges";
const OPEN_BRIDGES = "open_bridges";
const INTERNAL_BRIDGES = "internal_bridges";
const PUBLISHED = "published";

const FAMILIES = [4, 6] as const;
const PROTOCOL_NUMBER = { tcp: 6, udp: 17, sctp: 132 } as const;
const DNS_PORT = 53;
const UNSPECIFIED: Readonly<Record<4 | 6, string>> = { 4: "0.0.0.0", 6: "::" };

const ADDRESS_TYPE: Readonly<Record<4 | 6, ValueType>> = { 4: "ipv4", 6: "ipv6" };
const SOURCE_FIELD: Readonly<Record<4 | 6, PacketField>> = { 4: "ipv4Source", 6: "ipv6Source" };
const DESTINATION_FIELD: Readonly<Record<4 | 6, PacketField>> = {
  4: "ipv4Destination",
  6: "ipv6Destination",
};
/** How many registers of 4 bytes an address takes. */
const ADDRESS_REGISTERS: Readonly<Record<4 | 6, number>> = { 4: 1, 6: 4 };

const DEFAULT_RUN_ROOT = "/run/wherry";
const DEFAULT_TABLE = "wherry";
/** First byte of 127.0.0.0/8. */
const LOOPBACK = new Uint8Array([127]);

/**
 * Name of the table that belongs to a run root: `wherry` for the default one, `wherry-` and 8 hexadecimal digits for
 * others.
 */
export function tableNameOf(runRoot: string): string {
  if (runRoot === DEFAULT_RUN_ROOT) return DEFAULT_TABLE;
  return `${DEFAULT_TABLE}-${hash32(runRoot).toString(16).padStart(8, "0")}`;
}

/** FNV-1a: short, the same for ever, and no module to load. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash;
}

/** The table's family and name. */
export function tableOf(tableName: string): NftTable {
  return { family: "inet", name: tableName };
}

/**
 * Plans the table for where there is none; where there is one the batch fails with EEXIST.
 *
 * @throws {RangeError} If an address or subnet is none.
 */
export function planTable(state: TableState): NetlinkRequest[] {
  const table = tableOf(state.tableName);
  return [
    addTable(table, { mustBeNew: true }),
    ...planSets(table, state),
    ...planChains(table, state),
    ...planBaseChains(table, state),
  ];
}

/** Plans the table in the place of the one that may be there. */
export function planReplacement(state: TableState): NetlinkRequest[] {
  const [, ...content] = planTable(state);
  const table = tableOf(state.tableName);
  // Removing one that is not there would fail
  const make = addTable(table, { mustBeNew: false });
  return [make, removeTable(table), make, ...content];
}

/** What has changed of the ports that are published. */
export interface PortChange {
  /** Ports that are not in the table yet. */
  added: readonly PortMapping[];
  /** Ports that are in the table. */
  removed: readonly PortMapping[];
}

/**
 * Plans a change of published ports in the table that is there.
 *
 * The batch fails with ENOENT if the table or what is to be removed is not there, with EEXIST if what is to be added is.
 *
 * @throws {RangeError} If an address is none.
 */
export function planPortChange(tableName: string, { added, removed }: PortChange): NetlinkRequest[] {
  const table = tableOf(tableName);
  const requests: NetlinkRequest[] = [];
  for (const [set, elements] of groupPorts(removed)) {
    requests.push(...removeElements(table, { set, elements }));
  }
  for (const [set, elements] of groupPorts(added)) {
    requests.push(...addElements(table, { set, elements }));
  }
  return requests;
}

/** Elements by the map that they belong into. */
function groupPorts(ports: readonly PortMapping[]): Map<string, SetElement[]> {
  const groups = new Map<string, SetElement[]>();
  for (const mapping of ports) {
    const hostAddress = addressValue(mapping.hostAddress);
    const family = familyOf(hostAddress);
    const isAny = hostAddress.every((byte) => byte === 0);
    const name = isAny ? PORT_MAPS[family].any : PORT_MAPS[family].bound;
    const elements = groups.get(name) ?? [];
    groups.set(name, elements);
    pushPortElements(elements, mapping, isAny ? new Uint8Array() : hostAddress);
  }
  return groups;
}

/** One element for each port. */
function pushPortElements(
  elements: SetElement[],
  { protocol, hostPort, containerAddress, containerPort, count }: PortMapping,
  hostAddress: Uint8Array,
): void {
  const address = addressValue(containerAddress);
  const number = new Uint8Array([PROTOCOL_NUMBER[protocol]]);
  for (let index = 0; index < count; index++) {
    elements.push({
      key: joinValues(hostAddress, number, portValue(hostPort + index)),
      data: joinValues(address, portValue(containerPort + index)),
    });
  }
}

function addressValue(text: string): Uint8Array {
  const address = parseIpAddress(text);
  if (address === undefined) throw new RangeError(`Cannot plan a table with "${text}": no address`);
  return address.bytes;
}

function familyOf(address: Uint8Array): 4 | 6 {
  return address.length === 4 ? 4 : 6;
}

function planSets(table: NftTable, { bridges, ports, resolvers }: TableState): NetlinkRequest[] {
  const ports4 = ["ipv4", "port"] as const;
  const sets: NetlinkRequest[] = [
    addSet(table, { name: BRIDGES, key: ["link"] }),
    addSet(table, { name: OPEN_BRIDGES, key: ["link", "link"] }),
    addSet(table, { name: INTERNAL_BRIDGES, key: ["link"] }),
  ];
  return sets;
}
