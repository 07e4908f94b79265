/**
 * The table that wherry has in nf_tables, planned as a whole from the networks that are up and the ports that are
 * published. See `docs/network.md`, "The table". Nothing here has an effect.
 *
 * @module
 */

import { firstAddress, lastAddress, numberToAddress, parseCidr } from "../kernel/ip.ts";
import type { NetlinkRequest } from "../kernel/netlink.ts";
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  joinValues,
  linkValue,
  portValue,
  removeTable,
} from "../kernel/nftables.ts";
import {
  compare,
  CONNECTION_IS_DNAT,
  CONNECTION_STATE,
  decide,
  loadField,
  loadMeta,
  lookUp,
  lookUpVerdict,
  masquerade,
  matchConnection,
  matchFamily,
  matchLink,
  matchLinkKind,
  matchLocalDestination,
  matchWrongSource,
  type PacketField,
  translateDestination,
} from "../kernel/nftables_expressions.ts";
import {
  type Expression,
  type NftTable,
  type SetElement,
  type ValueType,
} from "../kernel/nftables_wire.ts";
import { addressValue, groupPorts, PORT_MAPS, PROTOCOL_NUMBER } from "./port_maps.ts";
import {
  type BridgeState,
  type ResolverRedirect,
  tableOf,
  type TableState,
} from "./table_state.ts";

const SOURCES: Readonly<Record<4 | 6, string>> = { 4: "subnets4", 6: "subnets6" };
const RESOLVERS: Readonly<Record<4 | 6, string>> = { 4: "resolvers4", 6: "resolvers6" };
const BRIDGES = "bridges";
const OPEN_BRIDGES = "open_bridges";
const INTERNAL_BRIDGES = "internal_bridges";
const PUBLISHED = "published";

const FAMILIES = [4, 6] as const;
const DNS_PORT = 53;
/** How early chains are called; the names are those of nft(8). */
const PRIORITY = { RAW: -300, DESTINATION_NAT: -100, FILTER: 0, SOURCE_NAT: 100 } as const;

const ADDRESS_TYPE: Readonly<Record<4 | 6, ValueType>> = { 4: "ipv4", 6: "ipv6" };
const SOURCE_FIELD: Readonly<Record<4 | 6, PacketField>> = { 4: "ipv4Source", 6: "ipv6Source" };
const DESTINATION_FIELD: Readonly<Record<4 | 6, PacketField>> = {
  4: "ipv4Destination",
  6: "ipv6Destination",
};
/** How many registers of 4 bytes an address takes. */
const ADDRESS_REGISTERS: Readonly<Record<4 | 6, number>> = { 4: 1, 6: 4 };
/** How many registers of 4 bytes the name of a link takes. */
const LINK_REGISTERS = 4;

/** First byte of 127.0.0.0/8. */
const LOOPBACK = new Uint8Array([127]);

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
    ...planGuard(table),
    ...planDestinations(table, state),
    ...planSources(table, state),
    ...planForward(table, state),
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

function familyOf(address: Uint8Array): 4 | 6 {
  return address.length === 4 ? 4 : 6;
}

function planSets(table: NftTable, { bridges, ports }: TableState): NetlinkRequest[] {
  const requests = planBridgeSets(table, bridges);
  for (const family of FAMILIES) {
    const address = ADDRESS_TYPE[family];
    const { bound, any } = PORT_MAPS[family];
    const data = [address, "port"] as const;
    requests.push(
      addSet(table, { name: bound, key: [address, "protocol", "port"], data }),
      addSet(table, { name: any, key: ["protocol", "port"], data }),
    );
  }
  for (const [set, elements] of groupPorts(ports)) {
    requests.push(...addElements(table, { set, elements }));
  }
  return requests;
}

function planBridgeSets(table: NftTable, bridges: readonly BridgeState[]): NetlinkRequest[] {
  const requests = [
    addSet(table, { name: BRIDGES, key: ["link"] }),
    addSet(table, { name: INTERNAL_BRIDGES, key: ["link"] }),
    addSet(table, { name: OPEN_BRIDGES, key: ["link", "link"] }),
  ];
  const add = (set: string, element: SetElement): number =>
    requests.push(...addElements(table, { set, elements: [element] }));
  for (const { bridge, isInternal, isIsolated } of bridges) {
    const link = linkValue(bridge);
    add(BRIDGES, { key: link });
    if (isInternal) add(INTERNAL_BRIDGES, { key: link });
    if (!isIsolated) add(OPEN_BRIDGES, { key: joinValues(link, link) });
  }
  return requests;
}

