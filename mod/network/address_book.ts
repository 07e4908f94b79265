/**
 * Who has which address of a network: one symbolic link for each address, whose content is the owner's id, in base64url.
 *
 * Making a link is atomic, so an address is never given twice, also by processes that know nothing of each other.
 * Taking one away is two steps, look and remove, and done under a lock of the book.
 *
 * @module
 */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { SystemError } from "../../ffi/errno.ts";
import { listNames } from "../kernel/entry.ts";
import { removeTree } from "../kernel/tree.ts";
import { acquireLock } from "../store/lock.ts";
import { removeIfPresent } from "../store/record.ts";

/** Files of the book itself begin so, which no address does. */
const OWN_FILE = ".";
/** As long as the longest address, with a newline. */
const CURSOR_BYTES = 40;

/** The bytes of an id in base64url, without padding. */
const ENCODED_ID = /^[\w-]{43}$/;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Makes an empty book, with its lock: giving an address back must not need room for a new file.
 *
 * @param directory May exist.
 */
export function makeAddressBook(directory: string): void {
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  acquireLock(`${directory}/${OWN_FILE}lock`)[Symbol.dispose]();
}

/** Which addresses of one network are taken, and by whom. */
export class AddressBook {
  readonly #directory: string;
  /** What links to the last owner say: encoding takes longer than all else but the system call. */
  #encoded: { owner: string; content: string } | undefined;

  /**
   * Makes nothing on disk yet.
   *
   * @param directory Of this network's addresses; made with the first one.
   */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Gives a free address to `owner`.
   *
   * @returns False if somebody has it.
   */
  claim(address: string, owner: string): boolean {
    try {
      this.#link(address, owner);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      throw error;
    }
  }

  #link(address: string, owner: string): void {
    const path = `${this.#directory}/${address}`;
    const content = this.#contentOf(owner);
    try {
      Deno.symlinkSync(content, path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      makeAddressBook(this.#directory);
      Deno.symlinkSync(content, path);
    }
  }

  #contentOf(owner: string): string {
    if (this.#encoded?.owner !== owner) this.#encoded = { owner, content: encodeId(owner) };
    return this.#encoded.content;
  }

  /**
   * Gives an address to `owner` that is free, its own already, or somebody's who does not need it any more.
   *
   * @param isStale Whether that one does not; must not change the book.
   * @returns The id of who has it otherwise.
   */
  takeOver(
    address: string,
    owner: string,
    isStale: (owner: string) => boolean,
  ): string | undefined {
    using _lock = acquireLock(`${this.#directory}/${OWN_FILE}lock`);
    const holder = this.ownerOf(address);
    if (holder === owner) return undefined;
    if (holder !== undefined && !isStale(holder)) return holder;
    removeIfPresent(`${this.#directory}/${address}`);
    // Others claim what is free without the lock
    return this.claim(address, owner) ? undefined : this.ownerOf(address) ?? "";
  }

  /** Takes an address from `owner`; somebody else's stays. */
  release(address: string, owner: string): void {
    if (this.ownerOf(address) !== owner) return;
    using _lock = this.#lockIfPresent();
    if (this.ownerOf(address) === owner) removeIfPresent(`${this.#directory}/${address}`);
  }

  /** The network may be removed while an address is given back; then there is nothing to lock. */
  #lockIfPresent(): Descriptor | undefined {
    try {
      return acquireLock(`${this.#directory}/${OWN_FILE}lock`);
    } catch (error) {
      if (error instanceof SystemError && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Takes all addresses from `owner`, for whom nobody takes one meanwhile; walks through the whole book. */
  releaseAll(owner: string): void {
    for (const address of this.listTaken()) this.release(address, owner);
  }

  /** Removes what stands in an address's place and is no link of ours. */
  removeForeign(address: string): void {
    using _lock = acquireLock(`${this.#directory}/${OWN_FILE}lock`);
    if (this.ownerOf(address) === undefined) removeTree(`${this.#directory}/${address}`);
  }

  /** Who has an address; `undefined` if nobody does, or what stands there is no link of ours. */
  ownerOf(address: string): string | undefined {
    try {
      return decodeId(Deno.readLinkSync(`${this.#directory}/${address}`));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || isNoLink(error)) return undefined;
      throw error;
    }
  }

  /** All addresses that are taken; walks through the whole book. */
  listTaken(): string[] {
    return listNames(this.#directory).filter((name) => !name.startsWith(OWN_FILE));
  }

  /**
   * The address that was given away last, so that one which was just released is not the next.
   *
   * @param family Each has a cursor of its own.
   * @returns Empty for none. Only a hint: nothing breaks if it is lost or behind.
   */
  readCursor(family: number): string {
    try {
      using file = Deno.openSync(this.#cursorPath(family));
      const bytes = new Uint8Array(CURSOR_BYTES);
      return decoder.decode(bytes.subarray(0, file.readSync(bytes) ?? 0)).trimEnd();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  /** Remembers what {@linkcode AddressBook.readCursor} returns. */
  writeCursor(family: number, address: string): void {
    // Without truncating: on some file systems that waits for the disk
    using file = Deno.openSync(this.#cursorPath(family), {
      write: true,
      create: true,
      mode: 0o600,
    });
    file.writeSync(encoder.encode(`${address.padEnd(CURSOR_BYTES - 1)}\n`));
  }

  #cursorPath(family: number): string {
    return `${this.#directory}/${OWN_FILE}cursor${family}`;
  }
}

/** Short enough for ext4 to keep it in the inode, where 64 digits would take a block of the disk: four times as fast. */
function encodeId(id: string): string {
  return Uint8Array.fromHex(id).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** @returns `undefined` for what is no id. */
function decodeId(content: string): string | undefined {
  if (!ENCODED_ID.test(content)) return undefined;
  return Uint8Array.fromBase64(content, { alphabet: "base64url" }).toHex();
}

/** Something else has that name: EINVAL of readlink(2). */
function isNoLink(error: unknown): boolean {
  return error instanceof Error && error.message.includes("(os error 22)");
}
