/**
 * nf_tables: tables, chains, sets, maps and rules as netlink requests, and dumps of them.
 *
 * A ruleset changes as a whole: {@linkcode commitBatch} has the kernel do all of a list of requests or nothing. All
 * integers of attributes are big-endian; values that packets are compared with are in the order in which the kernel has
 * them in its registers.
 *
 * @see `include/uapi/linux/netfilter/nf_tables.h` of Linux, nft(8)
 * @module
 */

import {
  type Attribute,
  attributeText,
  encodeAttributes,
  encodeRequests,
  listAttributes,
  type NetlinkMessage,
  type NetlinkRequest,
  type NetlinkSocket,
  NLM_F,
  parseAttributes,
} from "./netlink.ts";

/** Families of tables, by the numbers of `NFPROTO`. */
const FAMILY = { inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const;

/** Which packets a table is about; `inet` is IPv4 and IPv6. */
export type NftFamily = keyof typeof FAMILY;

/** The name of a table. */
export interface NftTable {
  /** Which packets it is about. */
  family: NftFamily;
  /** Unique in its family. */
  name: string;
}

/** Places of the kernel's network code at which base chains are called, by the numbers of `NF_INET`. */
const HOOK = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;

/** A place of the kernel's network code at which base chains are called. */
export type NftHook = keyof typeof HOOK;

/** What makes a chain one that the kernel calls. */
export interface BaseChain {
  /** `nat` chains are called for the first packet of a connection only. */
  type: "filter" | "nat" | "route";
  /** Where it is called. */
  hook: NftHook;
  /** Lower ones are called first. */
  priority: number;
  /** What happens to a packet about which no rule has decided. @default {"accept"} */
  policy?: "accept" | "drop";
}

/** Types of values, with their sizes in bytes and the numbers by which nft(8) knows them; to the kernel those say nothing. */
const VALUE_TYPES = {
  ipv4: { bytes: 4, number: 7 },
  ipv6: { bytes: 16, number: 8 },
  protocol: { bytes: 1, number: 12 },
  port: { bytes: 2, number: 13 },
  link: { bytes: 16, number: 41 },
} as const;

/** What a value in a set or map is. */
export type ValueType = keyof typeof VALUE_TYPES;

/** What a set or map is made of. */
export interface SetDefinition {
  /** Unique in its table. */
  name: string;
  /** What elements are found by: one value, or several at once. */
  key: readonly ValueType[];
  /** What is found, which makes it a map; nothing for a set. */
  data?: readonly ValueType[] | "verdict";
  /** Whether keys are ranges: each begins at one element and ends before the next `isEnd`. @default {false} */
  hasRanges?: boolean;
}

/** What is to become of a packet. */
export type Verdict =
  | "accept"
  | "drop"
  | "return"
  | { jump: string }
  | { goto: string };

/** An element of a set or map. */
export interface SetElement {
  /** The key: one value as it is, or several as {@linkcode joinValues} puts them together. */
  key: Uint8Array;
  /** Of a map: what is found, likewise, or a verdict. */
  data?: Uint8Array | Verdict;
  /** Whether it only marks where the range before it ends: `key` is the first one that is not in it. */
  isEnd?: boolean;
}

/** One step of a rule; the next is only taken if this one does not say that the rule does not match. */
export type Expression = Attribute;

const SUBSYSTEM = 10;
const MESSAGE = {
  NEWTABLE: 0,
  GETTABLE: 1,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  NEWRULE: 6,
  GETRULE: 7,
  NEWSET: 9,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
} as const;
const BATCH_BEGIN = 16;
const BATCH_END = 17;

const LIST_ELEMENT = 1;
const TABLE = { NAME: 1, USE: 3, HANDLE: 4 } as const;
const CHAIN = { TABLE: 1, NAME: 3, HOOK: 4, POLICY: 5, TYPE: 7 } as const;
const CHAIN_HOOK = { NUMBER: 1, PRIORITY: 2 } as const;
const RULE = { TABLE: 1, CHAIN: 2, HANDLE: 3, EXPRESSIONS: 4 } as const;
const SET = {
  TABLE: 1,
  NAME: 2,
  FLAGS: 3,
  KEY_TYPE: 4,
  KEY_BYTES: 5,
  DATA_TYPE: 6,
  DATA_BYTES: 7,
  ID: 10,
  USER_DATA: 13,
} as const;
const SET_FLAG = { INTERVAL: 4, MAP: 8 } as const;
const VERDICT_DATA_TYPE = 0xffffff00;
/** nft(8) makes the type of several values of 6 bits each. */
const TYPE_BITS = 6;
/** Tells nft(8) that the bytes of a key are in the host's order: type 0, 4 bytes, `BYTEORDER_HOST_ENDIAN`. */
const HOST_ORDER_KEY = new Uint8Array([0, 4, 1, 0, 0, 0]);
const ELEMENTS = { TABLE: 1, SET: 2, ELEMENTS: 3 } as const;
const ELEMENT = { KEY: 1, DATA: 2, FLAGS: 3 } as const;
const ELEMENT_IS_END = 1;
const DATA = { VALUE: 1, VERDICT: 2 } as const;
const VERDICT = { CODE: 1, CHAIN: 2 } as const;
const VERDICT_CODE = { accept: 1, drop: 0, jump: -3, goto: -4, return: -5 } as const;
const EXPRESSION = { NAME: 1, DATA: 2 } as const;
const VERDICT_REGISTER = 0;
const FIRST_REGISTER = 8;

const ATTRIBUTE_HEADER_BYTES = 4;
/** `NLA_F_NESTED`: the value of an attribute is a list of attributes. */
const NESTED = 0x8000;
/** An attribute has at most 65,535 bytes, its own header included. */
const MAX_ELEMENTS_BYTES = 65_528;

const encoder = new TextEncoder();

/** A number as nf_tables wants it in an attribute: 32 bits, big-endian. */
function big(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value | 0);
  return bytes;
}

