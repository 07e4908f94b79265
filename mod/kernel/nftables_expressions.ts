/** Steps of nf_tables rules: what they look at, compare and decide. @see nft(8), "STATEMENTS" @module */

import type { Attribute } from "./netlink.ts";
import { linkValue } from "./nftables.ts";
import {
  big,
  DATA,
  EXPRESSION,
  type Expression,
  FAMILY,
  FIRST_REGISTER,
  LIST_ELEMENT,
  native,
  type Verdict,
  VERDICT_REGISTER,
  verdictAttribute,
} from "./nftables_wire.ts";

function expression(name: string, attributes: readonly Attribute[]): Expression {
  return [LIST_ELEMENT, [[EXPRESSION.NAME, name], [EXPRESSION.DATA, attributes]]];
}

/**
 * One of the 16 registers of 4 bytes; longer values go on in the next ones.
 *
 * @param index 0 to 15.
 */
function register(index: number): Uint8Array {
  return big(FIRST_REGISTER + index);
}

/** What `meta` knows about a packet, by the numbers of `NFT_META`. */
const META_KEY = {
  inputLink: 6,
  outputLink: 7,
  family: 15,
  protocol: 16,
  inputLinkKind: 26,
  outputLinkKind: 27,
} as const;

/** What `ct` knows about a connection, by the numbers of `NFT_CT`. */
const CONNECTION_KEY = { state: 0, status: 2 } as const;

/** States of a connection, as bits. */
export const CONNECTION_STATE = { INVALID: 1, ESTABLISHED: 2, RELATED: 4, NEW: 8 } as const;

/** `IPS_DST_NAT`: the connection's destination has been translated. */
export const CONNECTION_IS_DNAT = 0x20;

/** `RTN_LOCAL`: an address of this host. */
const ADDRESS_IS_LOCAL = 2;

/** What `fib` finds, by the numbers of `NFT_FIB_RESULT`. */
const ROUTING_RESULT = { OUTPUT_LINK: 1, ADDRESS_TYPE: 3 } as const;
/** What `fib` looks for, as the bits of `NFTA_FIB_F`. */
const ROUTING_KEY = { SOURCE: 1, DESTINATION: 2, INPUT_LINK: 8 } as const;

/** Parts of a packet: where they begin, and how many bytes they have. */
const FIELD = {
  ipv4Source: { base: 1, offset: 12, bytes: 4 },
  ipv4Destination: { base: 1, offset: 16, bytes: 4 },
  ipv6Source: { base: 1, offset: 8, bytes: 16 },
  ipv6Destination: { base: 1, offset: 24, bytes: 16 },
  sourcePort: { base: 2, offset: 0, bytes: 2 },
  destinationPort: { base: 2, offset: 2, bytes: 2 },
} as const;

/** A part of a packet's headers. */
export type PacketField = keyof typeof FIELD;

const COMPARISON = { equal: 0, unequal: 1 } as const;

/** Loads what the kernel knows about the packet. */
export function loadMeta(key: keyof typeof META_KEY, into = 0): Expression {
  return expression("meta", [[1, register(into)], [2, big(META_KEY[key])]]);
}

/**
 * Loads a part of the packet's headers.
 *
 * @param bytes How many of its bytes, from the first on. @default {all}
 */
export function loadField(
  field: PacketField,
  into = 0,
  bytes: number = FIELD[field].bytes,
): Expression {
  return expression("payload", [
    [1, register(into)],
    [2, big(FIELD[field].base)],
    [3, big(FIELD[field].offset)],
    [4, big(bytes)],
  ]);
}

/** Loads what the kernel knows about the packet's connection. */
export function loadConnection(key: keyof typeof CONNECTION_KEY, into = 0): Expression {
  return expression("ct", [[1, register(into)], [2, big(CONNECTION_KEY[key])]]);
}

/** Loads bytes into registers. */
export function loadValue(value: Uint8Array, into = 0): Expression {
  return expression("immediate", [[1, register(into)], [2, [[DATA.VALUE, value]]]]);
}

/** Goes on if what is in the registers begins with these bytes, or with `unequal` if it does not. */
export function compare(
  comparison: keyof typeof COMPARISON,
  value: Uint8Array,
  from = 0,
): Expression {
  return expression("cmp", [
    [1, register(from)],
    [2, big(COMPARISON[comparison])],
    [3, [[DATA.VALUE, value]]],
  ]);
}

