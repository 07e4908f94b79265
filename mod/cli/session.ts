/** A command that lives as long as something in a container: streams, terminal, signals. @module */

import type { Attachment, MonitorConnection } from "../container/monitor.ts";
import type { TerminalSize } from "../container/launch_plan.ts";
import { WherryError } from "../errors.ts";
import { parseSignal } from "../kernel/signal.ts";
import { makeTerminalRaw, terminalSize } from "../kernel/terminal.ts";

/** Which of the caller's streams are connected. */
export interface StreamOptions {
  hasStdin: boolean;
  hasTerminal: boolean;
}

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

/** Exit status when the monitor was killed, and its container with it. */
const KILLED_EXIT_CODE = 137;

/** Signals that are passed on to the container, as far as a process can catch them. */
const PROXIED: readonly Deno.Signal[] = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
];

/** `ctrl-p ctrl-q`. */
const DETACH_KEYS = [0x10, 0x11];

/** The caller's streams as the monitor wants them. */
export function attachmentOf({ hasStdin, hasTerminal }: StreamOptions): Attachment {
  return {
    stdin: hasStdin ? STDIN : undefined,
    stdout: STDOUT,
    stderr: hasTerminal ? undefined : STDERR,
    closesStdin: true,
    detachKeys: hasTerminal && hasStdin ? DETACH_KEYS : [],
  };
}

/**
 * Checks that there is a terminal where one is asked for.
 *
 * @throws {WherryError} `invalid_argument`, exit code 1 as docker's, if stdin is none.
 */
export function checkTerminal({ hasStdin, hasTerminal }: StreamOptions): void {
  if (!hasStdin || !hasTerminal || Deno.stdin.isTerminal()) return;
  throw new WherryError(
    "invalid_argument",
    "Cannot use -t with -i: the input device is not a TTY",
    {
      hint: "Leave out -t, or run it in a terminal",
      exitCode: 1,
    },
  );
}

/** Size of the caller's terminal; zeros if there is none. */
export function callerTerminalSize(): TerminalSize {
  return terminalSize(Deno.stdin.isTerminal() ? STDIN : STDOUT);
}

/** Signals of the caller on their way to a container that may not run yet. */
export class Session implements Disposable {
  readonly #stack = new DisposableStack();
  readonly #pending: number[] = [];
  readonly #hasTerminal: boolean;
  #isCatching = false;
  #monitor: MonitorConnection | undefined;

  /** Changes nothing yet. */
  constructor({ hasTerminal }: StreamOptions) {
    this.#hasTerminal = hasTerminal;
  }

  /** Catches signals from now on; they are delivered once {@linkcode Session.follow} is called. */
  catchSignals(): void {
    if (this.#isCatching) return;
    this.#isCatching = true;
    for (const signal of PROXIED) {
      this.#listen(signal, () => this.#deliver(parseSignal(signal) ?? 0));
    }
  }

  #listen(signal: Deno.Signal, handler: () => void): void {
    Deno.addSignalListener(signal, handler);
    this.#stack.defer(() => Deno.removeSignalListener(signal, handler));
  }

  #deliver(signal: number): void {
    if (this.#monitor === undefined) this.#pending.push(signal);
    else this.#monitor.signal(signal);
  }

  /** Puts the caller's terminal into raw mode until the session ends, even if a signal ends it. */
  makeRaw(): void {
    this.catchSignals();
    if (Deno.stdin.isTerminal()) this.#stack.use(makeTerminalRaw(STDIN));
  }

  /**
   * Passes signals and sizes on until the process has ended or the user detached.
   *
   * @returns Exit status; 0 after detaching.
   */
  async follow(monitor: MonitorConnection): Promise<number> {
    this.#monitor = monitor;
    for (const signal of this.#pending.splice(0)) monitor.signal(signal);
    if (this.#hasTerminal) {
      const tellSize = (): void => {
        const { rows, columns } = callerTerminalSize();
        monitor.resize(rows, columns);
      };
      this.#listen("SIGWINCH", tellSize);
      tellSize(); // It may have changed since the terminal was made
    }
    const event = await monitor.nextOf("exited", "detached");
    if (event === undefined) return KILLED_EXIT_CODE;
    return event.type === "detached" ? 0 : event.exitCode;
  }

  /** Restores the terminal and lets signals do what they did. */
  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}
