/**
 * Ethernet frames with a UDP datagram in them, as bytes and back: pure.
 *
 * A link without an address can send and receive nothing else. @see RFC 791, RFC 768, RFC 894
 *
 * @module
 */

import { formatIpAddress, parseIpAddress } from "../kernel/ip.ts";
import { formatMacAddress, parseMacAddress } from "../kernel/mac_address.ts";

/** One end of a datagram's way. */
export interface FrameEnd {
  /** Hardware address. */
  macAddress: string;
  /** IPv4 address. */
  address: string;
  /** UDP port. */
  port: number;
}

/** A datagram on a cable. */
export interface UdpFrame {
  source: FrameEnd;
  destination: FrameEnd;
  payload: Uint8Array<ArrayBuffer>;
}

/** Hardware address of all that are on a cable. */
export const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff";

const ETHERNET_BYTES = 14;
const IP_BYTES = 20;
const UDP_BYTES = 8;
const HEADERS_BYTES = ETHERNET_BYTES + IP_BYTES + UDP_BYTES;
const ETHERTYPE_AT = 12;
const ETHERTYPE_IPV4 = 0x0800;
const VERSION_4 = 0x40;
const TIME_TO_LIVE = 64;
const PROTOCOL_UDP = 17;
const DO_NOT_FRAGMENT = 0x4000;
const FRAGMENT_MASK = 0x3fff;

/** Sum of 16-bit words, folded, as RFC 1071 has it; a byte too few counts as zero. */
function sumWords(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let at = 0; at < bytes.length; at += 2) {
    sum += (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** Sum of what UDP protects of the IP header, besides the datagram. */
function sumPseudoHeader(ip: Uint8Array, udpBytes: number): number {
  return sumWords(ip.subarray(12, 20), PROTOCOL_UDP + udpBytes);
}

function requireBytes(bytes: Uint8Array | undefined, text: string): Uint8Array {
  if (bytes !== undefined) return bytes;
  throw new RangeError(`Cannot send a frame: "${text}" is no address`);
}

/** Writes a frame with all its checksums. @throws {RangeError} If an address is malformed. */
export function encodeUdpFrame(
  { source, destination, payload }: UdpFrame,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADERS_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  const ip = bytes.subarray(ETHERNET_BYTES, ETHERNET_BYTES + IP_BYTES);
  const udp = bytes.subarray(ETHERNET_BYTES + IP_BYTES);
  [destination, source].forEach(({ macAddress }, index) => {
    bytes.set(requireBytes(parseMacAddress(macAddress), macAddress), 6 * index);
  });
  view.setUint16(ETHERTYPE_AT, ETHERTYPE_IPV4);
  ip.set([VERSION_4 + IP_BYTES / 4]);
  view.setUint16(ETHERNET_BYTES + 2, IP_BYTES + udp.length);
  view.setUint16(ETHERNET_BYTES + 6, DO_NOT_FRAGMENT);
  ip.set([TIME_TO_LIVE, PROTOCOL_UDP], 8);
  [source, destination].forEach(({ address, port }, index) => {
    ip.set(requireBytes(parseIpAddress(address)?.bytes, address), 12 + 4 * index);
    view.setUint16(ETHERNET_BYTES + IP_BYTES + 2 * index, port);
  });
  view.setUint16(ETHERNET_BYTES + 10, ~sumWords(ip) & 0xffff);
  view.setUint16(ETHERNET_BYTES + IP_BYTES + 4, udp.length);
  udp.set(payload, UDP_BYTES);
  const sum = ~sumWords(udp, sumPseudoHeader(ip, udp.length)) & 0xffff;
  // Zero stands for no checksum
  view.setUint16(ETHERNET_BYTES + IP_BYTES + 6, sum === 0 ? 0xffff : sum);
  return bytes;
}

/**
 * Reads a frame.
 *
 * @returns `undefined` if it is something else than a whole UDP datagram, or damaged.
 */
export function parseUdpFrame(bytes: Uint8Array<ArrayBuffer>): UdpFrame | undefined {
  if (bytes.length < HEADERS_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(ETHERTYPE_AT) !== ETHERTYPE_IPV4) return undefined;
  const first = view.getUint8(ETHERNET_BYTES);
  const ipBytes = 4 * (first & 0x0f);
  const totalBytes = view.getUint16(ETHERNET_BYTES + 2);
  const isWhole = (first & 0xf0) === VERSION_4 && ipBytes >= IP_BYTES &&
    totalBytes >= ipBytes + UDP_BYTES && ETHERNET_BYTES + totalBytes <= bytes.length;
  if (!isWhole) return undefined;
  // Behind it there may be padding up to Ethernet's least length
  const packet = bytes.subarray(ETHERNET_BYTES, ETHERNET_BYTES + totalBytes);
  const isFragment = (view.getUint16(ETHERNET_BYTES + 6) & FRAGMENT_MASK) !== 0;
  if (packet[9] !== PROTOCOL_UDP || isFragment) return undefined;
  if (sumWords(packet.subarray(0, ipBytes)) !== 0xffff) return undefined;
  const udpAt = ETHERNET_BYTES + ipBytes;
  const udpBytes = view.getUint16(udpAt + 4);
  if (udpBytes < UDP_BYTES || ipBytes + udpBytes > totalBytes) return undefined;
  const udp = packet.subarray(ipBytes, ipBytes + udpBytes);
  if (!isUdpSumRight(packet, udp)) return undefined;
  const end = (index: 0 | 1): FrameEnd => ({
    macAddress: formatMacAddress(bytes.subarray(6 * (1 - index), 6 * (1 - index) + 6)),
    address: formatIpAddress(packet.subarray(12 + 4 * index, 16 + 4 * index)),
    port: view.getUint16(udpAt + 2 * index),
  });
  return { source: end(0), destination: end(1), payload: udp.slice(UDP_BYTES) };
}

/**
 * Whether a datagram's checksum is right, or there is none.
 *
 * What another namespace of this host sends has only the pseudo header's sum: the rest is left to a network card,
 * and there is none on the way.
 */
function isUdpSumRight(ip: Uint8Array, udp: Uint8Array): boolean {
  const sent = (udp[6] ?? 0) * 256 + (udp[7] ?? 0);
  const pseudo = sumPseudoHeader(ip, udp.length);
  return sent === 0 || sent === pseudo || sumWords(udp, pseudo) === 0xffff;
}