/** A number as the kernel has it in a register: 32 bits, in the host's order. */
function native(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value | 0, true);
  return bytes;
}

/** `struct nfgenmsg`. */
function header(family: number, resource = 0): Uint8Array {
  return new Uint8Array([family, 0, resource >> 8, resource & 0xff]);
}

interface RequestOptions {
  action: string;
  subject: string;
  flags?: number;
  attributes?: readonly Attribute[];
}

function request(
  message: number,
  family: NftFamily | undefined,
  options: RequestOptions,
): NetlinkRequest {
  return {
    type: SUBSYSTEM << 8 | message,
    header: header(family === undefined ? 0 : FAMILY[family]),
    ...options,
  };
}

function framing(type: number, action: string): NetlinkRequest {
  return { type, header: header(0, SUBSYSTEM), action, subject: "" };
}

/** Puts the messages around requests that make the kernel do all of them or none. */
export function frameBatch(requests: readonly NetlinkRequest[]): NetlinkRequest[] {
  return [
    framing(BATCH_BEGIN, "begin nf_tables batch"),
    ...requests,
    framing(BATCH_END, "commit nf_tables batch"),
  ];
}

/**
 * Has the kernel do all of it or nothing.
 *
 * @param socket Of `NETLINK.NETFILTER`.
 * @throws {NetlinkError} The first refusal; nothing is done then.
 */
export function commitBatch(socket: NetlinkSocket, requests: readonly NetlinkRequest[]): void {
  socket.batch(frameBatch(requests));
}

/** The batch as bytes that anybody can write into a socket of `NETLINK.NETFILTER`; only the end is acknowledged. */
export function encodeBatch(requests: readonly NetlinkRequest[]): Uint8Array<ArrayBuffer> {
  const last = requests.at(-1);
  return encodeRequests(frameBatch(requests), (each) => each === last);
}

/**
 * Makes a table.
 *
 * @param mustBeNew Whether the batch fails with EEXIST if there is one of this name.
 */
export function addTable(
  { family, name }: NftTable,
  { mustBeNew }: { mustBeNew: boolean },
): NetlinkRequest {
  return request(MESSAGE.NEWTABLE, family, {
    action: "make nf_tables table",
    subject: name,
    flags: NLM_F.CREATE | (mustBeNew ? NLM_F.EXCL : 0),
    attributes: [[TABLE.NAME, name]],
  });
}

/** Removes a table with all that is in it; the batch fails with ENOENT if there is none. */
export function removeTable({ family, name }: NftTable): NetlinkRequest {
  return request(MESSAGE.DELTABLE, family, {
    action: "remove nf_tables table",
    subject: name,
    attributes: [[TABLE.NAME, name]],
  });
}

