/**
 * A DHCP client for one link: gets an address, keeps it, and says how it is given back.
 *
 * @see RFC 2131 section 4.4
 * @module
 */

import { WherryError } from "../errors.ts";
import { parseIpAddress } from "../kernel/ip.ts";
import { BROADCAST_MAC, encodeUdpFrame, parseUdpFrame, type UdpFrame } from "./dhcp_frame.ts";
import {
  DHCP_OPTION,
  type DhcpMessage,
  type DhcpOptions,
  encodeDhcpMessage,
  INFINITE_SECONDS,
  MAX_MESSAGE_BYTES,
  parseDhcpMessage,
} from "./dhcp_message.ts";
import { type DhcpLease, type EndpointAddress, NEVER } from "./sandbox.ts";

/** UDP ports of both sides. */
export const DHCP_PORT = { server: 67, client: 68 } as const;

/** Where frames go and come from. */
export interface DhcpChannel {
  /** Sends a frame. */
  send(frame: Uint8Array<ArrayBuffer>): void;
  /** Waits for a frame; `undefined` if none has come in time, in milliseconds. */
  receive(timeoutMs: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
}

/** Who asks. */
export interface DhcpIdentity {
  /** Hardware address of the link. */
  macAddress: string;
  /** Hexadecimal digits; see {@linkcode planClientId}. */
  clientId: string;
  /** The name to be known by; empty for none. */
  hostname: string;
  /** Whether the link sees nothing that is sent to an address it does not have yet, as an ipvlan. */
  wantsBroadcast: boolean;
  /** Link of the host on which all this happens. */
  parent: string;
  /** For messages. */
  networkName: string;
}

/** What a server has given. */
export interface DhcpGrant {
  /** The address and the router. */
  ipv4: EndpointAddress;
  /** Largest packet of the LAN, in bytes; 0 if the server does not say. */
  mtu: number;
  lease: DhcpLease;
}

/** An address that is held. */
export type HeldAddress = Pick<DhcpGrant, "ipv4" | "lease">;

/** How time passes and dice fall; given by tests only. */
export interface DhcpSurroundings {
  /** Milliseconds since the epoch. */
  now(): number;
  /** From 0 up to 1. */
  random(): number;
}

/** All that getting an address takes at most, in milliseconds. */
export const ACQUIRE_MS = 18_000;
/** How long an extension of the lease is waited for at most, in milliseconds. */
export const EXTEND_MS = 8_000;
/** How long the first answer is waited for, in milliseconds; then twice as long. @see RFC 2131 section 4.1 */
const FIRST_WAIT_MS = 4_000;
/** Waiting times differ by so much, in milliseconds, so that the clients of a LAN do not speak at once. */
const JITTER_MS = 1_000;
/** How often a request is sent before another offer is looked for. */
const MAX_REQUESTS = 2;
/** A server that refuses what it has offered, and does so again and again. */
const MAX_REFUSALS = 3;
/** Of T1 and T2 in the lease, where the server does not say. @see RFC 2131 section 4.4.5 */
const [RENEW_PART, REBIND_PART] = [0.5, 0.875];
const MS_PER_SECOND = 1_000;
const MAX_ELAPSED_SECONDS = 0xffff;
const NO_ADDRESS = "0.0.0.0";
const EVERYBODY = "255.255.255.255";

const PARAMETERS = [
  DHCP_OPTION.SUBNET_MASK,
  DHCP_OPTION.ROUTER,
  DHCP_OPTION.NAME_SERVER,
  DHCP_OPTION.DOMAIN_NAME,
  DHCP_OPTION.DOMAIN_SEARCH,
  DHCP_OPTION.MTU,
  DHCP_OPTION.LEASE_SECONDS,
  DHCP_OPTION.RENEWAL_SECONDS,
  DHCP_OPTION.REBINDING_SECONDS,
];

const IAID_DIGITS = 8;
const UUID_DIGITS = 32;
/** Of a client identifier: RFC 4361 section 6.1, with a DUID of a UUID, RFC 6355. */
const [NODE_SPECIFIC, DUID_UUID] = ["ff", "0004"];

/**
 * The identifier by which servers know a container's link again, after restarts and whatever its hardware address.
 *
 * @param containerId Its first half stands for the container.
 * @param linkNumber Which of its links.
 * @returns Hexadecimal digits, as RFC 4361 has them. Links of an ipvlan have one hardware address in common, so that
 * it does not do.
 */
export function planClientId(containerId: string, linkNumber: number): string {
  const number = linkNumber.toString(16).padStart(IAID_DIGITS, "0");
  return `${NODE_SPECIFIC}${number}${DUID_UUID}${containerId.slice(0, UUID_DIGITS)}`;
}

const REAL_SURROUNDINGS: DhcpSurroundings = { now: () => Date.now(), random: () => Math.random() };

/** An answer that belongs to a conversation. */
interface Answer {
  frame: UdpFrame;
  message: DhcpMessage;
}

/** What came instead of an address: the server's words, perhaps none. */
class Refusal {
  readonly server: string;
  readonly reason: string;

