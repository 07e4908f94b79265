/**
 * IP addresses and subnets as text, bytes and numbers.
 *
 * An address that is calculated with is a `bigint` beside its family: the 32 or 128 bits, first bit highest.
 *
 * @see RFC 4291 (IPv6 addresses as text), RFC 5952 (their canonical form), RFC 4632 (CIDR), RFC 4193 (unique local)
 * @module
 */

/** Version of the internet protocol. */
export type IpFamily = 4 | 6;

/** An address. */
export interface IpAddress {
  /** Version of the internet protocol. */
  family: IpFamily;
  /** 4 or 16 bytes, in the order of the network. */
  bytes: Uint8Array<ArrayBuffer>;
}

/** A block of addresses, or an address together with the length of its subnet's prefix. */
export interface Cidr {
  /** Version of the internet protocol. */
  family: IpFamily;
  /** As given: may have bits after the prefix. */
  address: bigint;
  /** In bits: 0 to 32 or 128. */
  prefixLength: number;
}

/** How many bits the addresses of each family have. */
export const ADDRESS_BITS = { 4: 32, 6: 128 } as const;

const IPV6_GROUPS = 8;
/** `::ffff:0:0/96`: IPv4 addresses as IPv6 ones, the only ones that are written with dots. */
const IPV4_MAPPED_GROUPS = [0, 0, 0, 0, 0, 0xffff];
/** `fd00::/8`: unique local addresses whose next 40 bits are random. */
const UNIQUE_LOCAL = 0xfdn;
/** A subnet that is chosen by its site, RFC 4193 section 3.1: 8 + 40 + 16 bits. */
const UNIQUE_LOCAL_PREFIX_LENGTH = 64;
const UNIQUE_LOCAL_ID_DIGITS = 14;

/**
 * Reads an address strictly: four decimal numbers without leading zeros, which some programs take for octal, or
 * IPv6 in any of its forms, the last 32 bits as IPv4 too. A zone (`fe80::1%eth0`) is refused.
 *
 * @returns `undefined` if `text` is no address.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  const bytes = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  if (bytes === undefined) return undefined;
  return { family: bytes.length === 4 ? 4 : 6, bytes: new Uint8Array(bytes) };
}

function parseIpv4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = parts.map((part) => parseDecimal(part, 255));
  return bytes.includes(-1) ? undefined : bytes;
}

/** @returns -1 if `text` is not the shortest form of a number from 0 to `highest`. */
function parseDecimal(text: string, highest: number): number {
  if (!/^(0|[1-9][0-9]{0,2})$/.test(text)) return -1;
  const value = Number(text);
  return value <= highest ? value : -1;
}

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = "", tail] = halves;
  const before = parseGroups(head, { mayEndInIpv4: tail === undefined });
  const after = parseGroups(tail ?? "", { mayEndInIpv4: true });
  if (before === undefined || after === undefined) return undefined;
  const missing = IPV6_GROUPS - before.length - after.length;
  // "::" stands for at least one group
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const zeros = new Array<number>(missing).fill(0);
  return [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]);
}

/** The groups of 16 bits that stand on one side of `::`. */
function parseGroups(
  text: string,
  { mayEndInIpv4 }: { mayEndInIpv4: boolean },
): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(parseInt(part, 16));
    else {
      const ipv4 = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4(part) : undefined;
      if (ipv4 === undefined) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = ipv4;
      groups.push(a << 8 | b, c << 8 | d);
    }
  }
  return groups;
}

/**
 * Writes an address in its canonical form.
 *
 * @param bytes 4 or 16 of them.
 * @throws {RangeError} If there are more or fewer.
 */
export function formatIpAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) {
    throw new RangeError(`Cannot format an IP address: it has ${bytes.length} bytes`);
  }
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push((bytes[at] ?? 0) << 8 | (bytes[at + 1] ?? 0));
  if (IPV4_MAPPED_GROUPS.every((group, index) => groups[index] === group)) {
    return `::ffff:${bytes.subarray(12).join(".")}`;
  }
  const { start, length } = longestZeros(groups);
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(":");
  // A single group of zeros is written out, RFC 5952 section 4.2.2
  if (length < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** The longest run of zeros; of several the first. */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, index) => {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > longest.length) longest = { start, length: index + 1 - start };
  });
  return longest;
}

/** An address as a number to calculate with. */
export function addressToNumber({ bytes }: IpAddress): bigint {
  return bytes.reduce((number, byte) => number << 8n | BigInt(byte), 0n);
}