/** Makes a chain: one that the kernel calls, or without `base` one that rules jump to. */
export function addChain(
  { family, name: table }: NftTable,
  name: string,
  base?: BaseChain,
): NetlinkRequest {
  const attributes: Attribute[] = [[CHAIN.TABLE, table], [CHAIN.NAME, name]];
  if (base !== undefined) {
    attributes.push(
      [CHAIN.HOOK, [
        [CHAIN_HOOK.NUMBER, big(HOOK[base.hook])],
        [CHAIN_HOOK.PRIORITY, big(base.priority)],
      ]],
      [CHAIN.POLICY, big(VERDICT_CODE[base.policy ?? "accept"])],
      [CHAIN.TYPE, base.type],
    );
  }
  return request(MESSAGE.NEWCHAIN, family, {
    action: "make nf_tables chain",
    subject: `${table} ${name}`,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    attributes,
  });
}

/** Puts a rule at the end of a chain. */
export function addRule(
  { family, name: table }: NftTable,
  chain: string,
  expressions: readonly Expression[],
): NetlinkRequest {
  return request(MESSAGE.NEWRULE, family, {
    action: "add nf_tables rule",
    subject: `${table} ${chain}`,
    flags: NLM_F.CREATE | NLM_F.APPEND,
    attributes: [[RULE.TABLE, table], [RULE.CHAIN, chain], [RULE.EXPRESSIONS, expressions]],
  });
}

/** How many bytes a value has in registers and keys, whose parts are multiples of 4 bytes. */
function paddedBytes(bytes: number): number {
  return (bytes + 3) & ~3;
}

function sizeOf(types: readonly ValueType[]): number {
  const [first] = types;
  if (first !== undefined && types.length === 1) return VALUE_TYPES[first].bytes;
  return types.reduce((sum, type) => sum + paddedBytes(VALUE_TYPES[type].bytes), 0);
}

function typeNumber(types: readonly ValueType[]): number {
  return types.reduce((number, type) => number << TYPE_BITS | VALUE_TYPES[type].number, 0);
}

/**
 * Makes a set or a map.
 *
 * @param definition Ranges of several values at once are not supported here.
 */
export function addSet(
  { family, name: table }: NftTable,
  definition: SetDefinition,
): NetlinkRequest {
  const { name, key, data, hasRanges = false } = definition;
  const flags = (hasRanges ? SET_FLAG.INTERVAL : 0) | (data === undefined ? 0 : SET_FLAG.MAP);
  const attributes: Attribute[] = [
    [SET.TABLE, table],
    [SET.NAME, name],
    [SET.FLAGS, big(flags)],
    [SET.KEY_TYPE, big(typeNumber(key))],
    [SET.KEY_BYTES, big(sizeOf(key))],
  ];
  if (data === "verdict") attributes.push([SET.DATA_TYPE, big(VERDICT_DATA_TYPE)]);
  else if (data !== undefined) {
    attributes.push([SET.DATA_TYPE, big(typeNumber(data))], [SET.DATA_BYTES, big(sizeOf(data))]);
  }
  // Without an id the kernel refuses, although everything here goes by the name
  attributes.push([SET.ID, big(1)]);
  if (key.length === 1 && key[0] === "link") attributes.push([SET.USER_DATA, HOST_ORDER_KEY]);
  return request(MESSAGE.NEWSET, family, {
    action: "make nf_tables set",
    subject: `${table} ${name}`,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    attributes,
  });
}

/** Values one after the other as a key or as data, each filled up to a multiple of 4 bytes. */
export function joinValues(...values: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(values.reduce((sum, { length }) => sum + paddedBytes(length), 0));
  let at = 0;
  for (const value of values) {
    joined.set(value, at);
    at += paddedBytes(value.length);
  }
  return joined;
}

/** A link's name as the kernel compares it. */
export function linkValue(name: string): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(VALUE_TYPES.link.bytes);
  encoder.encodeInto(name, value);
  return value;
}

/** A port as it stands in packets. */
export function portValue(port: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array([port >> 8, port & 0xff]);
}

function verdictAttribute(verdict: Verdict): Attribute {
  if (typeof verdict === "string") {
    return [DATA.VERDICT, [[VERDICT.CODE, big(VERDICT_CODE[verdict])]]];
  }
  const [code, chain] = "jump" in verdict
    ? [VERDICT_CODE.jump, verdict.jump]
    : [VERDICT_CODE.goto, verdict.goto];
  return [DATA.VERDICT, [[VERDICT.CODE, big(code)], [VERDICT.CHAIN, chain]]];
}

