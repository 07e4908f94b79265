/**
 * Drives the built monitor in tests: starts it as the engine does, and speaks its protocol in plain text.
 *
 * @module
 */

import { match, strictEqual } from "node:assert/strict";
import { cStringBlock } from "../ffi/c_string.ts";
import type { Descriptor } from "../ffi/descriptor.ts";
import { createSealedMemfd } from "../mod/kernel/memfd.ts";
import { openReadWrite } from "../mod/kernel/open.ts";
import { startProgram } from "../mod/kernel/program.ts";
import { receivePacket, sendPacket, socketPair } from "../mod/kernel/socket.ts";
import { buildNative } from "../scripts/native.ts";

await buildNative({ withSanitizers: true });

const BUILD_DIRECTORY = new URL("./build/", import.meta.url).pathname;

/** The two builds of the same sources. */
export type Build = "wherry-monitor" | "wherry-monitor-asan";

/** What a monitor is given besides its plan. */
export interface StartOptions {
  /** Descriptor 5. */
  lock?: Descriptor;
  /** Descriptor 6. */
  target?: Descriptor;
  /** Descriptor 7. */
  cleanupProgram?: Descriptor;
  /** Descriptor 8. */
  networkNamespace?: Descriptor;
  /** Descriptor 9. */
  pidTarget?: Descriptor;
  /** Descriptor 10. */
  ipcTarget?: Descriptor;
  /** Descriptor 11. */
  userNamespace?: Descriptor;
  /** Whether it is called with `--view`. @default {false} */
  isView?: boolean;
  /** Sent before the monitor runs, so that no output is missed. */
  firstRequest?: { text: string; descriptors: readonly number[] };
}

/** One running monitor. */
export class Monitor implements AsyncDisposable {
  readonly #socket: Descriptor;
  readonly #pidfd: Descriptor;
  /** Its process id. */
  readonly pid: number;

  /** Takes over both descriptors. */
  constructor(socket: Descriptor, pid: number, pidfd: Descriptor) {
    this.#socket = socket;
    this.pid = pid;
    this.#pidfd = pidfd;
  }

