/**
 * A real pseudo terminal for a command: what a person at a keyboard would see and type.
 *
 * @module
 */

import { deepStrictEqual } from "node:assert/strict";
import type { Descriptor } from "../ffi/descriptor.ts";
import { checked } from "../ffi/errno.ts";
import { core, files } from "../ffi/native.ts";
import { SYSCALL } from "../ffi/syscalls.ts";
import { writeAll } from "../mod/kernel/file.ts";
import { openReadWrite } from "../mod/kernel/open.ts";
import { withPatience } from "./patience.ts";

/** How a terminal is made. */
export interface TerminalOptions {
  /** Lines. @default {24} */
  rows?: number;
  /** Characters in a line. @default {80} */
  columns?: number;
  /** Working directory of the command. @default {this process's} */
  directory?: string;
}

const TCGETS = 0x5401;
const TIOCSWINSZ = 0x5414;
const FIONREAD = 0x541b;
const TIOCGPTN = 0x80045430 | 0;
const TIOCSPTLCK = 0x40045431;
const TERMIOS_BYTES = 36;
const PATIENCE_MS = withPatience(60_000);
const POLL_MS = 5;

/** A command that runs on a terminal as its session leader. */
export class Terminal implements AsyncDisposable {
  readonly #master: Descriptor;
  readonly #child: Deno.ChildProcess;
  readonly #decoder = new TextDecoder();
  /** Mode of the terminal before the command started. */
  readonly #initialMode: readonly number[];
  #shown = "";
  #seen = 0;
  #hasEnded = false;

  private constructor(master: Descriptor, child: Deno.ChildProcess, mode: readonly number[]) {
    this.#master = master;
    this.#child = child;
    this.#initialMode = mode;
    child.status.then(() => this.#hasEnded = true);
  }

  /** Makes a terminal and starts `argv` on it. */
  static open(argv: readonly string[], options: TerminalOptions): Terminal {
    const master = openReadWrite("/dev/ptmx");
    const device = unlockDevice(master);
    setSize(master, options.rows ?? 24, options.columns ?? 80);
    const mode = readMode(master);
    // A session leader without a terminal takes the first one that it opens
    const child = new Deno.Command("setsid", {
      args: ["/bin/sh", "-c", 'exec <>"$0" >&0 2>&0; exec "$@"', device, ...argv],
      stdin: "null",
      ...(options.directory === undefined ? {} : { cwd: options.directory }),
    }).spawn();
    return new Terminal(master, child, mode);
  }

  /** Process id of the command. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Everything that was shown so far. */
  get shown(): string {
    this.#readAvailable();
    return this.#shown;
  }

  #readAvailable(): void {
    for (;;) {
      const count = new Int32Array(1);
      const result = core.nnb(
        SYSCALL.ioctl,
        this.#master.number,
        FIONREAD,
        new Uint8Array(count.buffer),
      );
      if (result < 0 || (count[0] ?? 0) <= 0) return;
      const bytes = new Uint8Array(count[0] ?? 0);
      const size = files().nbn(SYSCALL.read, this.#master.number, bytes, bytes.length);
      if (size <= 0) return;
      this.#shown += this.#decoder.decode(bytes.subarray(0, size), { stream: true });
    }
  }

  /** Waits until `text` is shown after what earlier waits saw. */
  async waitFor(text: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.shown.slice(this.#seen).includes(text)) {
      if (Date.now() > deadline) {
        throw new Error(`Cannot see ${JSON.stringify(text)} in ${JSON.stringify(this.shown)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    this.#seen = this.#shown.indexOf(text, this.#seen) + text.length;
  }

  /** Types on the keyboard. */
  type(text: string): void {
    writeAll(this.#master.number, new TextEncoder().encode(text), "the terminal");
  }

  /** Changes the size of the window. */
  resize(rows: number, columns: number): void {
    setSize(this.#master, rows, columns);
  }

  /** Closes the window: the command gets SIGHUP. */
  hangUp(): void {
    this.#master[Symbol.dispose]();
  }

  /** Sends the command a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits until the command has ended, while showing what it writes. */
  async finish(): Promise<number> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.#hasEnded) {
      this.#readAvailable();
      if (Date.now() > deadline) {
        throw new Error(`Cannot see the command's end, only ${JSON.stringify(this.shown)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    this.#readAvailable();
    return (await this.#child.status).code;
  }

  /** Fails unless the terminal echoes, edits lines and makes signals as it did in the beginning. */
  assertRestored(): void {
    deepStrictEqual(readMode(this.#master), this.#initialMode);
  }

  /** Whether the terminal hands on every key as it is. */
  get isRaw(): boolean {
    const isig = 0o1;
    const icanon = 0o2;
    const echo = 0o10;
    return ((readMode(this.#master)[12] ?? 0) & (isig | icanon | echo)) === 0;
  }

  /** Closes the window, and ends the command if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#master[Symbol.dispose]();
    if (!this.#hasEnded) this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}

function unlockDevice(master: Descriptor): string {
  const { nnb } = core;
  const zero = new Uint8Array(4);
  checked(nnb(SYSCALL.ioctl, master.number, TIOCSPTLCK, zero), "ioctl", "TIOCSPTLCK");
  const number = new Uint32Array(1);
  const bytes = new Uint8Array(number.buffer);
  checked(nnb(SYSCALL.ioctl, master.number, TIOCGPTN, bytes), "ioctl", "TIOCGPTN");
  return `/dev/pts/${number[0]}`;
}

function setSize(master: Descriptor, rows: number, columns: number): void {
  const size = new Uint8Array(new Uint16Array([rows, columns, 0, 0]).buffer);
  checked(core.nnb(SYSCALL.ioctl, master.number, TIOCSWINSZ, size), "ioctl", "TIOCSWINSZ");
}

/** `struct termios` of the terminal's other side. */
function readMode(master: Descriptor): number[] {
  const mode = new Uint8Array(TERMIOS_BYTES);
  checked(core.nnb(SYSCALL.ioctl, master.number, TCGETS, mode), "ioctl", "TCGETS");
  return [...mode];
}
