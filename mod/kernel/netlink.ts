/**
 * Netlink: requests to the kernel as messages with typed attributes.
 *
 * @see netlink(7), and `include/uapi/linux/netlink.h` of Linux
 * @module
 */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { checked, SystemError } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { openSocket } from "./socket.ts";

/**
 * One attribute: its type, and its value as bytes, as text (a NUL is added), as a number (32 bits, in the order of the
 * host), or as a list of nested attributes.
 */
export type Attribute = readonly [
  type: number,
  value: Uint8Array | string | number | readonly Attribute[],
];

/** What the kernel is asked to do. */
export interface NetlinkRequest {
  /** What kind of request, for example `RTM_NEWLINK`. */
  type: number;
  /** `NLM_F` flags besides REQUEST and ACK. @default {0} */
  flags?: number;
  /** The fixed part that comes before the attributes, for example a `struct ifinfomsg`. */
  header: Uint8Array;
  /** In the order in which they are sent. @default {none} */
  attributes?: readonly Attribute[];
  /** What is done, for messages: a verb and a noun, for example `"make bridge"`. */
  action: string;
  /** What it is done to, for messages, for example a link's name; empty for nothing in particular. */
  subject: string;
}

/** A message from the kernel. */
export interface NetlinkMessage {
  /** What kind of message, for example `RTM_NEWLINK`. */
  type: number;
  /** The fixed part and the attributes. */
  payload: Uint8Array<ArrayBuffer>;
}

/** The kernel's refusal of one request, in its own words where it has some. */
export class NetlinkError extends SystemError {
  /** What the kernel says of it beyond the number; empty if nothing. */
  readonly reason: string;

  /**
   * The kernel's refusal.
   *
   * @param request What was refused.
   * @param errno Positive, as in errno(3).
   * @param reason The extended acknowledgement's text.
   */
  constructor({ action, subject }: NetlinkRequest, errno: number, reason: string) {
    super(action, subject, errno);
    this.reason = reason;
    if (reason !== "") this.message += `: ${reason}`;
  }
}

/** `NLM_F` flags of requests. */
export const NLM_F = {
  REQUEST: 0x1,
  ACK: 0x4,
  /** Of a new object: fail with EEXIST if there is one. */
  EXCL: 0x200,
  /** Of a new object: put it in the place of one that is there. */
  REPLACE: 0x100,
  /** Of a new object: make it. */
  CREATE: 0x400,
  /** Of a new object: at the end of its list. */
  APPEND: 0x800,
  /** Of a request for objects: all of them. */
  DUMP: 0x300,
} as const;

/** Netlink families, by the numbers that socket(2) takes. */
export const NETLINK = { ROUTE: 0, SOCK_DIAG: 4, NETFILTER: 12 } as const;

const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** Of an error message: attributes follow. */
const NLM_F_ACK_TLVS = 0x200;
/** Of an error message: the refused request is not repeated in it. */
const NLM_F_CAPPED = 0x100;
/** Of a message of a dump: what is dumped has changed meanwhile. */
const NLM_F_DUMP_INTR = 0x10;
const NLMSGERR_ATTR_MSG = 1;
const NLMSG_HEADER_BYTES = 16;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const MAX_ATTRIBUTE_BYTES = 0xffff;

const RECEIVE_BYTES = 256 * 1024;
/** What the kernel takes in one go without asking; bigger batches need a bigger buffer. */
const USUAL_SEND_BYTES = 128 * 1024;
/** How many answers the usual receive buffer surely holds. */
const USUAL_ANSWERS = 64;
/** What the kernel charges for a refusal is less than twice as much, and it doubles what is asked for. */
const ANSWER_BYTES = 1024;
/** A dump that is changed under way so often is given up. */
const MAX_DUMPS = 20;
const EINTR = 4;
/** ENOENT and ENODEV: the object is not there. */
const ABSENT = [2, 19];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Bytes that grow as messages are written into them. */
class Writer {
  #bytes = new Uint8Array(8192);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** May replace the bytes and their view. */
  #reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }

