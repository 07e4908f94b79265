/** Ethernet frames on a link that need not have an address. @see packet(7), socket(7) @module */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { checked, SystemError } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { addressOf } from "../../ffi/pointer.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { AF, openSocket } from "./socket.ts";

const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_ATTACH_FILTER = 26;
const ETH_P_IP = 0x0800;
const SOCKADDR_LL_BYTES = 20;
const SOCKADDR_IN_BYTES = 16;
const FILTER_STEP_BYTES = 8;
/** Longer than any frame of Ethernet without jumbo frames. */
const RECEIVE_BYTES = 2048;

/** Classic BPF, see `include/uapi/linux/filter.h`: for each step code, jump if true, jump if false, operand. */
type FilterStep = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];

const BPF = {
  LOAD_HALF: 0x28,
  LOAD_BYTE: 0x30,
  LOAD_HEADER_LENGTH: 0xb1,
  LOAD_HALF_BEHIND: 0x48,
  JUMP_EQUAL: 0x15,
  JUMP_BITS: 0x45,
  RETURN: 0x06,
} as const;

/** Whole UDP datagrams over IPv4 to one port, and nothing else of what a busy container receives. */
function udpFilter(port: number): FilterStep[] {
  return [
    [BPF.LOAD_HALF, 0, 0, 12], // EtherType
    [BPF.JUMP_EQUAL, 0, 8, ETH_P_IP],
    [BPF.LOAD_BYTE, 0, 0, 23], // protocol
    [BPF.JUMP_EQUAL, 0, 6, 17],
    [BPF.LOAD_HALF, 0, 0, 20], // fragment
    [BPF.JUMP_BITS, 4, 0, 0x1fff],
    [BPF.LOAD_HEADER_LENGTH, 0, 0, 14],
    [BPF.LOAD_HALF_BEHIND, 0, 0, 16], // destination port, behind both headers
    [BPF.JUMP_EQUAL, 0, 1, port],
    [BPF.RETURN, 0, 0, 0xffffffff],
    [BPF.RETURN, 0, 0, 0],
  ];
}

function encodeFilter(steps: readonly FilterStep[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(steps.length * FILTER_STEP_BYTES);
  const view = new DataView(bytes.buffer);
  steps.forEach(([code, ifTrue, ifFalse, operand], index) => {
    const at = index * FILTER_STEP_BYTES;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, ifTrue);
    view.setUint8(at + 3, ifFalse);
    view.setUint32(at + 4, operand, true);
  });
  return bytes;
}

/** Of protocol 0: nothing is received before it is bound. */
function openPacketSocket(): Descriptor {
  return openSocket("PACKET", "RAW");
}

/** Binds to a link, and to no frames at all or those of IPv4. */
function bindToLink(socket: Descriptor, index: number, protocol: number): void {
  const address = new Uint8Array(SOCKADDR_LL_BYTES);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF.PACKET, true);
  view.setUint16(2, protocol);
  view.setInt32(4, index, true);
  const result = core.nbnn(SYSCALL.bind, socket.number, address, address.length, 0);
  checked(result, "bind", `link ${index}`);
}

function writeFrame(socket: Descriptor, frame: Uint8Array<ArrayBuffer>): void {
  const result = core.nbnn(SYSCALL.write, socket.number, frame, frame.length, 0);
  checked(result, "send", `frame of ${frame.length} bytes`);
}

/**
 * Sends one frame by a link of the calling thread's network namespace.
 *
 * @throws {SystemError} ENODEV if there is no such link, ENETDOWN if it is switched off.
 */
export function sendFrame(index: number, frame: Uint8Array<ArrayBuffer>): void {
  using socket = openPacketSocket();
  bindToLink(socket, index, 0);
  writeFrame(socket, frame);
}

/** Sends frames by one link, and receives those with a UDP datagram to one port. */
export class PacketSocket implements Disposable {
  readonly #socket: Descriptor;

  /**
   * Opens a socket in the calling thread's network namespace.
   *
   * @param index The link.
   * @param port Of the datagrams that are received.
   * @throws {SystemError} ENODEV if there is no such link, EPERM without CAP_NET_RAW.
   */
  constructor(index: number, port: number) {
    using undo = new DisposableStack();
    this.#socket = undo.use(openPacketSocket());
    this.#attachFilter(encodeFilter(udpFilter(port)));
    bindToLink(this.#socket, index, ETH_P_IP);
    undo.move();
  }

  /** `struct sock_fprog` */
  #attachFilter(filter: Uint8Array<ArrayBuffer>): void {
    const program = new Uint8Array(16);
    const view = new DataView(program.buffer);
    view.setUint16(0, filter.length / FILTER_STEP_BYTES, true);
    view.setBigUint64(8, addressOf(filter), true);
    this.#setOption(SO_ATTACH_FILTER, program);
  }

  #setOption(option: number, value: Uint8Array<ArrayBuffer>): void {
    const { number } = this.#socket;
    const result = core.nnnbn(SYSCALL.setsockopt, number, SOL_SOCKET, option, value, value.length);
    checked(result, "setsockopt", `option ${option}`);
  }

  /** Sends a frame, its Ethernet header included. @throws {SystemError} ENETDOWN if the link is switched off. */
  send(frame: Uint8Array<ArrayBuffer>): void {
    writeFrame(this.#socket, frame);
  }

  /**
   * Waits for a frame, without stopping the event loop. Nothing else may use the socket meanwhile.
   *
   * @param timeoutMs At least 1 millisecond.
   * @returns `undefined` if none has come by then; one that is longer than Ethernet's is cut off.
   * @throws {SystemError} ENETDOWN if the link is switched off.
   */
  async receive(timeoutMs: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    this.#setOption(SO_RCVTIMEO, encodeTimeout(timeoutMs));
    const data = new Uint8Array(RECEIVE_BYTES);
    const { number } = this.#socket;
    const result = await core.nbnLater(SYSCALL.read, number, data, data.length);
    if (result >= 0) return data.subarray(0, result);
    const error = new SystemError("read", "frame", -result);
    if (["EAGAIN", "EINTR"].includes(error.code)) return undefined;
    throw error;
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

/** `struct timeval` */
function encodeTimeout(milliseconds: number): Uint8Array<ArrayBuffer> {
  const whole = Math.max(1, Math.ceil(milliseconds));
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, BigInt(Math.floor(whole / 1000)), true);
  view.setBigInt64(8, BigInt((whole % 1000) * 1000), true);
  return bytes;
}

/**
 * Occupies a UDP port of the calling thread's network namespace, so that the kernel does not answer what comes there
 * with "port unreachable".
 *
 * @returns `undefined` if somebody has it: then the kernel does not either.
 */
export function occupyUdpPort(port: number): Descriptor | undefined {
  using undo = new DisposableStack();
  const socket = undo.use(openSocket("INET", "DGRAM"));
  const address = new Uint8Array(SOCKADDR_IN_BYTES);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF.INET, true);
  view.setUint16(2, port);
  const bound = core.nbnn(SYSCALL.bind, socket.number, address, address.length, 0);
  if (bound < 0 && new SystemError("bind", "", -bound).code === "EADDRINUSE") return undefined;
  checked(bound, "bind", `port ${port}`);
  undo.move();
  return socket;
}