/** Encodes elements one after the other, as long as they fit into one attribute. */
class ElementWriter {
  readonly #bytes = new Uint8Array(MAX_ELEMENTS_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** What has been written so far; none of it is written any more. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** @returns False if there is no room for it. */
  add({ key, data, isEnd = false }: SetElement): boolean {
    const value = data === undefined || data instanceof Uint8Array
      ? data
      : encodeAttributes([verdictAttribute(data)]);
    const keyBytes = 2 * ATTRIBUTE_HEADER_BYTES + paddedBytes(key.length);
    const dataBytes = value === undefined ? 0 : dataHeaderBytes(data) + paddedBytes(value.length);
    const flagsBytes = isEnd ? ATTRIBUTE_HEADER_BYTES + 4 : 0;
    const size = ATTRIBUTE_HEADER_BYTES + keyBytes + dataBytes + flagsBytes;
    if (this.#length + size > MAX_ELEMENTS_BYTES) return false;
    this.#header(size, LIST_ELEMENT | NESTED);
    this.#header(keyBytes, ELEMENT.KEY | NESTED);
    this.#value(key);
    if (value !== undefined) {
      this.#header(dataBytes, ELEMENT.DATA | NESTED);
      if (value === data) this.#value(value);
      else this.#append(value);
    }
    if (isEnd) {
      this.#header(flagsBytes, ELEMENT.FLAGS);
      this.#append(big(ELEMENT_IS_END));
    }
    return true;
  }

  #header(size: number, type: number): void {
    this.#view.setUint32(this.#length, type << 16 | size, true);
    this.#length += ATTRIBUTE_HEADER_BYTES;
  }

  #value(value: Uint8Array): void {
    this.#header(ATTRIBUTE_HEADER_BYTES + value.length, DATA.VALUE);
    this.#append(value);
  }

  #append(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    while ((this.#length & 3) !== 0) this.#bytes[this.#length++] = 0;
  }
}

/** A verdict, other than a value, comes with the header of its own. */
function dataHeaderBytes(data: SetElement["data"]): number {
  return data instanceof Uint8Array ? 2 * ATTRIBUTE_HEADER_BYTES : ATTRIBUTE_HEADER_BYTES;
}

/** Encodes elements in parts that fit into one attribute each. */
function* encodeElements(elements: Iterable<SetElement>): Generator<Uint8Array<ArrayBuffer>> {
  const writer = new ElementWriter();
  for (const element of elements) {
    if (writer.add(element)) continue;
    yield writer.take();
    writer.add(element);
  }
  const rest = writer.take();
  if (rest.length > 0) yield rest;
}

/** The elements of a set that are to be added or removed. */
export interface ElementChange {
  /** Name of the set or map. */
  set: string;
  /** Any number; each is encoded before the next is asked for. */
  elements: Iterable<SetElement>;
}

function changeElements(
  { family, name: table }: NftTable,
  { set, elements }: ElementChange,
  kind: { message: number; action: string; flags: number },
): NetlinkRequest[] {
  return Array.from(encodeElements(elements), (encoded) =>
    request(kind.message, family, {
      action: kind.action,
      subject: `${table} ${set}`,
      flags: kind.flags,
      attributes: [
        [ELEMENTS.TABLE, table],
        [ELEMENTS.SET, set],
        [ELEMENTS.ELEMENTS | NESTED, encoded],
      ],
    }));
}

/** Puts elements into a set; the batch fails with EEXIST if one is there. */
export function addElements(table: NftTable, change: ElementChange): NetlinkRequest[] {
  return changeElements(table, change, {
    message: MESSAGE.NEWSETELEM,
    action: "add nf_tables elements",
    flags: NLM_F.CREATE | NLM_F.EXCL,
  });
}

/** Takes elements out of a set; the batch fails with ENOENT if one is not there. */
export function removeElements(table: NftTable, change: ElementChange): NetlinkRequest[] {
  return changeElements(table, change, {
    message: MESSAGE.DELSETELEM,
    action: "remove nf_tables elements",
    flags: 0,
  });
}

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

/** A table that is there. */
export interface TableInfo extends NftTable {
  /** How many chains, sets and other things are in it. */
  useCount: number;
}