  constructor({ options: { serverId = "?", message = "" } }: DhcpMessage) {
    this.server = serverId;
    this.reason = message;
  }
}

/** A server's offer that can be taken. */
interface Offer {
  /** Of the conversation in which it was made, and which goes on with it. */
  transactionId: number;
  address: string;
  server: string;
}

/** Speaks with the servers of one link. */
export class DhcpClient {
  readonly #channel: DhcpChannel;
  readonly #identity: DhcpIdentity;
  readonly #surroundings: DhcpSurroundings;
  /** What was received and was of no use, and how often. */
  readonly #seen = new Map<string, number>();
  #beganAt: number;
  /** When the request was first sent that is being answered: a lease counts from then on. */
  #askedAt: number;

  /** @param channel Stays the caller's. */
  constructor(
    channel: DhcpChannel,
    identity: DhcpIdentity,
    surroundings: DhcpSurroundings = REAL_SURROUNDINGS,
  ) {
    this.#channel = channel;
    this.#identity = identity;
    this.#surroundings = surroundings;
    this.#beganAt = surroundings.now();
    this.#askedAt = this.#beganAt;
  }

  /**
   * Gets an address.
   *
   * @param wanted The one that the link had before, if any; a server may give another one.
   * @throws {WherryError} `unavailable` if no server gives one in time; it says what was received.
   */
  async acquire(wanted = ""): Promise<DhcpGrant> {
    this.#beganAt = this.#surroundings.now();
    const deadline = this.#beganAt + ACQUIRE_MS;
    let asked = wanted;
    for (let refusals = 0; refusals < MAX_REFUSALS;) {
      const offer = await this.#discover(asked, deadline);
      if (offer === undefined) throw this.#failure("no DHCP server has given one");
      const answer = await this.#request(offer, deadline);
      if (answer instanceof Refusal) {
        this.#note(describeRefusal(answer));
        asked = "";
        refusals++;
      } else if (answer !== undefined) return answer;
    }
    throw this.#failure("the DHCP server refuses what it offers");
  }

  /**
   * Extends a lease.
   *
   * @param held What is held.
   * @param whom The server that has given it, or any.
   * @param timeoutMs How long to wait for an answer.
   * @returns `"refused"` if the address is not ours any more; `undefined` if nobody answers.
   */
  async extend(
    held: HeldAddress,
    whom: "server" | "anybody",
    timeoutMs: number,
  ): Promise<DhcpGrant | "refused" | undefined> {
    this.#beganAt = this.#surroundings.now();
    const { ipv4: { address }, lease } = held;
    const transactionId = this.#newTransaction();
    const answer = await this.#converse(
      () => this.#sendRenewal(held, whom, transactionId),
      ({ frame, message }) => {
        if (whom === "server" && message.options.serverId !== lease.server) {
          this.#note(`an answer of ${message.options.serverId ?? "nobody"}`);
          return undefined;
        }
        return this.#readAck({ frame, message }, address);
      },
      { transactionId, deadline: this.#beganAt + timeoutMs, tries: Infinity },
    );
    return answer instanceof Refusal ? "refused" : answer;
  }

