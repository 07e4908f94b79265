/**
 * DHCP messages as bytes and back: pure.
 *
 * What comes from the network is nobody's friend: lengths are checked, texts must be names, and what is left of a
 * message that breaks the rules is nothing.
 *
 * @see RFC 2131 section 2, RFC 2132, RFC 3396 (options that are split), RFC 3397 (domain search)
 * @module
 */

import { formatIpAddress, parseIpAddress } from "../kernel/ip.ts";
import { formatMacAddress, parseMacAddress } from "../kernel/mac_address.ts";

/** What a message says, by the numbers of option 53. */
export const DHCP_TYPE = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;

/** What a message says. */
export type DhcpType = keyof typeof DHCP_TYPE;

/** Options that wherry asks for or understands. */
export const DHCP_OPTION = {
  SUBNET_MASK: 1,
  ROUTER: 3,
  NAME_SERVER: 6,
  HOST_NAME: 12,
  DOMAIN_NAME: 15,
  MTU: 26,
  REQUESTED_ADDRESS: 50,
  LEASE_SECONDS: 51,
  OVERLOAD: 52,
  TYPE: 53,
  SERVER_ID: 54,
  PARAMETERS: 55,
  MESSAGE: 56,
  MAX_MESSAGE_BYTES: 57,
  RENEWAL_SECONDS: 58,
  REBINDING_SECONDS: 59,
  CLIENT_ID: 61,
  DOMAIN_SEARCH: 119,
} as const;

/** The options of a message. Addresses are text such as `10.0.0.1`. */
export interface DhcpOptions {
  /** What the message says. */
  type: DhcpType;
  /** The address that a client would like. */
  requestedAddress?: string;
  /** Which server speaks, or is spoken to. */
  serverId?: string;
  /** How long an address is given, in seconds; {@linkcode INFINITE_SECONDS} for ever. */
  leaseSeconds?: number;
  /** When it is to be renewed (T1), in seconds. */
  renewalSeconds?: number;
  /** When any server is to be asked (T2), in seconds. */
  rebindingSeconds?: number;
  /** Length of the subnet's prefix, 1 to 32 bits. */
  prefixLength?: number;
  /** Routers, the best first. */
  routers?: string[];
  /** Name servers, the best first. */
  nameServers?: string[];
  /** The client's domain. */
  domainName?: string;
  /** Domains in which names are looked for. */
  domainSearch?: string[];
  /** Hexadecimal digits by which a server knows a client again. */
  clientId?: string;
  /** The client's name. */
  hostName?: string;
  /** Numbers of the options that the client would like. */
  parameters?: number[];
  /** Largest packet of the link, in bytes. */
  mtu?: number;
  /** Largest message that the client takes, in bytes. */
  maxMessageBytes?: number;
  /** Why an address is refused, in words. */
  message?: string;
}

/** A message. */
export interface DhcpMessage {
  /** Who sends it. */
  sender: "client" | "server";
  /** Which conversation it belongs to: 32 bits. */
  transactionId: number;
  /** How long the client has been trying, in seconds; 16 bits. */
  elapsedSeconds: number;
  /** Whether the client can be answered by broadcast only. */
  wantsBroadcast: boolean;
  /** The address that the client has; `0.0.0.0` for none. */
  clientAddress: string;
  /** The address that the client gets; `0.0.0.0` for none. */
  yourAddress: string;
  /** The client's hardware address. */
  macAddress: string;
  /** All that is not in the fixed part. */
  options: DhcpOptions;
}

/** A time that never comes. @see RFC 2131 section 3.3 */
export const INFINITE_SECONDS = 0xffffffff;

/** What every client takes at least (RFC 2131 section 2), and what fits an Ethernet frame with its headers. */
export const MAX_MESSAGE_BYTES = 1472;

