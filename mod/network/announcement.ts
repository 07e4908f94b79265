/** Telling a LAN who has an address now. @see RFC 826, RFC 5227 section 3 @module */

import { parseIpAddress } from "../kernel/ip.ts";
import { parseMacAddress } from "../kernel/mac_address.ts";

const FRAME_BYTES = 42;
const ETHERTYPE_ARP = 0x0806;
const HARDWARE_ETHERNET = 1;
const PROTOCOL_IPV4 = 0x0800;
const OPERATION_REQUEST = 1;

/**
 * The frame that has all on a cable replace what they remember of an IPv4 address.
 *
 * @throws {RangeError} If an address is malformed.
 */
export function encodeAnnouncement(ipv4: string, macAddress: string): Uint8Array<ArrayBuffer> {
  const mac = parseMacAddress(macAddress);
  const address = parseIpAddress(ipv4)?.bytes;
  if (mac === undefined || address?.length !== 4) {
    throw new RangeError(`Cannot announce "${ipv4}" at "${macAddress}": they are no addresses`);
  }
  const frame = new Uint8Array(FRAME_BYTES);
  const view = new DataView(frame.buffer);
  frame.fill(0xff, 0, 6);
  frame.set(mac, 6);
  view.setUint16(12, ETHERTYPE_ARP);
  view.setUint16(14, HARDWARE_ETHERNET);
  view.setUint16(16, PROTOCOL_IPV4);
  frame.set([mac.length, address.length], 18);
  view.setUint16(20, OPERATION_REQUEST);
  frame.set(mac, 22);
  frame.set(address, 28);
  frame.set(address, 38);
  return frame;
}