  /** Sends one request. */
  send(text: string, descriptors: readonly number[] = []): void {
    sendPacket(this.#socket, text, descriptors);
  }

  /** The next message; "end" when the monitor has closed the connection. */
  async receive(): Promise<string> {
    return (await receivePacket(this.#socket))?.text ?? "end";
  }

  /** The next message with the descriptors that came along. */
  receiveWithDescriptors(): ReturnType<typeof receivePacket> {
    return receivePacket(this.#socket);
  }

  /** Waits for `started` and returns the pid it names. */
  async started(): Promise<number> {
    const message = await this.receive();
    match(message, /^started \d+$/);
    return Number(message.split(" ")[1]);
  }

  /** Waits for `started` and then for the next message. */
  async finished(): Promise<string> {
    await this.started();
    return await this.receive();
  }

  /** Ends the connection, as an engine that goes away does. */
  disconnect(): void {
    this.#socket[Symbol.dispose]();
  }

  /** Waits until the monitor's process has ended; a container that a failed test left behind is killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket[Symbol.dispose]();
    for (let tries = 0; tries < 1000 && isAlive(this.pid); tries++) await pause(10);
    if (isAlive(this.pid)) killFamily(this.pid);
    this.#pidfd[Symbol.dispose]();
  }
}

/** What a test gets. */
export interface TestContext {
  /** A directory of its own. */
  directory: string;
  /** Starts a monitor with the bytes of a plan, as {@linkcode plan} makes them. */
  start(plan: Uint8Array<ArrayBuffer>, options?: StartOptions): Monitor;
}

/** Registers a test that runs once with each build, and fails when a sanitizer has something to say. */
export function testBoth(name: string, body: (context: TestContext) => Promise<void>): void {
  register(name, "wherry-monitor", body);
  register(name, "wherry-monitor-asan", body);
}

/** Registers a test that makes no sense under a sanitizer. */
export function testRelease(name: string, body: (context: TestContext) => Promise<void>): void {
  register(name, "wherry-monitor", body);
}

function register(name: string, build: Build, body: (context: TestContext) => Promise<void>): void {
  Deno.test(`${name} [${build}]`, async () => {
    const parent = await Deno.makeTempDir({ prefix: "wherry-native-" });
    const directory = `${parent}/test`;
    const reports = `${parent}/stderr`;
    await Deno.mkdir(directory);
    await Deno.writeTextFile(reports, "");
    try {
      await body({
        directory,
        start: (bytes, options) => start(build, reports, bytes, options),
      });
      strictEqual(await Deno.readTextFile(reports), "");
    } catch (cause) {
      throw new Error(`What the test left:\n${describeFiles(parent)}`, { cause });
    } finally {
      await Deno.remove(parent, { recursive: true });
    }
  });
}

/** Of each file so many bytes are shown when a test fails. */
const MAX_SHOWN = 2000;

/** The names of all files below a directory, and how those that are no longer than records begin. */
function describeFiles(directory: string): string {
  return [...Deno.readDirSync(directory)].map(({ name, isDirectory, isFile }) => {
    const path = `${directory}/${name}`;
    if (isDirectory) return describeFiles(path);
    const { size } = Deno.lstatSync(path);
    const content = isFile && size > 0 && size < 1 << 20 ? readBytes(path).slice(0, MAX_SHOWN) : "";
    return `${path}, ${size} bytes: ${JSON.stringify(content)}`;
  }).join("\n");
}

function start(
  build: Build,
  reportPath: string,
  planBytes: Uint8Array<ArrayBuffer>,
  options: StartOptions = {},
): Monitor {
  const [ours, theirs] = socketPair();
  using control = theirs;
  using nothing = openReadWrite("/dev/null");
  using reports = openReadWrite(reportPath); // stderr, which nobody but a sanitizer writes to
  using planFile = createSealedMemfd("plan", planBytes);
  using program = createSealedMemfd(build, Deno.readFileSync(BUILD_DIRECTORY + build));
  if (options.firstRequest !== undefined) {
    sendPacket(ours, options.firstRequest.text, options.firstRequest.descriptors);
  }
  const { pid, pidfd } = startProgram({
    executable: program.number,
    argv: ["wherry-monitor", ...(options.isView === true ? ["--view"] : [])],
    env: [],
    descriptors: [
      nothing.number,
      nothing.number,
      reports.number,
      planFile.number,
      control.number,
      options.lock?.number ?? -1,
      options.target?.number ?? -1,
      options.cleanupProgram?.number ?? -1,
      options.networkNamespace?.number ?? -1,
      options.pidTarget?.number ?? -1,
      options.ipcTarget?.number ?? -1,
      options.userNamespace?.number ?? -1,
    ],
  });
  return new Monitor(ours, pid, pidfd);
}

/** The bytes of a plan, whatever its words: also of wrong ones. */
export function plan(...steps: (readonly string[])[]): Uint8Array<ArrayBuffer> {
  const strings = steps.flatMap(([word = "", ...args]) => [word, String(args.length), ...args]);
  return cStringBlock(["wherry-plan", "1", ...strings]);
}

/** A step that executes `argv` with a fixed PATH. */
export function execute(...argv: string[]): string[] {
  return ["exec", String(argv.length), ...argv, "PATH=/usr/bin:/bin"];
}

/** An `exec` step of a shell script, with a fixed PATH. */
export function shell(script: string): string[] {
  return execute("/bin/sh", "-c", script);
}

/** Whether the process exists and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** Whether looking at a process failed because it has ended, before its file was opened or after. */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    (error instanceof Error && error.message.includes("(os error 3)")); // ESRCH
}

/** Whether there is anything at `path`. */
export function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The parent goes first: it could have a child restarted. Any of them may end by itself meanwhile. */
function killFamily(pid: number): void {
  try {
    const children = readBytes(`/proc/${pid}/task/${pid}/children`).match(/\d+/g) ?? [];
    for (const member of [pid, ...children.map(Number)]) Deno.kill(member, "SIGKILL");
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** The state record at `path`. */
export function readState(path: string): Record<string, unknown> {
  return JSON.parse(Deno.readTextFileSync(path));
}

/** The events at `path`, oldest first; none if there is no such file. One that is just being written is left out. */
export function readEvents(path: string): ContainerEvent[] {
  try {
    return Deno.readTextFileSync(path).split("\n").slice(0, -1).map((line) => JSON.parse(line));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** One line that the monitor writes down. */
export interface ContainerEvent {
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  /** Nanoseconds since the epoch, as near as a JavaScript number comes. */
  timeNano: number;
}

/** The memory that a monitor costs, in KiB: its own pages, and its part of those that it shares. */
export function memoryOf({ pid }: Monitor): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(readBytes(`/proc/${pid}/smaps_rollup`))?.[1]);
}

/** Resolves after `milliseconds`. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** How long {@linkcode eventually} waits: no machine that runs these tests is so slow. */
const PATIENCE_MS = 60_000;

/** Polls until `isTrue()`, for at most a minute. */
export async function eventually(isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isTrue()) {
    if (performance.now() > deadline) {
      throw new Error(`Cannot go on: ${isTrue} is still false after ${PATIENCE_MS / 1000} seconds`);
    }
    await pause(10);
  }
}

/**
 * The text of one stream of a log: what the container wrote, each byte as one character. A record that is just being
 * written is left out.
 */
export function readLog(path: string, stream = "stdout"): string {
  const log = readBytes(path);
  const records = log.slice(0, log.lastIndexOf("\n") + 1).split(/(?<=\n)/);
  return records.filter((record) => record !== "").map((record) => {
    const [, name, tag, text = ""] = /^\S+ (\S+) ([FP]) ([^]*)\n$/.exec(record) ?? [];
    if (name === undefined) throw new Error(`Cannot read log record ${JSON.stringify(record)}`);
    return name === stream ? text + (tag === "F" ? "\n" : "") : "";
  }).join("");
}

/** A file's bytes as characters 0 to 255. */
export function readBytes(path: string): string {
  return new TextDecoder("latin1").decode(Deno.readFileSync(path));
}

/** Runs a program of the host to its end; fails when it fails. */
export async function run(command: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args }).spawn().status;
  if (!success) throw new Error(`Cannot run "${command} ${args.join(" ")}": it failed`);
}