/** Plans the guard, which is called before anything knows the packet's connection. */
function planGuard(table: NftTable): NetlinkRequest[] {
  const chain = "guard";
  const rule = (field: PacketField): NetlinkRequest =>
    addRule(table, chain, [
      ...matchFamily(4),
      ...matchLoopback(field),
      loadMeta("inputLink"),
      lookUp(BRIDGES),
      decide("drop"),
    ]);
  return [
    addChain(table, chain, { type: "filter", hook: "prerouting", priority: PRIORITY.RAW }),
    // With route_localnet the kernel itself would take both
    rule("ipv4Destination"),
    rule("ipv4Source"),
  ];
}

/** Goes on with packets from or to 127.0.0.0/8. */
function matchLoopback(field: PacketField): Expression[] {
  return [loadField(field, 0, LOOPBACK.length), compare("equal", LOOPBACK)];
}

/** Plans where connections go that are addressed to this host. */
function planDestinations(table: NftTable, { resolvers }: TableState): NetlinkRequest[] {
  const priority = PRIORITY.DESTINATION_NAT;
  const toPublished = [...matchLocalDestination(), decide({ jump: PUBLISHED })];
  return [
    addChain(table, PUBLISHED),
    ...FAMILIES.flatMap((family) => planPublished(table, family)),
    addChain(table, "prerouting", { type: "nat", hook: "prerouting", priority }),
    ...planResolvers(table, resolvers),
    // Otherwise a neighbour could reach what is published on 127.0.0.1 alone
    addRule(table, "prerouting", [
      ...matchFamily(4),
      ...matchLoopback("ipv4Destination"),
      decide("return"),
    ]),
    addRule(table, "prerouting", toPublished),
    addChain(table, "output", { type: "nat", hook: "output", priority }),
    addRule(table, "output", toPublished),
  ];
}

/** Plans the look-ups of published ports: first those of the very address. */
function planPublished(table: NftTable, family: 4 | 6): NetlinkRequest[] {
  const { bound, any } = PORT_MAPS[family];
  const addressEnd = ADDRESS_REGISTERS[family];
  const translate = translateDestination(family, 0, addressEnd);
  return [
    addRule(table, PUBLISHED, [
      ...matchFamily(family),
      loadField(DESTINATION_FIELD[family]),
      ...loadPort(addressEnd),
      lookUp(bound, { into: 0 }),
      translate,
    ]),
    addRule(table, PUBLISHED, [
      ...matchFamily(family),
      ...loadPort(0),
      lookUp(any, { into: 0 }),
      translate,
    ]),
  ];
}

/** Loads protocol and destination port into two registers. */
function loadPort(into: number): Expression[] {
  return [loadMeta("protocol", into), loadField("destinationPort", into + 1)];
}

/** Plans the way to name servers that listen on a loopback address; nothing if there are none. */
function planResolvers(
  table: NftTable,
  resolvers: readonly ResolverRedirect[],
): NetlinkRequest[] {
  return FAMILIES.flatMap((family) => {
    const elements = resolvers.flatMap((resolver) => resolverElements(resolver, family));
    if (elements.length === 0) return [];
    const name = RESOLVERS[family];
    const address = ADDRESS_TYPE[family];
    const addressEnd = LINK_REGISTERS + ADDRESS_REGISTERS[family];
    return [
      addSet(table, { name, key: ["link", address, "protocol", "port"], data: [address, "port"] }),
      ...addElements(table, { set: name, elements }),
      addRule(table, "prerouting", [
        ...matchFamily(family),
        loadMeta("inputLink"),
        loadField(DESTINATION_FIELD[family], LINK_REGISTERS),
        ...loadPort(addressEnd),
        lookUp(name, { into: 0 }),
        translateDestination(family, 0, ADDRESS_REGISTERS[family]),
      ]),
    ];
  });
}

function resolverElements(
  { bridge, gateway, address }: ResolverRedirect,
  family: 4 | 6,
): SetElement[] {
  const asked = addressValue(gateway);
  if (familyOf(asked) !== family) return [];
  const port = portValue(DNS_PORT);
  return [PROTOCOL_NUMBER.udp, PROTOCOL_NUMBER.tcp].map((protocol) => ({
    key: joinValues(linkValue(bridge), asked, new Uint8Array([protocol]), port),
    data: joinValues(addressValue(address), port),
  }));
}

