/** Addresses of links. @see rtnetlink(7), and `include/uapi/linux/if_addr.h` of Linux @module */

import {
  addressToNumber,
  formatIpAddress,
  type IpAddress,
  type IpFamily,
  lastAddress,
  numberToAddress,
  parseIpAddress,
} from "./ip.ts";
import {
  type Attribute,
  type NetlinkMessage,
  type NetlinkRequest,
  type NetlinkSocket,
  NLM_F,
  parseAttributes,
} from "./netlink.ts";

/** An address on a link. */
export interface LinkAddress {
  /** The link. */
  index: number;
  /** For example `"10.211.0.2"`. */
  address: string;
  /** Length of its subnet's prefix, in bits. */
  prefixLength: number;
}

/** An address on a link, as the kernel lists it. */
export interface ListedAddress extends LinkAddress {
  /** Version of the internet protocol. */
  family: IpFamily;
}

const RTM = { NEWADDR: 20, DELADDR: 21, GETADDR: 22 } as const;
const IFA = { ADDRESS: 1, LOCAL: 2, BROADCAST: 4 } as const;
/** No waiting for others to object: an IPv6 address can be used at once. */
const IFA_F_NODAD = 0x02;
const IFADDRMSG_BYTES = 8;

const AF_INET = 2;
const AF_INET6 = 10;
/** Longest IPv4 prefix of a subnet that has an address for broadcasts (RFC 3021). */
const LONGEST_BROADCAST_PREFIX = 30;

/**
 * Reads an address that somebody has validated before.
 *
 * @throws {RangeError} If it is none after all.
 */
export function requireIpAddress(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new RangeError(`Cannot use the IP address "${text}": malformed`);
  return address;
}

/** The kernel's number of a family. */
export function addressFamily(family: IpFamily): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/** `struct ifaddrmsg` */
function ifaddrmsg(
  family: number,
  prefixLength: number,
  flags: number,
  index: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(IFADDRMSG_BYTES);
  bytes.set([family, prefixLength, flags]);
  new DataView(bytes.buffer).setUint32(4, index, true);
  return bytes;
}

function aboutAddress(
  { index, address, prefixLength }: LinkAddress,
  action: string,
): NetlinkRequest & { ip: IpAddress; attributes: Attribute[] } {
  const ip = requireIpAddress(address);
  const flags = ip.family === 6 ? IFA_F_NODAD : 0;
  return {
    type: RTM.NEWADDR,
    header: ifaddrmsg(addressFamily(ip.family), prefixLength, flags, index),
    attributes: [[IFA.LOCAL, ip.bytes], [IFA.ADDRESS, ip.bytes]],
    action,
    subject: `${address}/${prefixLength}`,
    ip,
  };
}

/** A request to give a link an address; an IPv6 address can be used at once. */
export function newAddress(linkAddress: LinkAddress): NetlinkRequest {
  const { ip, attributes, ...request } = aboutAddress(linkAddress, "add address");
  const { prefixLength } = linkAddress;
  if (ip.family === 4 && prefixLength <= LONGEST_BROADCAST_PREFIX) {
    const broadcast = lastAddress({ family: 4, address: addressToNumber(ip), prefixLength });
    attributes.push([IFA.BROADCAST, numberToAddress(4, broadcast).bytes]);
  }
  return { ...request, attributes, flags: NLM_F.CREATE | NLM_F.EXCL };
}

/**
 * Gives a link an address.
 *
 * @throws {NetlinkError} EEXIST if it has it, ENODEV if there is no such link, EACCES or EPERM where IPv6 is switched
 * off.
 */
export function addAddress(socket: NetlinkSocket, linkAddress: LinkAddress): void {
  socket.request(newAddress(linkAddress));
}

/** Takes an address away from a link. @throws {NetlinkError} EADDRNOTAVAIL if it does not have it. */
export function removeAddress(socket: NetlinkSocket, linkAddress: LinkAddress): void {
  const { ip: _, ...request } = aboutAddress(linkAddress, "remove address");
  socket.request({ ...request, type: RTM.DELADDR });
}

/** The addresses of all links, of both families. */
export function listAddresses(socket: NetlinkSocket): ListedAddress[] {
  const messages = socket.get({
    type: RTM.GETADDR,
    flags: NLM_F.DUMP,
    header: ifaddrmsg(0, 0, 0, 0),
    action: "list",
    subject: "addresses",
  });
  return messages.flatMap((message) => parseAddress(message) ?? []);
}

/**
 * Reads what the kernel tells of an address.
 *
 * @param message Of type `RTM_NEWADDR`.
 * @returns `undefined` for one of another family.
 */
export function parseAddress({ payload }: NetlinkMessage): ListedAddress | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const [family, prefixLength = 0] = payload;
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const attributes = parseAttributes(payload, IFADDRMSG_BYTES);
  // On a point-to-point link ADDRESS is the other end's
  const bytes = attributes.get(IFA.LOCAL) ?? attributes.get(IFA.ADDRESS);
  if (bytes === undefined) return undefined;
  return {
    index: view.getUint32(4, true),
    family: family === AF_INET ? 4 : 6,
    address: formatIpAddress(bytes),
    prefixLength,
  };
}