  /** What was received and was of no use, for messages; empty if nothing. */
  describeSeen(): string {
    return Array.from(this.#seen, ([what, count]) => count === 1 ? what : `${count} times ${what}`)
      .join(", ");
  }

  async #discover(wanted: string, deadline: number): Promise<Offer | undefined> {
    const transactionId = this.#newTransaction();
    return await this.#converse(
      () =>
        this.#broadcast(transactionId, NO_ADDRESS, {
          type: "discover",
          ...(wanted === "" ? {} : { requestedAddress: wanted }),
        }),
      (answer) => this.#readOffer(answer),
      { transactionId, deadline, tries: Infinity },
    );
  }

  async #request(offer: Offer, deadline: number): Promise<DhcpGrant | Refusal | undefined> {
    const { transactionId } = offer;
    return await this.#converse(
      () =>
        this.#broadcast(transactionId, NO_ADDRESS, {
          type: "request",
          requestedAddress: offer.address,
          serverId: offer.server,
        }),
      (answer) => {
        const { serverId } = answer.message.options;
        if (serverId === offer.server) return this.#readAck(answer, offer.address);
        this.#note(`an answer of ${serverId ?? "nobody"} to what ${offer.server} was asked`);
        return undefined;
      },
      { transactionId, deadline, tries: MAX_REQUESTS },
    );
  }

  /**
   * Sends a message again and again, at growing distances, until an answer will do.
   *
   * @param read Gives `undefined` for an answer that will not do.
   */
  async #converse<T>(
    send: () => void,
    read: (answer: Answer) => T | undefined,
    limits: { transactionId: number; deadline: number; tries: number },
  ): Promise<T | undefined> {
    const time = this.#surroundings;
    const { transactionId, deadline, tries } = limits;
    let waitMs = FIRST_WAIT_MS;
    this.#askedAt = time.now();
    for (let count = 0; count < tries && time.now() < deadline; count++) {
      send();
      const until = Math.min(deadline, time.now() + waitMs + (2 * time.random() - 1) * JITTER_MS);
      for (let left = until - time.now(); left > 0; left = until - time.now()) {
        const answer = this.#readAnswer(await this.#channel.receive(left), transactionId);
        const result = answer === undefined ? undefined : read(answer);
        if (result !== undefined) return result;
      }
      waitMs *= 2;
    }
    return undefined;
  }

  /** What belongs to others is their business; what is of no use is remembered. */
  #readAnswer(
    bytes: Uint8Array<ArrayBuffer> | undefined,
    transactionId: number,
  ): Answer | undefined {
    const frame = bytes === undefined ? undefined : parseUdpFrame(bytes);
    if (frame === undefined || frame.source.port !== DHCP_PORT.server) return undefined;
    try {
      const message = parseDhcpMessage(frame.payload);
      const isOurs = message.sender === "server" && message.transactionId === transactionId &&
        message.macAddress === this.#identity.macAddress;
      if (isOurs) return { frame, message };
      this.#note("an answer to somebody else");
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#note(`a malformed message of ${frame.source.address}`);
    }
    return undefined;
  }

  #readOffer({ message }: Answer): Offer | undefined {
    const { yourAddress, options: { type, serverId = "" } } = message;
    if (type !== "offer") return undefined;
    const fault = findFault(message);
    const { transactionId } = message;
    if (fault === undefined) return { transactionId, address: yourAddress, server: serverId };
    this.#note(`an offer of ${serverId || "nobody"} with ${fault}`);
    return undefined;
  }

  #readAck(
    { frame, message }: Answer,
    address: string,
  ): DhcpGrant | Refusal | undefined {
    const { yourAddress, options: { type, serverId = "" } } = message;
    if (type === "nak") return new Refusal(message);
    if (type !== "ack") return undefined;
    const fault = findFault(message) ??
      (yourAddress === address ? undefined : `the address ${yourAddress} for ${address}`);
    if (fault === undefined) return this.#grant(message, frame.source.macAddress);
    this.#note(`an answer of ${serverId || "nobody"} with ${fault}`);
    return undefined;
  }

  #grant({ yourAddress, options }: DhcpMessage, serverMac: string): DhcpGrant {
    const { serverId: server = "", routers = [], nameServers = [] } = options;
    const gateway = routers.find((router) => isUsable(router) && router !== yourAddress) ?? "";
    const prefixLength = options.prefixLength ?? classPrefixLength(yourAddress);
    return {
      ipv4: { address: yourAddress, prefixLength, gateway },
      mtu: options.mtu ?? 0,
      lease: {
        server,
        serverMac,
        ...planTimes(options, this.#askedAt),
        nameServers: nameServers.filter(isUsable),
        domainName: options.domainName ?? "",
        domainSearch: options.domainSearch ?? [],
        clientId: this.#identity.clientId,
        parent: this.#identity.parent,
        release: this.#encodeRelease({ address: yourAddress, server, serverMac }),
      },
    };
  }

  #newTransaction(): number {
    return Math.floor(this.#surroundings.random() * 2 ** 32);
  }

  #planMessage(transactionId: number, clientAddress: string, options: DhcpOptions): DhcpMessage {
    const { macAddress, clientId, hostname, wantsBroadcast } = this.#identity;
    const isRelease = options.type === "release";
    const elapsedMs = isRelease ? 0 : this.#surroundings.now() - this.#beganAt;
    return {
      sender: "client",
      transactionId,
      elapsedSeconds: Math.min(MAX_ELAPSED_SECONDS, Math.floor(elapsedMs / MS_PER_SECOND)),
      // Who has an address is answered there
      wantsBroadcast: wantsBroadcast && clientAddress === NO_ADDRESS,
      clientAddress,
      yourAddress: NO_ADDRESS,
      macAddress,
      options: {
        ...options,
        clientId,
        ...(isRelease ? {} : {
          ...(hostname === "" ? {} : { hostName: hostname }),
          maxMessageBytes: MAX_MESSAGE_BYTES,
          parameters: PARAMETERS,
        }),
      },
    };
  }

  #broadcast(transactionId: number, clientAddress: string, options: DhcpOptions): void {
    this.#channel.send(this.#encodeFrame(
      this.#planMessage(transactionId, clientAddress, options),
      { macAddress: BROADCAST_MAC, address: EVERYBODY },
    ));
  }

  #sendRenewal(held: HeldAddress, whom: "server" | "anybody", transactionId: number): void {
    const { ipv4: { address }, lease: { server, serverMac } } = held;
    if (whom === "anybody") return this.#broadcast(transactionId, address, { type: "request" });
    this.#channel.send(this.#encodeFrame(
      this.#planMessage(transactionId, address, { type: "request" }),
      { macAddress: serverMac, address: server },
    ));
  }

  #encodeRelease(
    { address, server, serverMac }: { address: string; server: string; serverMac: string },
  ): string {
    const message = this.#planMessage(this.#newTransaction(), address, {
      type: "release",
      serverId: server,
    });
    return this.#encodeFrame(message, { macAddress: serverMac, address: server }).toHex();
  }

  #encodeFrame(
    message: DhcpMessage,
    destination: { macAddress: string; address: string },
  ): Uint8Array<ArrayBuffer> {
    return encodeUdpFrame({
      source: {
        macAddress: this.#identity.macAddress,
        address: message.clientAddress,
        port: DHCP_PORT.client,
      },
      destination: { ...destination, port: DHCP_PORT.server },
      payload: encodeDhcpMessage(message),
    });
  }

  #note(what: string): void {
    this.#seen.set(what, (this.#seen.get(what) ?? 0) + 1);
  }

  #failure(reason: string): WherryError {
    const { networkName, parent } = this.#identity;
    const seconds = Math.round((this.#surroundings.now() - this.#beganAt) / MS_PER_SECOND);
    const seen = this.describeSeen();
    return new WherryError(
      "unavailable",
      `Cannot get an address of network "${networkName}" on "${parent}": ` +
        `${reason} in ${seconds} seconds` + (seen === "" ? "" : `; received: ${seen}`),
      { hint: `Is there a DHCP server on the LAN of "${parent}", and is its cable plugged in?` },
    );
  }
}