  #append(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  #appendNumber(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }

  #align(): void {
    this.#reserve(-this.#length & 3);
  }

  attribute([type, value]: Attribute): void {
    const start = this.#reserve(4);
    const isNested = Array.isArray(value);
    if (typeof value === "number") this.#appendNumber(value);
    else if (typeof value === "string") this.#append(encoder.encode(`${value}\0`));
    else if (value instanceof Uint8Array) this.#append(value);
    else for (const nested of value) this.attribute(nested);
    const size = this.#length - start;
    if (size > MAX_ATTRIBUTE_BYTES) {
      throw new RangeError(`Cannot send the netlink attribute ${type}: it has ${size} bytes`);
    }
    this.#view.setUint16(start, size, true);
    this.#view.setUint16(start + 2, isNested ? type | NLA_F_NESTED : type, true);
    this.#align();
  }

  message(request: NetlinkRequest, flags: number, sequence: number): void {
    const start = this.#reserve(NLMSG_HEADER_BYTES);
    this.#append(request.header);
    this.#align();
    for (const attribute of request.attributes ?? []) this.attribute(attribute);
    this.#view.setUint32(start, this.#length - start, true);
    this.#view.setUint16(start + 4, request.type, true);
    this.#view.setUint16(start + 6, flags | (request.flags ?? 0), true);
    this.#view.setUint32(start + 8, sequence, true);
  }
}

/** Encodes attributes one after the other, for where they stand in the value of another. */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  for (const attribute of attributes) writer.attribute(attribute);
  return writer.written.slice();
}

/**
 * Encodes requests as the bytes that one `sendmsg` takes.
 *
 * @param asksForAck Which requests the kernel is to acknowledge.
 */
export function encodeRequests(
  requests: readonly NetlinkRequest[],
  asksForAck: (request: NetlinkRequest) => boolean = () => true,
): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  requests.forEach((request, index) => {
    writer.message(request, NLM_F.REQUEST | (asksForAck(request) ? NLM_F.ACK : 0), index);
  });
  return writer.written;
}

/**
 * Takes attributes from a message.
 *
 * @param payload Begins with the fixed part.
 * @param offset Bytes of the fixed part. @default {0}
 * @returns Values by type; of several of one type the last. For lists see {@linkcode listAttributes}.
 */
export function parseAttributes(
  payload: Uint8Array<ArrayBuffer>,
  offset = 0,
): Map<number, Uint8Array<ArrayBuffer>> {
  return new Map(listAttributes(payload, offset));
}

/** Takes attributes from a message, in order, also several of one type. */
export function listAttributes(
  payload: Uint8Array<ArrayBuffer>,
  offset = 0,
): [type: number, value: Uint8Array<ArrayBuffer>][] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes: [number, Uint8Array<ArrayBuffer>][] = [];
  for (let at = offset; at + 4 <= payload.length;) {
    const size = view.getUint16(at, true);
    if (size < 4 || at + size > payload.length) break;
    const type = view.getUint16(at + 2, true) & NLA_TYPE_MASK;
    attributes.push([type, payload.subarray(at + 4, at + size)]);
    at += (size + 3) & ~3;
  }
  return attributes;
}

/** Text of an attribute, without its NUL. */
export function attributeText(value: Uint8Array | undefined): string {
  if (value === undefined) return "";
  const end = value.indexOf(0);
  return decoder.decode(end < 0 ? value : value.subarray(0, end));
}

/** Number of an attribute of 32 bits, in the order of the host; 0 if there is none. */
export function attributeNumber(value: Uint8Array | undefined): number {
  if (value === undefined || value.length < 4) return 0;
  return new DataView(value.buffer, value.byteOffset).getUint32(0, true);
}

/** A socket of one netlink family, in the network namespace in which it was opened, for as long as it is open. */
export class NetlinkSocket implements Disposable {
  readonly #socket: Descriptor;
  #sequence = 1;
  #receiveBuffer: Uint8Array<ArrayBuffer> | undefined;