/** Plans what gets the host's address as its source. The address of a client from outside is never changed. */
function planSources(table: NftTable, { bridges }: TableState): NetlinkRequest[] {
  const chain = "postrouting";
  const requests = bridges.flatMap((bridge) => planLeaving(table, bridge));
  for (const family of FAMILIES) {
    requests.push(
      addSet(table, {
        name: SOURCES[family],
        key: [ADDRESS_TYPE[family]],
        data: "verdict",
        hasRanges: true,
      }),
      ...addElements(table, { set: SOURCES[family], elements: subnetElements(bridges, family) }),
    );
  }
  requests.push(
    addChain(table, chain, { type: "nat", hook: "postrouting", priority: PRIORITY.SOURCE_NAT }),
    addRule(table, chain, [
      ...matchFamily(4),
      ...matchLoopback("ipv4Source"),
      ...matchBridge("outputLink"),
      masquerade(),
    ]),
    addRule(table, chain, [
      ...matchFamily(6),
      loadField("ipv6Source"),
      compare("equal", addressValue("::1")),
      ...matchBridge("outputLink"),
      masquerade(),
    ]),
  );
  for (const family of FAMILIES) {
    requests.push(addRule(table, chain, [
      ...matchFamily(family),
      loadField(SOURCE_FIELD[family]),
      lookUpVerdict(SOURCES[family]),
    ]));
  }
  return requests;
}

/** Plans the chain for what comes from the subnets of one bridge. */
function planLeaving(
  table: NftTable,
  { bridge, masquerades }: BridgeState,
): NetlinkRequest[] {
  const chain = leavingChain(bridge);
  const requests = [
    addChain(table, chain),
    // Without that, a neighbour would answer directly, with an address that nobody has asked
    addRule(table, chain, [
      ...matchLink("outputLink", "equal", bridge),
      ...matchConnection("status", CONNECTION_IS_DNAT),
      masquerade(),
    ]),
  ];
  if (masquerades) {
    requests.push(
      addRule(table, chain, [...matchLink("outputLink", "unequal", bridge), masquerade()]),
    );
  }
  return requests;
}

function leavingChain(bridge: string): string {
  return `from-${bridge}`;
}

function subnetElements(bridges: readonly BridgeState[], family: 4 | 6): SetElement[] {
  return bridges.flatMap(({ bridge, subnets }) =>
    subnets.flatMap((text) => {
      const subnet = parseCidr(text);
      if (subnet === undefined) {
        throw new RangeError(`Cannot plan a table with "${text}": no subnet`);
      }
      if (subnet.family !== family) return [];
      const data = { goto: leavingChain(bridge) };
      const start = { key: numberToAddress(family, firstAddress(subnet)).bytes, data };
      const end = numberToAddress(family, lastAddress(subnet) + 1n).bytes;
      // Nothing comes after a range that ends with the last of all addresses
      return end.every((byte) => byte === 0) ? [start] : [start, { key: end, isEnd: true }];
    })
  );
}

/** Goes on with packets that come in or go out by one of the bridges. */
function matchBridge(key: "inputLink" | "outputLink", set = BRIDGES): Expression[] {
  return [loadMeta(key), lookUp(set)];
}

/** Plans what may go from one link to another. */
function planForward(table: NftTable, { dropsOtherForwards }: TableState): NetlinkRequest[] {
  const chain = "forward";
  const rules: Expression[][] = [
    [
      ...matchConnection("state", CONNECTION_STATE.ESTABLISHED | CONNECTION_STATE.RELATED),
      decide("accept"),
    ],
    // With an address that is not its own, perhaps of another network
    [...matchBridge("inputLink"), ...matchWrongSource(), decide("drop")],
    // Comes back out of the same bridge
    [
      loadMeta("inputLink"),
      loadMeta("outputLink", LINK_REGISTERS),
      lookUp(OPEN_BRIDGES),
      decide("accept"),
    ],
    [...matchBridge("inputLink", INTERNAL_BRIDGES), decide("drop")],
    [...matchBridge("outputLink", INTERNAL_BRIDGES), decide("drop")],
    [
      ...matchBridge("outputLink"),
      ...matchConnection("status", CONNECTION_IS_DNAT),
      decide("accept"),
    ],
    [...matchBridge("outputLink"), decide("drop")],
  ];
  if (dropsOtherForwards.length > 0) {
    rules.push(
      [...matchBridge("inputLink"), decide("accept")],
      // Bridges of other programs, which have not asked for forwarding because it was on
      [...matchLinkKind("inputLinkKind", "bridge"), decide("accept")],
      [...matchLinkKind("outputLinkKind", "bridge"), decide("accept")],
      ...dropsOtherForwards.map((family) => [...matchFamily(family), decide("drop")]),
    );
  }
  return [
    addChain(table, chain, { type: "filter", hook: "forward", priority: PRIORITY.FILTER }),
    ...rules.map((expressions) => addRule(table, chain, expressions)),
  ];
}
