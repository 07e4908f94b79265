/**
 * Giving away the addresses of a network.
 *
 * Next-fit: the search begins after the address that was given away last, so that one which was released is the
 * last to be used again.
 *
 * @module
 */

import { dockerError, WherryError } from "../errors.ts";
import {
  addressToNumber,
  type Cidr,
  containsAddress,
  firstAddress,
  firstUsableAddress,
  formatAddressNumber,
  type IpFamily,
  lastAddress,
  lastUsableAddress,
  parseCidr,
  parseIpAddress,
} from "../kernel/ip.ts";
import { AddressBook } from "./address_book.ts";
import type { IpamPool } from "./network.ts";

/** Addresses that are tried one by one before the whole book is read. */
const FIRST_TRIES = 64;
/** Addresses that one object gives away before it writes down again where it is; fewer than are tried one by one. */
const CURSOR_INTERVAL = 32;

/** Where addresses are recorded, and for which network. */
export interface AddressPlace {
  /** Directory of the network's addresses, see `NetworkPaths`. */
  directory: string;
  /** For messages. */
  networkName: string;
}

/** Who wants an address. */
export interface AddressRequest {
  /** Id of the container. */
  owner: string;
  /** A certain address; any if it is empty. @default {any} */
  wanted?: string;
  /** Whether a container, by its id, does not need its addresses any more; must give none away itself. */
  isStale(owner: string): boolean;
  /** What people call a container, by its id. */
  nameOf(owner: string): string;
}

/** What a pool can give away. */
interface Candidates {
  family: IpFamily;
  subnet: Cidr;
  /** The first of the range. */
  first: bigint;
  /** The last of the range. */
  last: bigint;
  /** Those that are never given away, and why. */
  reserved: Map<bigint, string>;
}

/** An address that can be given away. */
interface Candidate {
  number: bigint;
  /** In canonical form. */
  text: string;
}

/**
 * Reads a pool that was checked when the network was made.
 *
 * @throws {WherryError} `corrupt` if it is malformed after all.
 */
function readPool({ subnet, range, gateway, auxiliaryAddresses }: IpamPool): Candidates {
  const block = requireCidr(subnet);
  const part = range === "" ? block : requireCidr(range);
  const reserved = new Map<bigint, string>();
  if (firstUsableAddress(block) !== firstAddress(block)) {
    reserved.set(firstAddress(block), "it is the network's own");
  }
  if (lastUsableAddress(block) !== lastAddress(block)) {
    reserved.set(lastAddress(block), "it is for broadcasts");
  }
  for (const [name, address] of Object.entries(auxiliaryAddresses)) {
    reserved.set(requireAddress(address), `it is reserved for "${name}"`);
  }
  if (gateway !== "") reserved.set(requireAddress(gateway), "it is the gateway's");
  return {
    family: block.family,
    subnet: block,
    first: highest(firstAddress(part), firstUsableAddress(block)),
    last: lowest(lastAddress(part), lastUsableAddress(block)),
    reserved,
  };
}