/** A chain that is there. */
export interface ChainInfo {
  /** The table it is in. */
  table: NftTable;
  /** Its name. */
  name: string;
  /** Where the kernel calls it; `undefined` if only rules jump to it, or if the kernel calls it elsewhere. */
  base: Required<BaseChain> | undefined;
}

/** A rule that is there. */
export interface RuleInfo {
  /** The table it is in. */
  table: NftTable;
  /** Name of its chain. */
  chain: string;
  /** Its number in the table, as `nft -a list` shows it. */
  handle: number;
  /** Its steps: the kernel's name of each, and its attributes, not yet parsed. */
  expressions: { name: string; data: Uint8Array<ArrayBuffer> }[];
  /** What it decides by itself, whatever else it looks at; `undefined` for nothing, or what a map says. */
  verdict: Verdict | undefined;
}

function familyOf(number: number | undefined): NftFamily | undefined {
  for (const [name, value] of Object.entries(FAMILY)) {
    if (value === number) return name as NftFamily;
  }
  return undefined;
}

function number32(value: Uint8Array | undefined): number {
  if (value === undefined || value.length < 4) return 0;
  return new DataView(value.buffer, value.byteOffset).getInt32(0);
}

function number64(value: Uint8Array | undefined): number {
  if (value === undefined || value.length < 8) return 0;
  return Number(new DataView(value.buffer, value.byteOffset).getBigUint64(0));
}

const HEADER_BYTES = 4;

interface ParsedMessage {
  family: NftFamily;
  attributes: Map<number, Uint8Array<ArrayBuffer>>;
}

function* parseMessages(messages: readonly NetlinkMessage[]): Generator<ParsedMessage> {
  for (const { payload } of messages) {
    const family = familyOf(payload[0]);
    if (family !== undefined) yield { family, attributes: parseAttributes(payload, HEADER_BYTES) };
  }
}

function parseTable({ family, attributes }: ParsedMessage): TableInfo {
  return {
    family,
    name: attributeText(attributes.get(TABLE.NAME)),
    useCount: number32(attributes.get(TABLE.USE)),
  };
}

/**
 * Looks for a table, which takes 50 microseconds.
 *
 * @param socket Of `NETLINK.NETFILTER`.
 */
export function findTable(
  socket: NetlinkSocket,
  { family, name }: NftTable,
): TableInfo | undefined {
  const get = request(MESSAGE.GETTABLE, family, {
    action: "find nf_tables table",
    subject: name,
    attributes: [[TABLE.NAME, name]],
  });
  const [message] = parseMessages(socket.find(get) ?? []);
  return message === undefined ? undefined : parseTable(message);
}

/**
 * Lists the tables of all families.
 *
 * @param socket Of `NETLINK.NETFILTER`.
 */
export function listTables(socket: NetlinkSocket): TableInfo[] {
  const get = request(MESSAGE.GETTABLE, undefined, {
    action: "list nf_tables tables",
    subject: "",
    flags: NLM_F.DUMP,
  });
  return Array.from(parseMessages(socket.get(get)), parseTable);
}

function parseBase(
  attributes: ReadonlyMap<number, Uint8Array<ArrayBuffer>>,
): Required<BaseChain> | undefined {
  const value = attributes.get(CHAIN.HOOK);
  if (value === undefined) return undefined;
  const hookAttributes = parseAttributes(value);
  const number = number32(hookAttributes.get(CHAIN_HOOK.NUMBER));
  const hook = Object.entries(HOOK).find(([, each]) => each === number);
  if (hook === undefined) return undefined;
  return {
    type: attributeText(attributes.get(CHAIN.TYPE)) as BaseChain["type"],
    hook: hook[0] as NftHook,
    priority: number32(hookAttributes.get(CHAIN_HOOK.PRIORITY)),
    policy: number32(attributes.get(CHAIN.POLICY)) === VERDICT_CODE.drop ? "drop" : "accept",
  };
}

/**
 * Lists the chains of all tables.
 *
 * @param socket Of `NETLINK.NETFILTER`.
 */
export function listChains(socket: NetlinkSocket): ChainInfo[] {
  const get = request(MESSAGE.GETCHAIN, undefined, {
    action: "list nf_tables chains",
    subject: "",
    flags: NLM_F.DUMP,
  });
  return Array.from(parseMessages(socket.get(get)), ({ family, attributes }) => ({
    table: { family, name: attributeText(attributes.get(CHAIN.TABLE)) },
    name: attributeText(attributes.get(CHAIN.NAME)),
    // The families of links have hooks of their own under the same numbers
    base: family === "netdev" || family === "arp" ? undefined : parseBase(attributes),
  }));
}

