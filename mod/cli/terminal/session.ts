/** A command that lives as long as something in a container: streams, terminal, signals. @module */

import type { Attachment, MonitorConnection } from "../../container/launch/monitor.ts";
import type { TerminalSize } from "../../container/launch/launch_input.ts";
import { WherryError } from "../../errors.ts";
import { ownPid } from "../../kernel/process.ts";
import { parseSignal } from "../../kernel/signal.ts";
import { isInBackground, makeTerminalRaw, terminalSize } from "../../kernel/terminal.ts";
import type { Context } from "../base/context.ts";
import { DEFAULT_DETACH_KEYS } from "./detach_keys.ts";
import { EXIT_FAILURE, exitCodeOfSignal } from "../base/exit_code.ts";

/** Which of the caller's streams are connected, and how. */
export interface StreamOptions {
  hasStdin: boolean;
  hasTerminal: boolean;
  /** Bytes that end the attachment when typed on a terminal. @default {DEFAULT_DETACH_KEYS} */
  detachKeys?: readonly number[];
  /** Whether the container's stdin ends when the caller's does. @default {true} */
  closesStdin?: boolean;
  /** Whether signals are passed on; otherwise they end the session, and it alone. @default {true} */
  proxiesSignals?: boolean;
}

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

/** Exit status when the monitor was killed, and its container with it. */
const KILLED_EXIT_CODE = 137;

/** Signals that would end this process and leave its terminal as it is. */
const CAUGHT: readonly Deno.Signal[] = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
];

/** A signal that ended a session in place of what is in the container. */
interface SessionEnd {
  type: "signalled";
  signal: number;
}

/** The caller's streams as the monitor wants them. */
export function attachmentOf(
  { hasStdin, hasTerminal, detachKeys = DEFAULT_DETACH_KEYS, closesStdin = true }: StreamOptions,
): Attachment {
  return {
    stdin: hasStdin ? STDIN : undefined,
    stdout: STDOUT,
    stderr: hasTerminal ? undefined : STDERR,
    closesStdin,
    detachKeys: hasTerminal && hasStdin ? detachKeys : [],
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
  readonly #options: StreamOptions;
  readonly #end = Promise.withResolvers<SessionEnd>();
  #isCatching = false;
  #hasDetached = false;
  #monitor: MonitorConnection | undefined;

  /** Changes nothing yet. */
  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Whether the session has ended because its detach keys were typed. */
  get hasDetached(): boolean {
    return this.#hasDetached;
  }

  /** Catches signals from now on; they are delivered once {@linkcode Session.follow} is called. */
  catchSignals(): void {
    if (this.#isCatching) return;
    this.#isCatching = true;
    const { hasTerminal, proxiesSignals = true } = this.#options;
    for (const signal of CAUGHT) this.#listen(signal, () => this.#deliver(signal));
    // In a terminal's raw mode ^Z is a key like others
    if (proxiesSignals && !hasTerminal) this.#listen("SIGTSTP", () => this.#deliver("SIGTSTP"));
  }

  #listen(signal: Deno.Signal, handler: () => void): void {
    Deno.addSignalListener(signal, handler);
    this.#stack.defer(() => Deno.removeSignalListener(signal, handler));
  }

  #deliver(signal: Deno.Signal): void {
    const number = parseSignal(signal) ?? 0;
    const { proxiesSignals = true } = this.#options;
    if (!proxiesSignals) this.#end.resolve({ type: "signalled", signal: number });
    else if (this.#monitor === undefined) this.#pending.push(number);
    else this.#monitor.signal(number);
  }

  /**
   * Makes the caller's stdin ready for being read: a terminal goes into raw mode until the session ends, even if a
   * signal ends it, where the container has a terminal too.
   */
  prepareStdin(): void {
    const { hasStdin, hasTerminal } = this.#options;
    if (!hasStdin || !Deno.stdin.isTerminal()) return;
    // The monitor that reads it belongs to no job: it would take what is meant for the shell
    if (isInBackground(STDIN)) Deno.kill(ownPid(), "SIGTTIN");
    if (!hasTerminal) return;
    this.catchSignals();
    this.#stack.use(makeTerminalRaw(STDIN));
  }

  /**
   * Passes signals and sizes on until the process has ended, the user detached, or a signal ended the session.
   *
   * @returns Exit status; 0 after detaching, 128 + signal after a signal.
   */
  async follow(monitor: MonitorConnection): Promise<number> {
    this.#monitor = monitor;
    for (const signal of this.#pending.splice(0)) monitor.signal(signal);
    if (this.#options.hasTerminal) this.#followSize(monitor);
    const end = await Promise.race([monitor.nextOf("exited", "detached"), this.#end.promise]);
    switch (end?.type) {
      case "exited":
        return end.exitCode;
      case "signalled":
        return exitCodeOfSignal(end.signal);
      case "detached":
        this.#hasDetached = true;
        return 0;
      case undefined:
        return KILLED_EXIT_CODE;
    }
  }

  #followSize(monitor: MonitorConnection): void {
    const tellSize = (): void => {
      const { rows, columns } = callerTerminalSize();
      // Others may be at the same terminal, with a size that counts
      if (rows > 0 && columns > 0) monitor.resize(rows, columns);
    };
    this.#listen("SIGWINCH", tellSize);
    tellSize(); // It may have changed since the terminal was made
  }

  /** Restores the terminal and lets signals do what they did. */
  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/**
 * Stays in a session that docker lets fail when the user detaches: that of `attach` or `exec`.
 *
 * @returns Exit status of the process; 1 after detaching.
 */
export async function finishSession(
  { output }: Context,
  session: Session,
  monitor: MonitorConnection,
): Promise<number> {
  const exitCode = await session.follow(monitor);
  if (!session.hasDetached) return exitCode;
  // A raw terminal would not begin a new line at its left side
  session[Symbol.dispose]();
  output.note("read escape sequence");
  return EXIT_FAILURE;
}