  /**
   * Opens a socket in the calling thread's network namespace.
   *
   * @param family One of {@linkcode NETLINK}.
   * @throws {SystemError} EPROTONOSUPPORT if this kernel does not have the family.
   */
  constructor(family: number) {
    this.#socket = openSocket("NETLINK", "RAW", family);
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) {
      this.#setOption(SOL_NETLINK, option, 1);
    }
  }

  #setOption(level: number, option: number, value: number): void {
    const bytes = new Uint8Array(new Int32Array([value]).buffer);
    checked(
      core.nnnbn(SYSCALL.setsockopt, this.#socket.number, level, option, bytes, bytes.length),
      "setsockopt",
      `netlink ${option}`,
    );
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  /**
   * Has the kernel do several things, in order, in one system call.
   *
   * Each is done or refused by itself; the ones after a refused one are done all the same.
   *
   * @throws {NetlinkError} The first refusal, once all are answered.
   */
  request(...requests: readonly NetlinkRequest[]): void {
    this.#exchange(requests, requests.length - 1);
  }

  /**
   * Has the kernel do several things of nf_tables or none of them.
   *
   * @param requests Between the two messages that begin and end a batch, which are not acknowledged.
   * @throws {NetlinkError} The first refusal; nothing is done then.
   */
  batch(requests: readonly NetlinkRequest[]): void {
    this.#exchange(requests, requests.length - 2);
  }

  /**
   * Asks for one object, or for all with `NLM_F.DUMP`; begins anew when what is dumped changes under way.
   *
   * @throws {NetlinkError} For example ENODEV, ENOENT; EINTR if it changes each time.
   */
  get(request: NetlinkRequest): NetlinkMessage[] {
    for (let tries = 0; tries < MAX_DUMPS; tries++) {
      const { messages, isWhole } = this.#exchange([request], 0);
      if (isWhole) return messages;
    }
    throw new NetlinkError(request, EINTR, "it changes all the time");
  }

  /**
   * Has the kernel do something to one object, or tell of it, that may not be there.
   *
   * @returns Its answers; `undefined` if the object is not there (ENODEV, ENOENT).
   * @throws {NetlinkError} For any other refusal.
   */
  find(request: NetlinkRequest): NetlinkMessage[] | undefined {
    try {
      return this.get(request);
    } catch (error) {
      if (!(error instanceof NetlinkError) || !ABSENT.includes(error.errno)) throw error;
      return undefined;
    }
  }

  /**
   * Sends requests and collects the answers.
   *
   * @param awaited Which request is acknowledged: the kernel works in order, so the others are done by then, and
   * refusals come unasked.
   */
  #exchange(requests: readonly NetlinkRequest[], awaited: number): Answers {
    const first = this.#sequence;
    this.#sequence += requests.length;
    const writer = new Writer();
    requests.forEach((request, index) => {
      const flags = index === awaited ? NLM_F.REQUEST | NLM_F.ACK : NLM_F.REQUEST;
      writer.message(request, flags, first + index);
    });
    const answers = new Answers(requests, first, awaited);
    if (answers.isComplete) return answers;
    this.#makeRoom(writer.written.length, requests.length);
    this.#send(writer.written);
    while (!answers.isComplete) answers.take(this.#receive());
    if (answers.failure !== undefined) throw answers.failure;
    return answers;
  }

  /** Lets the socket hold big batches, and as many refusals. */
  #makeRoom(bytes: number, answers: number): void {
    if (bytes > USUAL_SEND_BYTES) this.#setOption(SOL_SOCKET, SO_SNDBUFFORCE, 2 * bytes);
    if (answers > USUAL_ANSWERS) {
      this.#setOption(SOL_SOCKET, SO_RCVBUFFORCE, answers * ANSWER_BYTES);
    }
  }

  #send(bytes: Uint8Array<ArrayBuffer>): void {
    checked(
      core.nbnn(SYSCALL.write, this.#socket.number, bytes, bytes.length, 0),
      "write",
      "netlink",
    );
  }

  /** One datagram, which the next one overwrites. */
  #receive(): Uint8Array<ArrayBuffer> {
    const buffer = this.#receiveBuffer ??= new Uint8Array(RECEIVE_BYTES);
    const size = checked(
      core.nbnn(SYSCALL.read, this.#socket.number, buffer, buffer.length, 0),
      "read",
      "netlink",
    );
    return buffer.subarray(0, size);
  }
}

