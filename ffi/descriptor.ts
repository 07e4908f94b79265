/** Owned file descriptors. @module */

import { core } from "./native.ts";
import { SYSCALL } from "./syscalls.ts";

/**
 * A file descriptor that is closed when its owner is disposed of.
 *
 * @example It closes with its block
 * ```ts
 * import { Descriptor } from "./descriptor.ts";
 *
 * function useIt(number: number): void {
 *   using descriptor = new Descriptor(number);
 *   // ... descriptor.number ...
 * }
 * ```
 */
export class Descriptor implements Disposable {
  #number: number;

  /**
   * Takes over a descriptor.
   *
   * @param number Open, and nobody else will close it.
   */
  constructor(number: number) {
    this.#number = number;
  }

  /** The descriptor's number; -1 once closed. */
  get number(): number {
    return this.#number;
  }

  /** Closes the descriptor; does nothing the second time. */
  [Symbol.dispose](): void {
    if (this.#number < 0) return;
    // close(2): the descriptor is gone whatever is answered, so there is nothing to do about an error
    core.nnn(SYSCALL.close, this.#number, 0, 0);
    this.#number = -1;
  }
}