function parseVerdict(value: Uint8Array<ArrayBuffer> | undefined): Verdict | undefined {
  if (value === undefined) return undefined;
  const attributes = parseAttributes(value);
  const code = number32(attributes.get(VERDICT.CODE));
  const chain = attributeText(attributes.get(VERDICT.CHAIN));
  if (code === VERDICT_CODE.jump) return { jump: chain };
  if (code === VERDICT_CODE.goto) return { goto: chain };
  if (code === VERDICT_CODE.accept) return "accept";
  if (code === VERDICT_CODE.drop) return "drop";
  return code === VERDICT_CODE.return ? "return" : undefined;
}

function parseExpressions(list: Uint8Array<ArrayBuffer>): RuleInfo["expressions"] {
  return listAttributes(list).map(([, value]) => {
    const attributes = parseAttributes(value);
    return {
      name: attributeText(attributes.get(EXPRESSION.NAME)),
      data: attributes.get(EXPRESSION.DATA) ?? new Uint8Array(),
    };
  });
}

function verdictOf(expressions: RuleInfo["expressions"]): Verdict | undefined {
  for (const { name, data } of expressions) {
    if (name === "reject") return "drop";
    if (name !== "immediate") continue;
    const attributes = parseAttributes(data);
    if (number32(attributes.get(1)) !== VERDICT_REGISTER) continue;
    const value = attributes.get(2);
    if (value !== undefined) return parseVerdict(parseAttributes(value).get(DATA.VERDICT));
  }
  return undefined;
}

/**
 * Lists the rules of one table, or of all.
 *
 * @param socket Of `NETLINK.NETFILTER`.
 */
export function listRules(socket: NetlinkSocket, table?: NftTable): RuleInfo[] {
  const get = request(MESSAGE.GETRULE, table?.family, {
    action: "list nf_tables rules",
    subject: table?.name ?? "",
    flags: NLM_F.DUMP,
    attributes: table === undefined ? [] : [[RULE.TABLE, table.name]],
  });
  return Array.from(parseMessages(socket.get(get)), ({ family, attributes }) => {
    const expressions = parseExpressions(attributes.get(RULE.EXPRESSIONS) ?? new Uint8Array());
    return {
      table: { family, name: attributeText(attributes.get(RULE.TABLE)) },
      chain: attributeText(attributes.get(RULE.CHAIN)),
      handle: number64(attributes.get(RULE.HANDLE)),
      expressions,
      verdict: verdictOf(expressions),
    };
  });
}

function parseElement(value: Uint8Array<ArrayBuffer>): SetElement {
  const attributes = parseAttributes(value);
  const key = attributes.get(ELEMENT.KEY);
  const data = attributes.get(ELEMENT.DATA);
  const found = data === undefined ? undefined : parseAttributes(data);
  const result = found?.get(DATA.VALUE) ?? parseVerdict(found?.get(DATA.VERDICT));
  return {
    key: (key === undefined ? undefined : parseAttributes(key).get(DATA.VALUE)) ?? new Uint8Array(),
    ...(result === undefined ? {} : { data: result }),
    isEnd: (number32(attributes.get(ELEMENT.FLAGS)) & ELEMENT_IS_END) !== 0,
  };
}

/**
 * Lists the elements of a set or map, in no particular order.
 *
 * @param socket Of `NETLINK.NETFILTER`.
 * @throws {NetlinkError} ENOENT if there is no such set or table.
 */
export function listElements(
  socket: NetlinkSocket,
  { family, name: table }: NftTable,
  set: string,
): SetElement[] {
  const get = request(MESSAGE.GETSETELEM, family, {
    action: "list nf_tables elements",
    subject: `${table} ${set}`,
    flags: NLM_F.DUMP,
    attributes: [[ELEMENTS.TABLE, table], [ELEMENTS.SET, set]],
  });
  const elements: SetElement[] = [];
  for (const { attributes } of parseMessages(socket.get(get))) {
    const list = attributes.get(ELEMENTS.ELEMENTS);
    if (list === undefined) continue;
    for (const [, value] of listAttributes(list)) elements.push(parseElement(value));
  }
  return elements;
}
