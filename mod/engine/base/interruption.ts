/** Somebody who does not want to wait any longer. @module */

import { WherryError } from "../../errors.ts";
import { parseSignal } from "../../kernel/signal.ts";

const SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM", "SIGHUP"];
const SIGNAL_EXIT_CODE = 128;

/**
 * Turns signals that would end this process into an error, so that what has been done is undone.
 *
 * Signals are caught until it is disposed of.
 */
export class Interruption implements Disposable {
  readonly #stack = new DisposableStack();
  readonly #controller = new AbortController();

  /**
   * Catches signals from now on.
   *
   * @param action What is being done and to what, for the message: `pull "busybox:latest"`.
   * @param hint What becomes of what was done. @default {nothing is said}
   */
  constructor(action: string, hint?: string) {
    for (const name of SIGNALS) {
      const handler = (): void => this.#controller.abort(interrupted(name, { action, hint }));
      Deno.addSignalListener(name, handler);
      this.#stack.defer(() => Deno.removeSignalListener(name, handler));
    }
  }

  /**
   * Aborted once a signal has come. The reason is a {@linkcode WherryError} of kind `unavailable`; its exit code is 128
   * and the signal's number.
   */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Lets signals do what they did. */
  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

function interrupted(
  name: Deno.Signal,
  { action, hint }: { action: string; hint: string | undefined },
): WherryError {
  return new WherryError("unavailable", `Cannot ${action}: interrupted by ${name}`, {
    ...(hint === undefined ? {} : { hint }),
    exitCode: SIGNAL_EXIT_CODE + (parseSignal(name) ?? 0),
  });
}
