/**
 * Words and numbers of nf_tables on the wire: what its requests, rules and listings are made of.
 *
 * All integers of attributes are big-endian; values that packets are compared with are in the order in which the kernel
 * has them in its registers.
 *
 * @see `include/uapi/linux/netfilter/nf_tables.h` of Linux, nft(8)
 * @module
 */

import type { Attribute, NetlinkRequest } from "./netlink.ts";

/** Families of tables, by the numbers of `NFPROTO`. */
export const FAMILY = { inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const;

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
export const HOOK = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;

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
export const VALUE_TYPES = {
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

export const SUBSYSTEM = 10;
export const MESSAGE = {
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
export const BATCH_BEGIN = 16;
export const BATCH_END = 17;

export const LIST_ELEMENT = 1;
export const TABLE = { NAME: 1, USE: 3, HANDLE: 4 } as const;
export const CHAIN = { TABLE: 1, NAME: 3, HOOK: 4, POLICY: 5, TYPE: 7 } as const;
export const CHAIN_HOOK = { NUMBER: 1, PRIORITY: 2 } as const;
export const RULE = { TABLE: 1, CHAIN: 2, HANDLE: 3, EXPRESSIONS: 4 } as const;
export const SET = {
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
export const SET_FLAG = { INTERVAL: 4, MAP: 8 } as const;
export const VERDICT_DATA_TYPE = 0xffffff00;
/** nft(8) makes the type of several values of 6 bits each. */
export const TYPE_BITS = 6;
/** Tells nft(8) that the bytes of a key are in the host's order: type 0, 4 bytes, `BYTEORDER_HOST_ENDIAN`. */
export const HOST_ORDER_KEY = new Uint8Array([0, 4, 1, 0, 0, 0]);
export const ELEMENTS = { TABLE: 1, SET: 2, ELEMENTS: 3 } as const;
export const ELEMENT = { KEY: 1, DATA: 2, FLAGS: 3 } as const;
export const ELEMENT_IS_END = 1;
export const DATA = { VALUE: 1, VERDICT: 2 } as const;
export const VERDICT = { CODE: 1, CHAIN: 2 } as const;
export const VERDICT_CODE = { accept: 1, drop: 0, jump: -3, goto: -4, return: -5 } as const;
export const EXPRESSION = { NAME: 1, DATA: 2 } as const;
export const VERDICT_REGISTER = 0;
export const FIRST_REGISTER = 8;

export const ATTRIBUTE_HEADER_BYTES = 4;
/** `NLA_F_NESTED`: the value of an attribute is a list of attributes. */
export const NESTED = 0x8000;
/** An attribute has at most 65,535 bytes, its own header included. */
export const MAX_ELEMENTS_BYTES = 65_528;

export const encoder = new TextEncoder();

/** A number as nf_tables wants it in an attribute: 32 bits, big-endian. */
export function big(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value | 0);
  return bytes;
}

/** A number as the kernel has it in a register: 32 bits, in the host's order. */
export function native(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value | 0, true);
  return bytes;
}

/** `struct nfgenmsg`. */
export function header(family: number, resource = 0): Uint8Array {
  return new Uint8Array([family, 0, resource >> 8, resource & 0xff]);
}

interface RequestOptions {
  action: string;
  subject: string;
  flags?: number;
  attributes?: readonly Attribute[];
}

export function request(
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

export function verdictAttribute(verdict: Verdict): Attribute {
  if (typeof verdict === "string") {
    return [DATA.VERDICT, [[VERDICT.CODE, big(VERDICT_CODE[verdict])]]];
  }
  const [code, chain] = "jump" in verdict
    ? [VERDICT_CODE.jump, verdict.jump]
    : [VERDICT_CODE.goto, verdict.goto];
  return [DATA.VERDICT, [[VERDICT.CODE, big(code)], [VERDICT.CHAIN, chain]]];
}
