/** Routes. @see rtnetlink(7), and `include/uapi/linux/rtnetlink.h` of Linux @module */

import { addressFamily, requireIpAddress } from "./address.ts";
import {
  type Cidr,
  formatCidr,
  formatIpAddress,
  type IpFamily,
  numberToAddress,
  parseCidr,
} from "./ip.ts";
import {
  type Attribute,
  attributeNumber,
  type NetlinkMessage,
  type NetlinkRequest,
  type NetlinkSocket,
  NLM_F,
  parseAttributes,
} from "./netlink.ts";

/** A route to be. */
export interface RouteRequest {
  /** In CIDR form, without bits after the prefix. @default {everything of the gateway's family} */
  destination?: string;
  /** The next router. @default {none: the destination is on the link itself} */
  gateway?: string;
  /** The link that leads there. */
  index: number;
  /** How far away the destination is. @default {"universe" by a gateway, otherwise "link"} */
  scope?: keyof typeof ROUTE_SCOPE;
  /** Of several routes to one destination the lowest counts. @default {0, in IPv6 1024} */
  metric?: number;
}

/** A route of the kernel. */
export interface Route {
  /** In CIDR form; `0.0.0.0/0` and `::/0` for everything. */
  destination: string;
  /** The next router; empty if there is none. */
  gateway: string;
  /** The link that leads there; 0 if none does, as for an `unreachable` route. */
  index: number;
  /** {@linkcode ROUTE_TABLE}, or another one. */
  table: number;
}

/** Tables of routes that always exist. */
export const ROUTE_TABLE = { MAIN: 254, LOCAL: 255 } as const;

/** Distances, by the numbers of `enum rt_scope_t`. */
const ROUTE_SCOPE = { universe: 0, link: 253, host: 254 } as const;

const RTM = { NEWROUTE: 24, DELROUTE: 25, GETROUTE: 26 } as const;
const RTA = {
  DST: 1,
  OIF: 4,
  GATEWAY: 5,
  PRIORITY: 6,
  MULTIPATH: 9,
  TABLE: 15,
  VIA: 18,
} as const;
const RTMSG_BYTES = 12;
const RTNEXTHOP_BYTES = 8;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;
const RTN_LOCAL = 2;
/** After the kernel's own route to `::1`, which has 0. */
const LOOPBACK_METRIC = 2048;
/** What was learned on the way, for example a path's MTU: no route of its own. */
const RTM_F_CLONED = 0x200;
const EVERYTHING: Readonly<Record<IpFamily, Cidr>> = {
  4: { family: 4, address: 0n, prefixLength: 0 },
  6: { family: 6, address: 0n, prefixLength: 0 },
};

function destinationOf({ destination, gateway }: RouteRequest): Cidr {
  if (destination !== undefined) {
    const cidr = parseCidr(destination);
    if (cidr === undefined) throw new RangeError(`Cannot route to "${destination}": malformed`);
    return cidr;
  }
  if (gateway === undefined) {
    throw new TypeError("Cannot make a route: it has neither destination nor gateway");
  }
  return EVERYTHING[requireIpAddress(gateway).family];
}

/** `struct rtmsg` */
function rtmsg(fields: {
  family: number;
  prefixLength?: number;
  scope?: number;
  type?: number;
}): Uint8Array<ArrayBuffer> {
  const { family, prefixLength = 0, scope = 0, type = 0 } = fields;
  const bytes = new Uint8Array(RTMSG_BYTES);
  bytes.set([family, prefixLength, 0, 0, ROUTE_TABLE.MAIN, RTPROT_BOOT, scope, type]);
  return bytes;
}

function aboutRoute(route: RouteRequest, action: string): NetlinkRequest {
  const { gateway, index, metric } = route;
  const destination = destinationOf(route);
  const { family, address, prefixLength } = destination;
  const attributes: Attribute[] = [[RTA.OIF, index]];
  if (prefixLength > 0) attributes.push([RTA.DST, numberToAddress(family, address).bytes]);
  if (gateway !== undefined) attributes.push([RTA.GATEWAY, requireIpAddress(gateway).bytes]);
  if (metric !== undefined) attributes.push([RTA.PRIORITY, metric]);
  const scope = ROUTE_SCOPE[route.scope ?? (gateway === undefined ? "link" : "universe")];
  const by = gateway === undefined ? "" : ` by ${gateway}`;
  return {
    type: RTM.NEWROUTE,
    header: rtmsg({ family: addressFamily(family), prefixLength, scope, type: RTN_UNICAST }),
    attributes,
    action,
    subject: `${formatCidr(destination)}${by}`,
  };
}

/** A request to make a route. */
export function newRoute(route: RouteRequest): NetlinkRequest {
  return { ...aboutRoute(route, "add route"), flags: NLM_F.CREATE | NLM_F.EXCL };
}