const FIXED_BYTES = 236;
const COOKIE = 0x63825363;
const OPTIONS_AT = FIXED_BYTES + 4;
/** Of BOOTP: relays may drop what is shorter. @see RFC 1542 section 2.1 */
const LEAST_SENT_BYTES = 300;
const [BOOTREQUEST, BOOTREPLY] = [1, 2];
const ETHERNET = 1;
const MAC_BYTES = 6;
const BROADCAST_FLAG = 0x8000;
const [XID_AT, SECS_AT, FLAGS_AT, CIADDR_AT, YIADDR_AT, CHADDR_AT] = [4, 8, 10, 12, 16, 28];
const [SNAME_AT, FILE_AT] = [44, 108];
const [PAD, END] = [0, 255];
/** Of the overload option: which fields hold options too. */
const [FILE_OVERLOADED, SNAME_OVERLOADED] = [1, 2];
const MAX_OPTION_BYTES = 255;
const MAX_NAME_LENGTH = 253;
const MAX_LABEL_BYTES = 63;
const LABEL_POINTER = 0xc0;
/** resolv.conf(5) of old C libraries knows no more. */
const MAX_SEARCH_DOMAINS = 6;
const MAX_TEXT_LENGTH = 200;
const LEAST_CLIENT_ID_BYTES = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @throws {SyntaxError} Always. */
function refuse(reason: string): never {
  throw new SyntaxError(`Cannot read a DHCP message: ${reason}`);
}

/** Bytes of an IPv4 address that was checked before. */
function ipv4Bytes(text: string): Uint8Array {
  const address = parseIpAddress(text);
  if (address?.family === 4) return address.bytes;
  throw new RangeError(`Cannot put "${text}" into a DHCP message: it is no IPv4 address`);
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff);
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function prefixMask(prefixLength: number): Uint8Array {
  return uint32(prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0);
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A list of names without compression. */
function encodeNames(names: readonly string[]): Uint8Array {
  return joinBytes(names.flatMap((name) => [
    ...name.split(".").flatMap((label) => {
      const bytes = encoder.encode(label);
      return [Uint8Array.of(bytes.length), bytes];
    }),
    Uint8Array.of(0),
  ]));
}

type EncodedOption = readonly [code: number, value: Uint8Array | undefined];

function listOptions(options: DhcpOptions): EncodedOption[] {
  const given = <T>(value: T | undefined, encode: (value: T) => Uint8Array) =>
    value === undefined ? undefined : encode(value);
  const addresses = (list: readonly string[]): Uint8Array => joinBytes(list.map(ipv4Bytes));
  const text = (value: string): Uint8Array => encoder.encode(value);
  return [
    [DHCP_OPTION.TYPE, Uint8Array.of(DHCP_TYPE[options.type])],
    [DHCP_OPTION.CLIENT_ID, given(options.clientId, (id) => Uint8Array.fromHex(id))],
    [DHCP_OPTION.REQUESTED_ADDRESS, given(options.requestedAddress, ipv4Bytes)],
    [DHCP_OPTION.SERVER_ID, given(options.serverId, ipv4Bytes)],
    [DHCP_OPTION.LEASE_SECONDS, given(options.leaseSeconds, uint32)],
    [DHCP_OPTION.RENEWAL_SECONDS, given(options.renewalSeconds, uint32)],
    [DHCP_OPTION.REBINDING_SECONDS, given(options.rebindingSeconds, uint32)],
    [DHCP_OPTION.SUBNET_MASK, given(options.prefixLength, prefixMask)],
    [DHCP_OPTION.ROUTER, given(options.routers, addresses)],
    [DHCP_OPTION.NAME_SERVER, given(options.nameServers, addresses)],
    [DHCP_OPTION.DOMAIN_NAME, given(options.domainName, text)],
    [DHCP_OPTION.DOMAIN_SEARCH, given(options.domainSearch, encodeNames)],
    [DHCP_OPTION.MTU, given(options.mtu, uint16)],
    [DHCP_OPTION.MAX_MESSAGE_BYTES, given(options.maxMessageBytes, uint16)],
    [DHCP_OPTION.HOST_NAME, given(options.hostName, text)],
    [DHCP_OPTION.PARAMETERS, given(options.parameters, (codes) => Uint8Array.from(codes))],
    [DHCP_OPTION.MESSAGE, given(options.message, text)],
  ];
}

/** One option, in several pieces if it is long. */
function encodeOption([code, value]: EncodedOption): Uint8Array[] {
  if (value === undefined) return [];
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < value.length || at === 0; at += MAX_OPTION_BYTES) {
    const piece = value.subarray(at, at + MAX_OPTION_BYTES);
    pieces.push(Uint8Array.of(code, piece.length), piece);
  }
  return pieces;
}

