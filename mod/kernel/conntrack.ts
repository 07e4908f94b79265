/**
 * Connections that the kernel remembers, with their translated addresses.
 *
 * A UDP client that goes on sending keeps its entry alive, and with it the translation to where a container was.
 *
 * @see `include/uapi/linux/netfilter/nfnetlink_conntrack.h` of Linux
 * @module
 */

import { formatIpAddress } from "./ip.ts";
import {
  type Attribute,
  type NetlinkMessage,
  type NetlinkRequest,
  type NetlinkSocket,
  NLM_F,
  parseAttributes,
} from "./netlink.ts";

/** One end of a connection. */
export interface ConnectionEnd {
  /** For example `"192.0.2.1"`. */
  address: string;
  /** 0 to 65535. */
  port: number;
}

/** A connection: packets one way, and the packets that answer them. */
export interface Connection {
  /** The protocol's number, for example 17 for UDP. */
  protocol: number;
  /** Who spoke first. */
  source: ConnectionEnd;
  /** Whom it spoke to, before any translation: of a published port the host. */
  destination: ConnectionEnd;
  /** Who answers: of a published port the container. */
  replySource: ConnectionEnd;
  /** Whom the answers are for: of a masqueraded connection the host. */
  replyDestination: ConnectionEnd;
}

/** Which connections are meant. */
export interface ConnectionFilter {
  /** Their protocol. */
  protocol: keyof typeof PROTOCOL_NUMBER;
  /** Whether one of that protocol is meant. */
  isStale: (connection: Connection) => boolean;
}

const PROTOCOL_NUMBER = { tcp: 6, udp: 17, sctp: 132 } as const;

const NFNL_SUBSYS_CTNETLINK = 1;
const CT = { GET: NFNL_SUBSYS_CTNETLINK << 8 | 1, DELETE: NFNL_SUBSYS_CTNETLINK << 8 | 2 } as const;
const CTA = { TUPLE_ORIG: 1, TUPLE_REPLY: 2, ID: 12, ZONE: 18, FILTER: 25 } as const;
const CTA_TUPLE = { IP: 1, PROTO: 2 } as const;
const CTA_IP = { V4_SRC: 1, V4_DST: 2, V6_SRC: 3, V6_DST: 4 } as const;
const CTA_PROTO = { NUM: 1, SRC_PORT: 2, DST_PORT: 3 } as const;
const CTA_FILTER = { ORIG_FLAGS: 1, REPLY_FLAGS: 2 } as const;
/** `CTA_FILTER_F_CTA_PROTO_NUM`: of the tuple only the protocol is compared. */
const FILTER_PROTO_NUM = 1 << 2;
const NFGENMSG_BYTES = 4;
const AF_INET = 2;
const AF_INET6 = 10;

type Attributes = ReadonlyMap<number, Uint8Array<ArrayBuffer>>;

/** `struct nfgenmsg` */
function nfgenmsg(family: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(NFGENMSG_BYTES);
  bytes[0] = family;
  return bytes;
}

/** Asks for all connections of a protocol; before Linux 5.8 the kernel tells of the others too. */
function listRequest(family: number, protocol: number): NetlinkRequest {
  return {
    type: CT.GET,
    flags: NLM_F.DUMP,
    header: nfgenmsg(family),
    attributes: [
      [CTA.TUPLE_ORIG, [[CTA_TUPLE.PROTO, [[CTA_PROTO.NUM, new Uint8Array([protocol])]]]]],
      [CTA.FILTER, [[CTA_FILTER.ORIG_FLAGS, FILTER_PROTO_NUM], [CTA_FILTER.REPLY_FLAGS, 0]]],
    ],
    action: "list",
    subject: "connections",
  };
}

function nested(attributes: Attributes, type: number): Attributes {
  const bytes = attributes.get(type);
  return bytes === undefined ? new Map() : parseAttributes(bytes);
}

/** A port, in the order of the network. */
function port(bytes: Uint8Array | undefined): number {
  return bytes === undefined ? 0 : (bytes[0] ?? 0) << 8 | (bytes[1] ?? 0);
}

function end(
  address: Uint8Array | undefined,
  portBytes: Uint8Array | undefined,
): ConnectionEnd {
  return {
    address: address === undefined ? "" : formatIpAddress(address),
    port: port(portBytes),
  };
}

function parseTuple(
  tuple: Attributes,
): { source: ConnectionEnd; destination: ConnectionEnd; protocol: number } {
  const ip = nested(tuple, CTA_TUPLE.IP);
  const proto = nested(tuple, CTA_TUPLE.PROTO);
  const source = ip.get(CTA_IP.V4_SRC) ?? ip.get(CTA_IP.V6_SRC);
  const destination = ip.get(CTA_IP.V4_DST) ?? ip.get(CTA_IP.V6_DST);
  return {
    source: end(source, proto.get(CTA_PROTO.SRC_PORT)),
    destination: end(destination, proto.get(CTA_PROTO.DST_PORT)),
    protocol: proto.get(CTA_PROTO.NUM)?.[0] ?? 0,
  };
}

/**
 * Reads what the kernel tells of a connection.
 *
 * @param message Of type `IPCTNL_MSG_CT_NEW`.
 */
export function parseConnection({ payload }: NetlinkMessage): Connection {
  const attributes = parseAttributes(payload, NFGENMSG_BYTES);
  const reply = parseTuple(nested(attributes, CTA.TUPLE_REPLY));
  return {
    ...parseTuple(nested(attributes, CTA.TUPLE_ORIG)),
    replySource: reply.source,
    replyDestination: reply.destination,
  };
}

/** A request to forget the very connection that a message tells of, and no other that has taken its place. */
function forgetRequest({ payload }: NetlinkMessage): NetlinkRequest {
  const attributes = parseAttributes(payload, NFGENMSG_BYTES);
  const key: Attribute[] = [];
  for (const type of [CTA.TUPLE_ORIG, CTA.ZONE, CTA.ID]) {
    const value = attributes.get(type);
    if (value !== undefined) key.push([type, value]);
  }
  const { source, destination } = parseConnection({ type: CT.GET, payload });
  return {
    type: CT.DELETE,
    header: nfgenmsg(payload[0] ?? 0),
    attributes: key,
    action: "forget connection",
    subject: `${source.address} ${source.port} to ${destination.address} ${destination.port}`,
  };
}

/**
 * Makes the kernel forget connections, so that the next packet of each is translated anew.
 *
 * @param socket Of `NETLINK_NETFILTER`.
 * @returns How many were forgotten.
 * @throws {NetlinkError} EINVAL or EOPNOTSUPP if this kernel does not let programs see its connections.
 */
export function deleteConnections(
  socket: NetlinkSocket,
  { protocol, isStale }: ConnectionFilter,
): number {
  const number = PROTOCOL_NUMBER[protocol];
  const stale = [AF_INET, AF_INET6]
    .flatMap((family) => socket.get(listRequest(family, number)))
    .filter((message) => {
      const connection = parseConnection(message);
      return connection.protocol === number && isStale(connection);
    });
  // One that has ended by itself meanwhile is not there any more
  return stale.filter((message) => socket.find(forgetRequest(message)) !== undefined).length;
}