/** A request to have a route, in the place of another one to its destination. */
export function ensureRoute(route: RouteRequest): NetlinkRequest {
  return { ...aboutRoute(route, "add route"), flags: NLM_F.CREATE | NLM_F.REPLACE };
}

/**
 * Makes a route in the main table.
 *
 * @throws {NetlinkError} EEXIST if there is one to that destination; ENETUNREACH or EINVAL if the gateway is not on
 * the link; EINVAL if the destination has bits after its prefix; ENETDOWN if the link is switched off.
 */
export function addRoute(socket: NetlinkSocket, route: RouteRequest): void {
  socket.request(newRoute(route));
}

/** A request to take a route out of the main table. */
export function deleteRoute(route: RouteRequest): NetlinkRequest {
  return { ...aboutRoute(route, "remove route"), type: RTM.DELROUTE };
}

/**
 * A request for what lets answers to `::1` in by a link: the kernel looks for the address on that very link.
 *
 * Needed where the source `::1` of a connection has been translated. Packets that come in with it are dropped before any
 * look at routes. The link must be up; the request fails with EEXIST if this has been done.
 */
export function newLoopbackRoute(index: number): NetlinkRequest {
  const header = rtmsg({ family: addressFamily(6), prefixLength: 128, type: RTN_LOCAL });
  header[4] = ROUTE_TABLE.LOCAL;
  return {
    type: RTM.NEWROUTE,
    // Not EXCL: other links may have the same
    flags: NLM_F.CREATE | NLM_F.APPEND,
    header,
    attributes: [
      [RTA.OIF, index],
      [RTA.DST, requireIpAddress("::1").bytes],
      [RTA.PRIORITY, LOOPBACK_METRIC],
    ],
    action: "add route",
    subject: `::1 on link ${index}`,
  };
}

/** Takes a route out of the main table. @throws {NetlinkError} ESRCH if there is no such route. */
export function removeRoute(socket: NetlinkSocket, route: RouteRequest): void {
  socket.request(deleteRoute(route));
}

/** The routes of all tables and both families, those to this host's own addresses too; one for each next router. */
export function listRoutes(socket: NetlinkSocket): Route[] {
  const messages = socket.get({
    type: RTM.GETROUTE,
    flags: NLM_F.DUMP,
    header: rtmsg({ family: 0 }),
    action: "list",
    subject: "routes",
  });
  return messages.flatMap(parseRoutes);
}

/**
 * Reads what the kernel tells of a route.
 *
 * @param message Of type `RTM_NEWROUTE`.
 * @returns One for each next router; none if it is of another family or a mere cache.
 */
export function parseRoutes({ payload }: NetlinkMessage): Route[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const family = ([4, 6] as const).find((family) => addressFamily(family) === payload[0]);
  if (family === undefined || (view.getUint32(8, true) & RTM_F_CLONED) !== 0) return [];
  const [, prefixLength = 0, , , shortTable] = payload;
  const attributes = parseAttributes(payload, RTMSG_BYTES);
  const bytes = attributes.get(RTA.DST) ?? numberToAddress(family, 0n).bytes;
  const destination = `${formatIpAddress(bytes)}/${prefixLength}`;
  const table = attributeNumber(attributes.get(RTA.TABLE)) || (shortTable ?? 0);
  const several = attributes.get(RTA.MULTIPATH);
  const hops = several === undefined
    ? [{ index: attributeNumber(attributes.get(RTA.OIF)), gateway: parseGateway(attributes) }]
    : parseNextHops(several);
  return hops.map((hop) => ({ destination, table, ...hop }));
}

/** A gateway of the destination's family, or of the other one. */
function parseGateway(attributes: ReadonlyMap<number, Uint8Array>): string {
  // RTA_VIA begins with the family, two bytes
  const bytes = attributes.get(RTA.GATEWAY) ?? attributes.get(RTA.VIA)?.subarray(2);
  return bytes === undefined ? "" : formatIpAddress(bytes);
}

/** A list of `struct rtnexthop`, each with attributes of its own. */
function parseNextHops(bytes: Uint8Array<ArrayBuffer>): { index: number; gateway: string }[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hops: { index: number; gateway: string }[] = [];
  for (let at = 0; at + RTNEXTHOP_BYTES <= bytes.length;) {
    const size = view.getUint16(at, true);
    if (size < RTNEXTHOP_BYTES || at + size > bytes.length) break;
    const attributes = parseAttributes(bytes.subarray(at, at + size), RTNEXTHOP_BYTES);
    hops.push({ index: view.getInt32(at + 4, true), gateway: parseGateway(attributes) });
    at += (size + 3) & ~3;
  }
  return hops;
}