/** A number as the address it stands for. Bits that the family does not have are dropped. */
export function numberToAddress(family: IpFamily, number: bigint): IpAddress {
  const bytes = new Uint8Array(ADDRESS_BITS[family] / 8);
  let rest = number;
  for (let at = bytes.length - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return { family, bytes };
}

/** Writes an address that is a number, in its canonical form. */
export function formatAddressNumber(family: IpFamily, number: bigint): string {
  // Often done thousands of times in a row, and four times as fast so
  if (family === 4) {
    const bits = Number(BigInt.asUintN(ADDRESS_BITS[4], number));
    return `${bits >>> 24}.${(bits >>> 16) & 0xff}.${(bits >>> 8) & 0xff}.${bits & 0xff}`;
  }
  return formatIpAddress(numberToAddress(family, number).bytes);
}

/**
 * Reads an address with the length of its prefix, for example `10.0.0.0/8`. Bits after the prefix stay:
 * see {@linkcode hasHostBits}.
 *
 * @returns `undefined` if `text` is no such thing.
 */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const address = parseIpAddress(text.slice(0, slash));
  if (address === undefined) return undefined;
  const { family } = address;
  const prefixLength = parseDecimal(text.slice(slash + 1), ADDRESS_BITS[family]);
  if (prefixLength < 0) return undefined;
  return { family, address: addressToNumber(address), prefixLength };
}

/** Writes an address with the length of its prefix; bits after the prefix are shown. */
export function formatCidr({ family, address, prefixLength }: Cidr): string {
  return `${formatAddressNumber(family, address)}/${prefixLength}`;
}

function hostBits({ family, prefixLength }: Cidr): bigint {
  return BigInt(ADDRESS_BITS[family] - prefixLength);
}

function hostMask(cidr: Cidr): bigint {
  return (1n << hostBits(cidr)) - 1n;
}

/** Whether there are bits after the prefix: such a block is not in canonical form. */
export function hasHostBits(cidr: Cidr): boolean {
  return (cidr.address & hostMask(cidr)) !== 0n;
}

/** The block in canonical form: its first address with the same prefix. */
export function networkOf(cidr: Cidr): Cidr {
  return { ...cidr, address: firstAddress(cidr) };
}

/** How many addresses the block has. */
export function addressCount(cidr: Cidr): bigint {
  return 1n << hostBits(cidr);
}

/** The first address of the block, which names the network. */
export function firstAddress(cidr: Cidr): bigint {
  return cidr.address & ~hostMask(cidr);
}

/** The last address of the block, in IPv4 the one for broadcasts. */
export function lastAddress(cidr: Cidr): bigint {
  return cidr.address | hostMask(cidr);
}

/** Whether a block is too small to have addresses that name the network and all of its hosts (RFC 3021). */
function isPointToPoint(cidr: Cidr): boolean {
  return hostBits(cidr) <= 1n;
}

/**
 * The first address that a host can have: not the one that names the network, which in IPv6 is any router of it
 * (RFC 4291 section 2.6.1).
 */
export function firstUsableAddress(cidr: Cidr): bigint {
  return firstAddress(cidr) + (isPointToPoint(cidr) ? 0n : 1n);
}

/** The last address that a host can have: in IPv4 not the one for broadcasts. */
export function lastUsableAddress(cidr: Cidr): bigint {
  const hasBroadcast = cidr.family === 4 && !isPointToPoint(cidr);
  return lastAddress(cidr) - (hasBroadcast ? 1n : 0n);
}

/**
 * The address so many places after the first of the block.
 *
 * @param offset 0 to one less than {@linkcode addressCount}.
 * @throws {RangeError} If the block has no such address.
 */
export function addressAt(cidr: Cidr, offset: bigint): bigint {
  if (offset < 0n || offset > hostMask(cidr)) {
    throw new RangeError(`Cannot take the address ${offset} of "${formatCidr(cidr)}": no such one`);
  }
  return firstAddress(cidr) + offset;
}

/** Whether an address is in the block. */
export function containsAddress(cidr: Cidr, family: IpFamily, address: bigint): boolean {
  return family === cidr.family && address >= firstAddress(cidr) && address <= lastAddress(cidr);
}

/** Whether all addresses of `inner` are in `outer`. */
export function containsCidr(outer: Cidr, inner: Cidr): boolean {
  return inner.prefixLength >= outer.prefixLength &&
    containsAddress(outer, inner.family, inner.address);
}

/** Whether two blocks have an address in common. */
export function overlaps(one: Cidr, other: Cidr): boolean {
  return containsCidr(one, other) || containsCidr(other, one);
}

/**
 * A unique local IPv6 subnet that belongs to an id.
 *
 * @param id At least 14 hexadecimal digits, random: the first 10 are the global id, the next 4 the subnet's.
 * @throws {RangeError} If they are fewer, or something else.
 * @see RFC 4193 section 3.1
 */
export function uniqueLocalSubnet(id: string): Cidr {
  const digits = id.slice(0, UNIQUE_LOCAL_ID_DIGITS);
  if (!/^[0-9a-f]{14}$/i.test(digits)) {
    throw new RangeError(`Cannot derive a subnet from the id "${id}": it is not hexadecimal`);
  }
  const bits = UNIQUE_LOCAL << BigInt(4 * UNIQUE_LOCAL_ID_DIGITS) | BigInt(`0x${digits}`);
  const address = bits << BigInt(ADDRESS_BITS[6] - UNIQUE_LOCAL_PREFIX_LENGTH);
  return { family: 6, address, prefixLength: UNIQUE_LOCAL_PREFIX_LENGTH };
}
