/** Somebody who does not want to wait any longer. @module */

import { WherryError } from "../errors.ts";
import { parseSignal } from "../kernel/signal.ts";

const SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM", "SIGHUP"];
const SIGNAL_EXIT_CODE = 128;

/**
 * Turns signals that would end this process into an error, so that what has been done is undone.
 *
 * Signals are caught until it is disposed of.
 */
export class Interruption implements Disposable {
  readonly #stack = new DisposableStack();
  readonly #action: string;
  #signal: Deno.Signal | undefined;

  /** @param action What is being done and to what, for the message. */
  constructor(action: string) {
    this.#action = action;
    for (const signal of SIGNALS) {
      const handler = (): void => {
        this.#signal = signal;
      };
      Deno.addSignalListener(signal, handler);
      this.#stack.defer(() => Deno.removeSignalListener(signal, handler));
    }
  }

  /** @throws {WherryError} `unavailable` once a signal has come; its exit code is 128 and the signal's number. */
  check(): void {
    if (this.#signal === undefined) return;
    throw new WherryError("unavailable", `Cannot ${this.#action}: interrupted by ${this.#signal}`, {
      exitCode: SIGNAL_EXIT_CODE + (parseSignal(this.#signal) ?? 0),
    });
  }

  /** Lets signals do what they did. */
  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}