function highest(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

function lowest(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

function requireCidr(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) {
    throw new WherryError("corrupt", `Cannot use subnet "${text}": malformed`);
  }
  return cidr;
}

function requireAddress(text: string): bigint {
  const address = parseIpAddress(text);
  if (address !== undefined) return addressToNumber(address);
  throw new WherryError("corrupt", `Cannot use address "${text}": malformed`);
}

/** Gives away the addresses of one pool of one network. */
export class AddressPool {
  readonly #book: AddressBook;
  readonly #pool: IpamPool;
  readonly #networkName: string;
  readonly #candidates: Candidates;
  /** The address that was given away last, by this object or before it; `undefined` if that is not known yet. */
  #cursor: bigint | undefined;
  #givenCount = 0;

  /** Makes nothing on disk yet. */
  constructor(pool: IpamPool, { directory, networkName }: AddressPlace) {
    this.#book = new AddressBook(directory);
    this.#pool = pool;
    this.#networkName = networkName;
    this.#candidates = readPool(pool);
  }

  /**
   * Gives an address to a container.
   *
   * @returns In canonical form, without the length of the prefix.
   * @throws {WherryError} `unavailable` if all are taken; `conflict` if the wanted one is, naming its owner;
   * `invalid_argument` if that one is malformed, not in the subnet, or never given away.
   */
  allocate(request: AddressRequest): string {
    const { owner, wanted = "" } = request;
    if (wanted !== "") return this.#allocateWanted(wanted, request);
    const address = this.#claimNext(owner) ?? this.#claimAfterReading(owner) ??
      this.#takeStale(request);
    if (address === undefined) throw this.#exhausted();
    this.#advance(address);
    return address.text;
  }

  /** Who makes one object for one address, as commands do, leaves the cursor just there. */
  #advance({ number, text }: Candidate): void {
    this.#cursor = number;
    if (this.#givenCount++ % CURSOR_INTERVAL > 0) return;
    this.#book.writeCursor(this.#candidates.family, text);
  }

  #allocateWanted(wanted: string, { owner, isStale, nameOf }: AddressRequest): string {
    const address = this.#checkWanted(wanted);
    if (this.#book.claim(address, owner)) return address;
    const holder = this.#book.takeOver(address, owner, isStale);
    if (holder === undefined) return address;
    throw new WherryError(
      "conflict",
      `${this.#cannotGive(wanted)}: Address already in use by container "${nameOf(holder)}"`,
      { hint: "Choose another address, or leave the choice to wherry" },
    );
  }

  /** @returns It in canonical form. */
  #checkWanted(wanted: string): string {
    const { family, subnet, reserved } = this.#candidates;
    const address = parseIpAddress(wanted);
    if (address === undefined) {
      throw dockerError("invalid_argument", `invalid IP address: ${wanted}`);
    }
    const number = addressToNumber(address);
    if (!containsAddress(subnet, address.family, number)) {
      throw new WherryError(
        "invalid_argument",
        `${this.#cannotGive(wanted)}: it is not in the subnet ${this.#pool.subnet}`,
      );
    }
    const reason = reserved.get(number);
    if (reason === undefined) return formatAddressNumber(family, number);
    throw new WherryError("invalid_argument", `${this.#cannotGive(wanted)}: ${reason}`);
  }

  #cannotGive(address: string): string {
    return `Cannot use address "${address}" of network "${this.#networkName}"`;
  }

  /** The common case: one of the next few is free. */
  #claimNext(owner: string): Candidate | undefined {
    for (const address of this.#walk(FIRST_TRIES)) {
      if (this.#book.claim(address.text, owner)) return address;
    }
    return undefined;
  }

  /** With many taken in a row: asking for each would take longer than reading all of them. */
  #claimAfterReading(owner: string): Candidate | undefined {
    const taken = new Set(this.#book.listTaken());
    for (const address of this.#walk(Infinity)) {
      if (!taken.has(address.text) && this.#book.claim(address.text, owner)) return address;
    }
    return undefined;
  }

  #takeStale({ owner, isStale }: AddressRequest): Candidate | undefined {
    const answers = new Map<string, boolean>();
    for (const address of this.#walk(Infinity)) {
      const holder = this.#book.ownerOf(address.text);
      const isWorthTrying = holder === undefined || (answers.get(holder) ?? isStale(holder));
      if (holder !== undefined) answers.set(holder, isWorthTrying);
      if (!isWorthTrying) continue;
      // Asked again there, under the lock
      if (this.#book.takeOver(address.text, owner, isStale) === undefined) return address;
    }
    return undefined;
  }

  /** Addresses that can be given away, from the one after the cursor on, each once. */
  *#walk(limit: number): Generator<Candidate> {
    const { family, first, last, reserved } = this.#candidates;
    const after = (this.#cursor ??= this.#readCursor()) + 1n;
    const start = after < first || after > last ? first : after;
    let count = 0;
    for (const [from, to] of [[start, last], [first, start - 1n]] as const) {
      for (let number = from; number <= to; number++) {
        if (reserved.has(number)) continue;
        if (count++ >= limit) return;
        yield { number, text: formatAddressNumber(family, number) };
      }
    }
  }

  #readCursor(): bigint {
    const { family, first } = this.#candidates;
    const cursor = parseIpAddress(this.#book.readCursor(family));
    return cursor === undefined ? first - 1n : addressToNumber(cursor);
  }

  #exhausted(): WherryError {
    const { subnet, range } = this.#pool;
    return new WherryError(
      "unavailable",
      `Cannot give an address of network "${this.#networkName}": all of ${
        range || subnet
      } are taken`,
      { hint: "Stop a container on it, or make a network with a larger --subnet or --ip-range" },
    );
  }
}

/** Takes an address of a network from a container; one that it does not have stays. */
export function releaseAddress({ directory }: AddressPlace, address: string, owner: string): void {
  new AddressBook(directory).release(address, owner);
}

/** Takes all addresses of a network from a container that is not getting any; walks through all that are taken. */
export function releaseAllAddresses({ directory }: AddressPlace, owner: string): void {
  new AddressBook(directory).releaseAll(owner);
}
