/**
 * SHA-256 of streams.
 *
 * Hashing costs about as much as everything else an import does, so it is done
 * on another thread, on the second processor.
 *
 * @module
 */

import { hashing } from "../../../ffi/native.ts";
import { WherryError } from "../../errors.ts";
import { sha256Hex } from "./sha256.ts";

/** Computes the digest of one stream. */
export interface Digester {
  /**
   * Takes the next bytes, which may be overwritten as soon as the promise is fulfilled. Bytes that are given
   * before that are hashed after them.
   */
  update(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** The digest of all bytes, as 64 lower-case hexadecimal digits; call it once. */
  hex(): Promise<string>;
}

/** Makes digesters. */
export interface Hasher {
  /** Begins the digest of one more stream. */
  open(): Digester;
}

/** The hasher of this machine: as many digesters as are wanted work at a time. */
export const hasher: Hasher = {
  open: () => new NativeDigester(),
};

/** Longer than eight blocks, which is what vectors take at once, and not a multiple of them. */
const KNOWN_MESSAGE = Uint8Array.from({ length: 1_000 }, (_, index) => index);
let isChecked = false;

/**
 * Compares the native code, which chooses its instructions by the processor, with the plain one of `sha256.ts`:
 * on a processor that nobody has tried, a wrong digest must never get into the store. Call it before one is given out.
 */
function checkNative(): void {
  if (isChecked) return;
  const context = new Uint8Array(CONTEXT_SIZE);
  const digest = new Uint8Array(32);
  hashing().begin(context);
  hashing().update(context, KNOWN_MESSAGE, KNOWN_MESSAGE.length);
  hashing().end(context, digest);
  if (digest.toHex() !== sha256Hex(KNOWN_MESSAGE)) {
    throw new WherryError(
      "internal",
      "Cannot hash: SHA-256 goes wrong on this processor",
      { hint: "Please report it with the content of /proc/cpuinfo" },
    );
  }
  isChecked = true;
}

/** Bytes of `WHERRY_SHA256_CONTEXT` of `native/wherry.h`. */
const CONTEXT_SIZE = 1280;
/** From this many bytes on a thread is worth the 50 us that going there and back takes. */
const ASIDE_THRESHOLD = 64 << 10;

/** What other threads use: if nothing else refers to it any more, it must still not be collected. */
const inUse = new Set<unknown>();

class NativeDigester implements Digester {
  readonly #context = new Uint8Array(CONTEXT_SIZE);
  /** Pieces that have been left to another thread so far. */
  #given = 0;
  /** Calls on other threads that are not over yet. */
  readonly #calls = new Set<Promise<unknown>>();

  constructor() {
    hashing().begin(this.#context);
  }

  async update(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (bytes.length < ASIDE_THRESHOLD && this.#calls.size === 0) {
      hashing().update(this.#context, bytes, bytes.length);
      return;
    }
    // At once, though others may not be hashed: the thread that is at it goes on while this one is busy
    const needsThread = hashing().give(this.#context, bytes, bytes.length) === 1;
    if (needsThread) this.#await(hashing().work(this.#context), bytes);
    // Meanwhile: it takes 4 ms
    checkNative();
    await this.#await(hashing().wait(this.#context, this.#given++), bytes);
  }

  async hex(): Promise<string> {
    checkNative();
    await Promise.all(this.#calls);
    const digest = new Uint8Array(32);
    hashing().end(this.#context, digest);
    return digest.toHex();
  }

  /** Waits for a call, and keeps until then what it uses. */
  async #await(call: Promise<unknown>, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const used = { context: this.#context, bytes };
    inUse.add(used);
    this.#calls.add(call);
    await call;
    this.#calls.delete(call);
    inUse.delete(used);
  }
}
