/** Signals that end what a command waits for, so that it can clean up. @module */

import { WherryError } from "../errors.ts";
import { parseSignal } from "../kernel/signal.ts";
import { exitCodeOfSignal } from "./exit_code.ts";

const CAUGHT = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Catches signals until it is disposed of. */
export class Interruption implements Disposable {
  readonly #stack = new DisposableStack();
  readonly #controller = new AbortController();

  /**
   * Catches signals from now on.
   *
   * @param action What is interrupted and with what, for the message: `pull "busybox:latest"`.
   * @param hint What becomes of what was done.
   */
  constructor(action: string, hint: string) {
    for (const name of CAUGHT) {
      const interrupt = (): void => this.#controller.abort(interrupted({ action, hint, name }));
      Deno.addSignalListener(name, interrupt);
      this.#stack.defer(() => Deno.removeSignalListener(name, interrupt));
    }
  }

  /** Aborted by a signal; the reason is a {@linkcode WherryError} with the signal's exit code. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

function interrupted(
  { action, hint, name }: { action: string; hint: string; name: string },
): WherryError {
  return new WherryError("unavailable", `Cannot ${action}: interrupted by ${name}`, {
    hint,
    exitCode: exitCodeOfSignal(parseSignal(name) ?? 0),
  });
}