/** Leaves only the bits of a mask in the registers. */
export function applyMask(mask: Uint8Array, at = 0): Expression {
  return expression("bitwise", [
    [1, register(at)],
    [2, register(at)],
    [3, big(mask.length)],
    [4, [[DATA.VALUE, mask]]],
    [5, [[DATA.VALUE, new Uint8Array(mask.length)]]],
  ]);
}

/** Goes on if one of these bits is set in what is known of the packet's connection. */
export function matchConnection(key: keyof typeof CONNECTION_KEY, bits: number): Expression[] {
  return [loadConnection(key), applyMask(native(bits)), compare("unequal", native(0))];
}

/** Goes on if the packet is addressed to this host. */
export function matchLocalDestination(): Expression[] {
  return [
    routingExpression(ROUTING_RESULT.ADDRESS_TYPE, ROUTING_KEY.DESTINATION),
    compare("equal", native(ADDRESS_IS_LOCAL)),
  ];
}

/** Goes on if answers to the packet would leave by another link than the one by which it came in. */
export function matchWrongSource(): Expression[] {
  return [
    routingExpression(ROUTING_RESULT.OUTPUT_LINK, ROUTING_KEY.SOURCE | ROUTING_KEY.INPUT_LINK),
    compare("equal", native(0)),
  ];
}

/** Loads what the routing tables say. */
function routingExpression(result: number, key: number): Expression {
  return expression("fib", [[1, register(0)], [2, big(result)], [3, big(key)]]);
}

/** Goes on with packets of one family: 4 is IPv4. */
export function matchFamily(family: 4 | 6): Expression[] {
  const value = family === 4 ? FAMILY.ip : FAMILY.ip6;
  return [loadMeta("family"), compare("equal", new Uint8Array([value]))];
}

/** Goes on with packets that come in or go out by a link. */
export function matchLink(
  key: "inputLink" | "outputLink",
  comparison: keyof typeof COMPARISON,
  name: string,
): Expression[] {
  return [loadMeta(key), compare(comparison, linkValue(name))];
}

/** Goes on with packets that come in or go out by a link of a kind, for example `"bridge"`. */
export function matchLinkKind(
  key: "inputLinkKind" | "outputLinkKind",
  kind: string,
): Expression[] {
  return [loadMeta(key), compare("equal", linkValue(kind))];
}

/** How to look something up. */
export interface LookupOptions {
  /** First register of the key. @default {0} */
  from?: number;
  /** Of a map: first register for what is found. */
  into?: number;
  /** Of a set: whether to go on if the key is not in it. @default {false} */
  isInverted?: boolean;
}

/** Goes on if a key is in a set or map. */
export function lookUp(set: string, options: LookupOptions = {}): Expression {
  const { from = 0, into, isInverted = false } = options;
  const attributes: Attribute[] = [[1, set], [2, register(from)]];
  if (into !== undefined) attributes.push([3, register(into)]);
  if (isInverted) attributes.push([5, big(1)]);
  return expression("lookup", attributes);
}

/** Does what a map of verdicts says; goes on if it says nothing. */
export function lookUpVerdict(map: string, from = 0): Expression {
  return expression("lookup", [[1, map], [2, register(from)], [3, big(VERDICT_REGISTER)]]);
}

/** Decides about the packet. */
export function decide(verdict: Verdict): Expression {
  return expression("immediate", [
    [1, big(VERDICT_REGISTER)],
    [2, [verdictAttribute(verdict)]],
  ]);
}

/**
 * Sends the connection to the address and port that are in registers.
 *
 * @param addressAt First register of the address.
 * @param portAt Register of the port.
 */
export function translateDestination(
  family: 4 | 6,
  addressAt: number,
  portAt: number,
): Expression {
  const DESTINATION = 1;
  return expression("nat", [
    [1, big(DESTINATION)],
    [2, big(family === 4 ? FAMILY.ip : FAMILY.ip6)],
    [3, register(addressAt)],
    [5, register(portAt)],
  ]);
}

/** Gives the connection the address of the link by which it leaves as its source. */
export function masquerade(): Expression {
  return expression("masq", []);
}