/** What the kernel answers to the requests that were sent together. */
class Answers {
  readonly messages: NetlinkMessage[] = [];
  /** False if what is dumped was changed under way. */
  isWhole = true;
  /** Whether nothing more will come. */
  isComplete: boolean;
  /** The first refusal. */
  failure: NetlinkError | undefined;
  readonly #requests: readonly NetlinkRequest[];
  readonly #first: number;
  readonly #awaited: number;

  constructor(requests: readonly NetlinkRequest[], first: number, awaited: number) {
    this.#requests = requests;
    this.#first = first;
    this.#awaited = awaited;
    this.isComplete = awaited < 0;
  }

  take(datagram: Uint8Array<ArrayBuffer>): void {
    for (const { type, flags, sequence, payload } of parseMessages(datagram)) {
      const index = sequence - this.#first;
      const request = this.#requests[index];
      if (request === undefined) continue; // an answer to what was given up
      if (type === NLMSG_ERROR || type === NLMSG_DONE) {
        this.#end(index, request, parseError(type, flags, payload));
      } else this.messages.push({ type, payload });
      if (type !== NLMSG_ERROR && (flags & NLM_F_DUMP_INTR) !== 0) this.isWhole = false;
    }
  }

  #end(index: number, request: NetlinkRequest, { errno, reason }: Refusal): void {
    if (errno !== 0) this.failure ??= new NetlinkError(request, errno, reason);
    // A batch whose first message is refused is refused as a whole: the others may never be answered
    const isBatchRefused = index === 0 && errno !== 0 && this.#awaited < this.#requests.length - 1;
    if (index === this.#awaited || isBatchRefused) this.isComplete = true;
  }
}

/** A message with what its header says. */
export interface ReceivedMessage extends NetlinkMessage {
  /** `NLM_F` flags. */
  flags: number;
  /** Number of the request that it answers. */
  sequence: number;
}

/**
 * Takes a datagram apart; a message that is cut off at its end is left out.
 *
 * @param datagram What one read(2) gives; the messages are copies.
 */
export function parseMessages(datagram: Uint8Array<ArrayBuffer>): ReceivedMessage[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const messages: ReceivedMessage[] = [];
  for (let at = 0; at + NLMSG_HEADER_BYTES <= datagram.length;) {
    const length = view.getUint32(at, true);
    if (length < NLMSG_HEADER_BYTES || at + length > datagram.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: datagram.slice(at + NLMSG_HEADER_BYTES, at + length),
    });
    at += (length + 3) & ~3;
  }
  return messages;
}

/** What an answer says of a request. */
interface Refusal {
  /** 0 if it was not refused. */
  errno: number;
  /** In words; empty if there are none. */
  reason: string;
}

/** `struct nlmsgerr`, or the end of a dump, whose number is negative when it failed. */
function parseError(type: number, flags: number, payload: Uint8Array<ArrayBuffer>): Refusal {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const errno = payload.length < 4 ? 0 : -view.getInt32(0, true);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, reason: "" };
  let offset = 4;
  if (type === NLMSG_ERROR) {
    const isCapped = (flags & NLM_F_CAPPED) !== 0;
    offset += isCapped ? NLMSG_HEADER_BYTES : (view.getUint32(4, true) + 3) & ~3;
  }
  return { errno, reason: attributeText(parseAttributes(payload, offset).get(NLMSGERR_ATTR_MSG)) };
}
