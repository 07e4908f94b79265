/** What is in nf_tables: tables, chains, rules and elements, whoever has made them. @module */

import {
  attributeText,
  listAttributes,
  type NetlinkMessage,
  type NetlinkSocket,
  NLM_F,
  parseAttributes,
} from "./netlink.ts";
import {
  type BaseChain,
  CHAIN,
  CHAIN_HOOK,
  DATA,
  ELEMENT,
  ELEMENT_IS_END,
  ELEMENTS,
  EXPRESSION,
  FAMILY,
  HOOK,
  MESSAGE,
  type NftFamily,
  type NftHook,
  type NftTable,
  request,
  RULE,
  type SetElement,
  TABLE,
  VERDICT,
  type Verdict,
  VERDICT_CODE,
  VERDICT_REGISTER,
} from "./nftables_wire.ts";

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
