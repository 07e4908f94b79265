/**
 * Sockets of this host that wait for others to speak first.
 *
 * @see sock_diag(7), and `include/uapi/linux/inet_diag.h` of Linux
 * @module
 */

import { formatIpAddress } from "./ip.ts";
import {
  NETLINK,
  type NetlinkMessage,
  type NetlinkRequest,
  NetlinkSocket,
  NLM_F,
  parseAttributes,
} from "./netlink.ts";
import { listPids, meansProcessGone, readProcess } from "./process.ts";

/** Protocols with ports. */
export type PortProtocol = "tcp" | "udp" | "sctp";

/** A socket that takes what is sent to its port by anybody. */
export interface ListeningSocket {
  /** `0.0.0.0` and `::` stand for all of a family. An IPv4 address of an IPv6 socket is written as IPv4. */
  address: string;
  /** 1 to 65535. */
  port: number;
  /** Whether it takes IPv4, as many sockets on `::` do too. */
  takesIpv4: boolean;
  /** The link it is bound to; 0 for all. */
  linkIndex: number;
  /** Number of the socket, for {@linkcode findSocketOwner}. */
  inode: number;
}

/** A process that has a socket. */
export interface SocketOwner {
  /** As this process's PID namespace counts. */
  pid: number;
  /** At most 15 bytes of its program's name; chosen by the process, so it may contain anything. */
  name: string;
}

const SOCK_DIAG_BY_FAMILY = 20;
const INET_DIAG_SKV6ONLY = 11;
const REQUEST_BYTES = 56;
const MESSAGE_BYTES = 72;
const AF_INET = 2;
const AF_INET6 = 10;

const PROTOCOL_NUMBER = { tcp: 6, udp: 17, sctp: 132 } as const;
/** A UDP socket that is bound but not connected counts as closed. */
const TCP_CLOSE = 7;
const TCP_LISTEN = 10;

/** `struct inet_diag_req_v2` */
function listRequest(family: number, protocol: PortProtocol): NetlinkRequest {
  const header = new Uint8Array(REQUEST_BYTES);
  header.set([family, PROTOCOL_NUMBER[protocol]]);
  const state = protocol === "udp" ? TCP_CLOSE : TCP_LISTEN;
  new DataView(header.buffer).setUint32(4, 1 << state, true);
  return {
    type: SOCK_DIAG_BY_FAMILY,
    flags: NLM_F.DUMP,
    header,
    action: "list sockets of protocol",
    subject: protocol,
  };
}

/**
 * Sockets of the calling thread's network namespace that wait for others: TCP and SCTP ones that listen, UDP ones that
 * are bound and not connected, of both families.
 *
 * @returns None of a protocol that this kernel does not have.
 * @throws {NetlinkError} If the kernel cannot list sockets.
 */
export function listListeningSockets(protocol: PortProtocol): ListeningSocket[] {
  using socket = new NetlinkSocket(NETLINK.SOCK_DIAG);
  // ENOENT stands for a protocol that the kernel does not have
  return [AF_INET, AF_INET6]
    .flatMap((family) => socket.find(listRequest(family, protocol)) ?? [])
    .map(parseListeningSocket)
    .filter(({ port }) => port !== 0);
}

/**
 * Reads what the kernel tells of a socket.
 *
 * @param message With a `struct inet_diag_msg`.
 */
export function parseListeningSocket({ payload }: NetlinkMessage): ListeningSocket {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const isIpv6Only = parseAttributes(payload, MESSAGE_BYTES).get(INET_DIAG_SKV6ONLY)?.[0] === 1;
  const address = formatIpAddress(payload.subarray(8, payload[0] === AF_INET ? 12 : 24))
    .replace(/^::ffff:(?=.*\.)/, "");
  return {
    address,
    port: view.getUint16(4),
    takesIpv4: address.includes(".") || (address === "::" && !isIpv6Only),
    linkIndex: view.getUint32(40, true),
    inode: view.getUint32(68, true),
  };
}

/**
 * A process that has a socket.
 *
 * Looks at every descriptor of every process, about 10 us for each.
 *
 * @returns `undefined` if there is none: it has ended, is the kernel itself, or is hidden from this user.
 */
export function findSocketOwner(inode: number): SocketOwner | undefined {
  const target = `socket:[${inode}]`;
  for (const pid of listPids()) {
    if (!unlessGone(() => hasDescriptor(pid, target))) continue;
    const name = readProcess(pid)?.name;
    if (name !== undefined) return { pid, name };
  }
  return undefined;
}

function hasDescriptor(pid: number, target: string): boolean {
  const directory = `/proc/${pid}/fd`;
  for (const { name } of Deno.readDirSync(directory)) {
    if (unlessGone(() => Deno.readLinkSync(`${directory}/${name}`)) === target) return true;
  }
  return false;
}

/** What `read` returns; `undefined` if what it looks at has gone meanwhile or is another user's. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (meansProcessGone(error) || error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}