/**
 * Writes a message.
 *
 * @throws {RangeError} If an address is malformed, or the message too long.
 */
export function encodeDhcpMessage(message: DhcpMessage): Uint8Array<ArrayBuffer> {
  const options = joinBytes([
    ...listOptions(message.options).flatMap(encodeOption),
    Uint8Array.of(END),
  ]);
  const bytes = new Uint8Array(Math.max(LEAST_SENT_BYTES, OPTIONS_AT + options.length));
  if (bytes.length > MAX_MESSAGE_BYTES) {
    throw new RangeError(`Cannot send a DHCP message: it has ${bytes.length} bytes`);
  }
  const mac = parseMacAddress(message.macAddress);
  if (mac === undefined) {
    throw new RangeError(`Cannot send a DHCP message: "${message.macAddress}" is no MAC address`);
  }
  const view = new DataView(bytes.buffer);
  bytes.set([message.sender === "client" ? BOOTREQUEST : BOOTREPLY, ETHERNET, MAC_BYTES]);
  view.setUint32(XID_AT, message.transactionId);
  view.setUint16(SECS_AT, message.elapsedSeconds);
  view.setUint16(FLAGS_AT, message.wantsBroadcast ? BROADCAST_FLAG : 0);
  bytes.set(ipv4Bytes(message.clientAddress), CIADDR_AT);
  bytes.set(ipv4Bytes(message.yourAddress), YIADDR_AT);
  bytes.set(mac, CHADDR_AT);
  view.setUint32(FIXED_BYTES, COOKIE);
  bytes.set(options, OPTIONS_AT);
  return bytes;
}

/**
 * Reads a message.
 *
 * @param bytes What UDP carried.
 * @throws {SyntaxError} If it breaks a rule. An option that is only of no use, such as a domain that is no name, is
 * left out instead.
 */
