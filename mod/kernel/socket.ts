/** Sequenced-packet unix sockets that carry text and descriptors. @see unix(7), cmsg(3) @module */

import { Descriptor } from "../../ffi/descriptor.ts";
import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { openDirectory } from "./open.ts";

/** Families of addresses, by the numbers that socket(2) takes. */
export const AF = { UNIX: 1, INET: 2, NETLINK: 16, PACKET: 17 } as const;

/** Kinds of sockets, by the numbers that socket(2) takes. */
export const SOCK = { DGRAM: 2, RAW: 3, SEQPACKET: 5 } as const;

const SOCK_CLOEXEC = 0o2000000;
const MAX_PACKET_BYTES = 4096;
const MAX_DESCRIPTORS = 4;

/** One packet from the other end. */
export interface Packet {
  /** The text it carried. */
  text: string;
  /** Descriptors that came with it; the receiver owns them. */
  descriptors: Descriptor[];
}

/**
 * Opens a socket in the calling thread's network namespace.
 *
 * @param protocol A number of the family's. @default {the usual one, 0}
 * @throws {SystemError} EPROTONOSUPPORT or EAFNOSUPPORT if this kernel has none of this kind, EPERM without the
 * capability that it takes.
 */
export function openSocket(
  family: keyof typeof AF,
  kind: keyof typeof SOCK,
  protocol = 0,
): Descriptor {
  const result = core.nnn(SYSCALL.socket, AF[family], SOCK[kind] | SOCK_CLOEXEC, protocol);
  return new Descriptor(checked(result, "socket", `AF_${family}`));
}

/**
 * A connected pair of packet sockets.
 *
 * @throws {SystemError} If there are too many open descriptors.
 */
export function socketPair(): [Descriptor, Descriptor] {
  const pair = new Int32Array(2);
  checked(
    core.nnnb(
      SYSCALL.socketpair,
      AF.UNIX,
      SOCK.SEQPACKET | SOCK_CLOEXEC,
      0,
      new Uint8Array(pair.buffer),
    ),
    "socketpair",
    "",
  );
  return [new Descriptor(pair[0] ?? -1), new Descriptor(pair[1] ?? -1)];
}

/**
 * Connects to the packet socket `directory/name`.
 *
 * The address goes through `/proc/self/fd`, because `sun_path` holds only 108 bytes.
 *
 * @throws {SystemError} ECONNREFUSED or ENOENT if nobody listens.
 */
export function connectPacketSocket(directory: string, name: string): Descriptor {
  using parent = openDirectory(directory);
  const address = new Uint8Array(110);
  new DataView(address.buffer).setUint16(0, AF.UNIX, true);
  new TextEncoder().encodeInto(`/proc/self/fd/${parent.number}/${name}`, address.subarray(2));
  const socket = openSocket("UNIX", "SEQPACKET");
  const result = core.nbnn(SYSCALL.connect, socket.number, address, address.length, 0);
  if (result < 0) socket[Symbol.dispose]();
  checked(result, "connect", `${directory}/${name}`);
  return socket;
}

/**
 * Sends one packet.
 *
 * @param text At most 4,096 bytes.
 * @param descriptors Numbers to pass along; they stay open here.
 * @throws {SystemError} EPIPE if the other end is gone.
 */
export function sendPacket(
  socket: Descriptor,
  text: string,
  descriptors: readonly number[] = [],
): void {
  const data = new TextEncoder().encode(text);
  const numbers = new Uint8Array(new Int32Array(descriptors).buffer);
  const result = core.send(
    socket.number,
    data,
    data.length,
    numbers,
    descriptors.length,
  );
  checked(result, "sendmsg", text);
}

/**
 * Waits for one packet, without stopping the event loop.
 *
 * @returns `undefined` at the end of the connection.
 * @throws {SystemError} If the connection breaks.
 */
export async function receivePacket(socket: Descriptor): Promise<Packet | undefined> {
  const data = new Uint8Array(MAX_PACKET_BYTES);
  const numbers = new Int32Array(MAX_DESCRIPTORS);
  const count = new Uint32Array(1);
  const size = checked(
    await core.receive(
      socket.number,
      data,
      data.length,
      new Uint8Array(numbers.buffer),
      new Uint8Array(count.buffer),
    ),
    "recvmsg",
    "",
  );
  if (size === 0) return undefined;
  return {
    text: new TextDecoder().decode(data.subarray(0, size)),
    descriptors: Array.from(numbers.subarray(0, count[0]), (number) => new Descriptor(number)),
  };
}