function describeRefusal({ server, reason }: Refusal): string {
  return `a refusal of ${server}${reason === "" ? "" : ` ("${reason}")`}`;
}

/** Why an offer or an acknowledgement cannot be used, if so. */
function findFault({ yourAddress, options }: DhcpMessage): string | undefined {
  const { serverId, leaseSeconds } = options;
  if (!isUsable(yourAddress)) return `the address ${yourAddress}`;
  if (serverId === undefined || !isUsable(serverId)) return "no identifier of the server";
  if (leaseSeconds === undefined || leaseSeconds === 0) return "no time for which it is given";
  return undefined;
}

/** Whether an IPv4 address can be one machine's on a LAN. */
function isUsable(text: string): boolean {
  const [first = 0] = parseIpAddress(text)?.bytes ?? [];
  return first > 0 && first < 224 && first !== 127;
}

/** Of the class of an address, for servers that say nothing. @see RFC 791 section 3.2 */
function classPrefixLength(address: string): number {
  const [first = 0] = parseIpAddress(address)?.bytes ?? [];
  if (first < 128) return 8;
  return first < 192 ? 16 : 24;
}

/** Times that make no sense are replaced by the usual parts of the lease. */
function planTimes(
  { leaseSeconds = INFINITE_SECONDS, renewalSeconds = 0, rebindingSeconds = 0 }: DhcpOptions,
  askedAt: number,
): Pick<DhcpLease, "renewAt" | "rebindAt" | "expiresAt"> {
  if (leaseSeconds === INFINITE_SECONDS) {
    return { renewAt: NEVER, rebindAt: NEVER, expiresAt: NEVER };
  }
  const rebind = rebindingSeconds > 0 && rebindingSeconds < leaseSeconds
    ? rebindingSeconds
    : leaseSeconds * REBIND_PART;
  const renew = renewalSeconds > 0 && renewalSeconds < rebind
    ? renewalSeconds
    : Math.min(leaseSeconds * RENEW_PART, rebind * RENEW_PART / REBIND_PART);
  const at = (seconds: number): number => askedAt + Math.floor(seconds * MS_PER_SECOND);
  return { renewAt: at(renew), rebindAt: at(rebind), expiresAt: at(leaseSeconds) };
}