export function parseDhcpMessage(bytes: Uint8Array<ArrayBuffer>): DhcpMessage {
  if (bytes.length < OPTIONS_AT) refuse(`it has only ${bytes.length} bytes`);
  if (bytes.length > MAX_MESSAGE_BYTES) refuse(`it has ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [operation, hardware, macBytes] = bytes;
  if (operation !== BOOTREQUEST && operation !== BOOTREPLY) refuse(`its operation is ${operation}`);
  if (hardware !== ETHERNET || macBytes !== MAC_BYTES) refuse("it is not of Ethernet");
  if (view.getUint32(FIXED_BYTES) !== COOKIE) refuse("it is of BOOTP and not of DHCP");
  return {
    sender: operation === BOOTREQUEST ? "client" : "server",
    transactionId: view.getUint32(XID_AT),
    elapsedSeconds: view.getUint16(SECS_AT),
    wantsBroadcast: (view.getUint16(FLAGS_AT) & BROADCAST_FLAG) !== 0,
    clientAddress: formatIpAddress(bytes.subarray(CIADDR_AT, CIADDR_AT + 4)),
    yourAddress: formatIpAddress(bytes.subarray(YIADDR_AT, YIADDR_AT + 4)),
    macAddress: formatMacAddress(bytes.subarray(CHADDR_AT, CHADDR_AT + MAC_BYTES)),
    options: readOptions(collectOptions(bytes)),
  };
}

/** The values of all options; one that comes in pieces is put together. */
function collectOptions(bytes: Uint8Array<ArrayBuffer>): Map<number, Uint8Array<ArrayBuffer>> {
  const pieces = new Map<number, Uint8Array[]>();
  collectField(bytes.subarray(OPTIONS_AT), pieces);
  const overload = pieces.get(DHCP_OPTION.OVERLOAD)?.[0]?.[0] ?? 0;
  // In the order in which pieces are put together, RFC 3396 section 5
  if ((overload & FILE_OVERLOADED) !== 0) {
    collectField(bytes.subarray(FILE_AT, FIXED_BYTES), pieces);
  }
  if ((overload & SNAME_OVERLOADED) !== 0) {
    collectField(bytes.subarray(SNAME_AT, FILE_AT), pieces);
  }
  return new Map(Array.from(pieces, ([code, parts]) => [code, new Uint8Array(joinBytes(parts))]));
}

function collectField(field: Uint8Array, pieces: Map<number, Uint8Array[]>): void {
  for (let at = 0; at < field.length;) {
    const code = field[at++];
    if (code === undefined || code === END) return;
    if (code === PAD) continue;
    const size = field[at++];
    if (size === undefined || at + size > field.length) refuse(`option ${code} is cut off`);
    const parts = pieces.get(code) ?? [];
    parts.push(field.subarray(at, at + size));
    pieces.set(code, parts);
    at += size;
  }
}

/** Reads values of fixed sizes. */
class OptionReader {
  readonly #values: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;

  constructor(values: ReadonlyMap<number, Uint8Array<ArrayBuffer>>) {
    this.#values = values;
  }

  bytes(code: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#values.get(code);
  }

  #sized(code: number, size: number): Uint8Array<ArrayBuffer> | undefined {
    const value = this.#values.get(code);
    if (value !== undefined && value.length !== size) refuse(`option ${code} has a wrong length`);
    return value;
  }

  number(code: number, size: 1 | 2 | 4): number | undefined {
    return this.#sized(code, size)?.reduce((number, byte) => number * 256 + byte, 0);
  }

  address(code: number): string | undefined {
    const value = this.#sized(code, 4);
    return value === undefined ? undefined : formatIpAddress(value);
  }

  addresses(code: number): string[] | undefined {
    const value = this.#values.get(code);
    if (value === undefined) return undefined;
    if (value.length === 0 || value.length % 4 !== 0) refuse(`option ${code} has a wrong length`);
    return Array.from(
      { length: value.length / 4 },
      (_, index) => formatIpAddress(value.subarray(4 * index, 4 * index + 4)),
    );
  }

  text(code: number): string | undefined {
    const value = this.#values.get(code);
    // Some servers count a NUL at the end
    return value === undefined ? undefined : decoder.decode(value).replace(/\0+$/, "");
  }

  name(code: number): string | undefined {
    const name = this.text(code)?.replace(/\.$/, "");
    return name !== undefined && isDomainName(name) ? name : undefined;
  }
}

/** Whether a text is a domain name, and so can do no harm in a file of the container. */
export function isDomainName(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && text.split(".").every(isLabel);
}

function isLabel(label: string): boolean {
  return label.length <= MAX_LABEL_BYTES &&
    /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/.test(label);
}

function readOptions(values: ReadonlyMap<number, Uint8Array<ArrayBuffer>>): DhcpOptions {
  const reader = new OptionReader(values);
  const type = readType(reader);
  const mask = reader.number(DHCP_OPTION.SUBNET_MASK, 4);
  const clientId = reader.bytes(DHCP_OPTION.CLIENT_ID);
  if (clientId !== undefined && clientId.length < LEAST_CLIENT_ID_BYTES) {
    refuse("the client identifier is too short");
  }
  const parameters = reader.bytes(DHCP_OPTION.PARAMETERS);
  const domainSearch = parseNames(reader.bytes(DHCP_OPTION.DOMAIN_SEARCH));
  const found = {
    requestedAddress: reader.address(DHCP_OPTION.REQUESTED_ADDRESS),
    serverId: reader.address(DHCP_OPTION.SERVER_ID),
    leaseSeconds: reader.number(DHCP_OPTION.LEASE_SECONDS, 4),
    renewalSeconds: reader.number(DHCP_OPTION.RENEWAL_SECONDS, 4),
    rebindingSeconds: reader.number(DHCP_OPTION.REBINDING_SECONDS, 4),
    prefixLength: mask === undefined ? undefined : readMask(mask),
    routers: reader.addresses(DHCP_OPTION.ROUTER),
    nameServers: reader.addresses(DHCP_OPTION.NAME_SERVER),
    domainName: reader.name(DHCP_OPTION.DOMAIN_NAME),
    domainSearch: domainSearch.length === 0 ? undefined : domainSearch,
    clientId: clientId?.toHex(),
    hostName: reader.name(DHCP_OPTION.HOST_NAME),
    parameters: parameters === undefined ? undefined : [...parameters],
    mtu: reader.number(DHCP_OPTION.MTU, 2),
    maxMessageBytes: reader.number(DHCP_OPTION.MAX_MESSAGE_BYTES, 2),
    message: printable(reader.text(DHCP_OPTION.MESSAGE)),
  };
  const given = Object.entries(found).filter(([, value]) => value !== undefined);
  return { type, ...Object.fromEntries(given) };
}

function readType(reader: OptionReader): DhcpType {
  const number = reader.number(DHCP_OPTION.TYPE, 1);
  const [type] = Object.entries(DHCP_TYPE).find(([, one]) => one === number) ?? [];
  if (type === undefined) refuse(number === undefined ? "it has no type" : `its type is ${number}`);
  return type as DhcpType;
}

/** Length of the prefix that a mask stands for. */
function readMask(mask: number): number {
  const prefixLength = Math.clz32(~mask);
  const rest = prefixLength === 32 ? 0 : (mask << prefixLength) >>> 0;
  if (prefixLength === 0 || rest !== 0) refuse("its subnet mask is none");
  return prefixLength;
}

/** What a server says in words may be shown on a terminal. */
function printable(text: string | undefined): string | undefined {
  return text?.replace(/[^ -~]/g, "?").slice(0, MAX_TEXT_LENGTH);
}

/** Names, which may end in what stands before them; the list ends at the first that is none. */
function parseNames(bytes: Uint8Array | undefined): string[] {
  const names: string[] = [];
  for (let at = 0; bytes !== undefined && at < bytes.length;) {
    const found = parseName(bytes, at);
    if (found === undefined || !isDomainName(found.name)) break;
    names.push(found.name);
    at = found.end;
  }
  return [...new Set(names)].slice(0, MAX_SEARCH_DOMAINS);
}

/** @returns The name and where the next one begins; `undefined` if it is cut off or leads in a circle. */
function parseName(bytes: Uint8Array, start: number): { name: string; end: number } | undefined {
  const labels: string[] = [];
  let end: number | undefined;
  let limit = start;
  for (let at = start;;) {
    const size = bytes[at++];
    if (size === undefined) return undefined;
    if (size === 0) return { name: labels.join("."), end: end ?? at };
    if (size >= LABEL_POINTER) {
      const low = bytes[at++];
      if (low === undefined) return undefined;
      end ??= at;
      at = (size - LABEL_POINTER) * 256 + low;
      // Always further to the front: so it comes to an end
      if (at >= limit) return undefined;
      limit = at;
      continue;
    }
    if (size > MAX_LABEL_BYTES || at + size > bytes.length) return undefined;
    labels.push(decoder.decode(bytes.subarray(at, at + size)));
    at += size;
    if (labels.length > MAX_NAME_LENGTH) return undefined;
  }
}
