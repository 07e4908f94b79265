/**
 * nf_tables: tables, chains, sets, maps and rules as netlink requests.
 *
 * A ruleset changes as a whole: {@linkcode commitBatch} has the kernel do all of a list of requests or nothing.
 *
 * @see `include/uapi/linux/netfilter/nf_tables.h` of Linux, nft(8)
 * @module
 */

import {
  type Attribute,
  encodeAttributes,
  encodeRequests,
  type NetlinkRequest,
  type NetlinkSocket,
  NLM_F,
} from "./netlink.ts";
import {
  ATTRIBUTE_HEADER_BYTES,
  type BaseChain,
  BATCH_BEGIN,
  BATCH_END,
  big,
  CHAIN,
  CHAIN_HOOK,
  DATA,
  ELEMENT,
  ELEMENT_IS_END,
  ELEMENTS,
  encoder,
  type Expression,
  header,
  HOOK,
  HOST_ORDER_KEY,
  LIST_ELEMENT,
  MAX_ELEMENTS_BYTES,
  MESSAGE,
  NESTED,
  type NftTable,
  request,
  RULE,
  SET,
  SET_FLAG,
  type SetDefinition,
  type SetElement,
  SUBSYSTEM,
  TABLE,
  TYPE_BITS,
  VALUE_TYPES,
  type ValueType,
  VERDICT_CODE,
  VERDICT_DATA_TYPE,
  verdictAttribute,
} from "./nftables_wire.ts";

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
