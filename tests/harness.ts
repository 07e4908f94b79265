/**
 * Whole-program tests: one engine with directories of its own for each test, and a look at what it left behind.
 *
 * @module
 */

import { strictEqual } from "node:assert/strict";
import { core } from "../ffi/native.ts";
import { SYSCALL } from "../ffi/syscalls.ts";
import { makeBusyboxTar } from "../scripts/busybox_image.ts";
import { withPatience } from "./patience.ts";
import { Surroundings } from "./surroundings.ts";
import { Terminal, type TerminalOptions } from "./terminal.ts";
import { TestNetwork } from "./test_network.ts";

const PROJECT_ROOT = new URL("../", import.meta.url).pathname;

/** What is tested: `dist/wherry`, or the words of `WHERRY_TEST_COMMAND`. */
const WHERRY: readonly string[] = Deno.env.get("WHERRY_TEST_COMMAND")?.split(" ") ??
  [`${PROJECT_ROOT}dist/wherry`];

/** No command of these tests takes longer, however slow the machine; one that does hangs. */
const TIMEOUT_MS = withPatience(300_000);

/** How long is waited for what comes without a command. */
const PATIENCE_MS = withPatience(60_000);

/** Of each command and each of its outputs so many characters are shown when a test fails. */
const MAX_SHOWN = 500;
/** And so many events. */
const MAX_EVENTS = 50;

/** How a command ended and what it wrote. */
export interface Result {
  /** Exit status, or 128 + signal. */
  code: number;
  /** All of its standard output. */
  stdout: string;
  /** All of its standard error. */
  stderr: string;
}

/** How a command is called. */
export interface RunOptions {
  /** What it reads. @default {nothing, "/dev/null"} */
  stdin?: string | Uint8Array<ArrayBuffer>;
  /** Added to the environment. */
  env?: Record<string, string>;
  /** Working directory. @default {the test's own} */
  cwd?: string;
  /** Redirections as the shell writes them, for example `"<in >>out 5<file"`. @default {none} */
  redirect?: string;
}

/** One engine for one test. */
export class TestEngine implements AsyncDisposable {
  /** Everything of this test lies below. */
  readonly directory: string = Deno.makeTempDirSync({ prefix: "wherry-whole-" });
  /** `--root`. */
  readonly root: string = `${this.directory}/root`;
  /** `--run-root`. */
  readonly runRoot: string = `${this.directory}/run`;
  /** Where the test keeps files of its own, and where commands are called. */
  readonly scratch: string = `${this.directory}/scratch`;
  /** The network of the host that this test's commands see. */
  readonly network: TestNetwork = new TestNetwork();
  readonly #temporary = `${this.directory}/tmp`;
  readonly #history: string[] = [];
  readonly #before: Surroundings;

  /** Looks at the host, to tell later what is new. */
  constructor() {
    Deno.chmodSync(this.directory, 0o755);
    Deno.mkdirSync(this.scratch);
    Deno.mkdirSync(this.#temporary);
    adoptOrphans();
    this.#before = new Surroundings(this.directory);
  }

  /** The arguments that call wherry with this engine's directories. */
  commandLine(args: readonly string[]): string[] {
    return [...WHERRY, "--root", this.root, "--run-root", this.runRoot, ...args];
  }

  /** Starts a command and leaves its streams to the caller. */
  spawn(args: readonly string[], options: RunOptions = {}): Deno.ChildProcess {
    return this.spawnHost(this.commandLine(args), options);
  }

  /** Starts a program of the host as {@linkcode TestEngine.spawn} does. */
  spawnHost(argv: readonly string[], options: RunOptions = {}): Deno.ChildProcess {
    const [program = "", ...rest] = options.redirect === undefined
      ? argv
      : ["/bin/sh", "-c", `exec "$@" ${options.redirect}`, "sh", ...argv];
    const command = new Deno.Command(program, {
      args: rest,
      cwd: options.cwd ?? this.scratch,
      env: { TMPDIR: this.#temporary, ...options.env },
      stdin: options.stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    });
    return this.network.within(() => command.spawn());
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return await this.runCommand(this.commandLine(args), options);
  }

  /** Runs any program to its end. */
  async runCommand(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
    return await this.#finish(this.spawnHost(argv, options), argv, options.stdin);
  }

  /** Runs a program of the host to its end; fails when it fails. */
  async runHost(...argv: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.runCommand(argv);
    strictEqual(code, 0, `${argv.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** `run --rm --rootfs` of the busybox directory. */
  async runBusybox(
    flags: readonly string[],
    argv: readonly string[],
    options: RunOptions = {},
  ): Promise<Result> {
    return await this.run(["run", "--rm", ...await this.busybox(flags), ...argv], options);
  }

  /** `flags` for `run`, and the root file system with busybox. */
  async busybox(flags: readonly string[] = []): Promise<string[]> {
    return [...flags, "--rootfs", await this.imageDirectory()];
  }

  /**
   * Runs a container in the background.
   *
   * @returns Its id.
   */
  async start(flags: readonly string[], argv: readonly string[]): Promise<string> {
    const result = await this.run(["run", "-d", ...await this.busybox(flags), ...argv]);
    strictEqual(result.stderr, "");
    strictEqual(result.code, 0);
    return result.stdout.trim();
  }

  async #finish(
    child: Deno.ChildProcess,
    args: readonly string[],
    stdin: RunOptions["stdin"],
  ): Promise<Result> {
    const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
    try {
      const [output] = await Promise.all([child.output(), feed(child, stdin)]);
      if (output.signal === "SIGKILL" && child.pid > 0) {
        throw new Error(`Cannot finish "${args.join(" ")}": killed after ${TIMEOUT_MS} ms`);
      }
      const result = {
        code: output.code,
        stdout: new TextDecoder().decode(output.stdout),
        stderr: new TextDecoder().decode(output.stderr),
      };
      this.#remember(args, result);
      return result;
    } finally {
      clearTimeout(timer);
    }
  }

  #remember(args: readonly string[], { code, stdout, stderr }: Result): void {
    const show = (text: string): string =>
      JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text);
    this.#history.push(`${show(args.join(" "))}: ${code} ${show(stdout)} ${show(stderr)}`);
  }

  /** What was done and what happened, for whoever has to understand a failure. */
  describe(): string {
    const events = this.#readEvents().trimEnd().split("\n").slice(-MAX_EVENTS);
    return ["Commands, with exit status and output:", ...this.#history, "Last events:", ...events]
      .join("\n");
  }

  /** Starts a command on a terminal of its own. */
  openTerminal(args: readonly string[], options: TerminalOptions = {}): Terminal {
    const argv = this.commandLine(args);
    return this.network.within(() => Terminal.open(argv, { directory: this.scratch, ...options }));
  }

  /** A root file system with busybox, made once for all tests of a file; nobody may change it. */
  async imageDirectory(): Promise<string> {
    return `${await busyboxDirectory()}/rootfs`;
  }

  /** The same as a tar. */
  async imageTar(): Promise<string> {
    return `${await busyboxDirectory()}/image.tar`;
  }

  /** A copy of it for this test alone. */
  async copyOfImage(name = "image"): Promise<string> {
    const copy = `${this.directory}/${name}`;
    await this.runHost("cp", "-a", await this.imageDirectory(), copy);
    return copy;
  }

  /** Path of a file of a container. */
  containerPath(id: string, name: string): string {
    return `${this.root}/containers/${id}/${name}`;
  }

  /** What the monitor recorded last. */
  readStateRecord(
    id: string,
  ): { status: string; pid: number; monitorPid: number; restartCount?: number } {
    return JSON.parse(Deno.readTextFileSync(this.containerPath(id, "state.json")));
  }

  /**
   * What a reboot does: every process is gone at once, and so is what `/run` and the kernel had.
   *
   * @param ids Of the containers that run.
   */
  async reboot(ids: readonly string[]): Promise<void> {
    const monitors = ids.map((id) => this.readStateRecord(id).monitorPid);
    for (const pid of monitors) Deno.kill(pid, "SIGKILL");
    await eventually(() => !monitors.some(isAlive));
    // Who tidies up after others would make directories while these are removed
    await this.#before.endNewProcesses();
    await this.runHost("rm", "-r", this.runRoot);
    this.network.reboot();
  }

  /**
   * Fails unless every container is gone with all that belonged to it.
   *
   * What ends by itself, such as a monitor on its last steps, is given time.
   *
   * @param patienceMs How much time.
   */
  async assertNothingLeaked(patienceMs: number = PATIENCE_MS / 2): Promise<void> {
    await this.removeUnusedNetworks();
    const deadline = performance.now() + patienceMs;
    let leaks = this.#findLeaks();
    while (leaks.length > 0 && performance.now() < deadline) {
      await pause(50);
      leaks = this.#findLeaks();
    }
    if (leaks.length > 0) throw new Error(`The engine left something behind:\n${leaks.join("\n")}`);
  }

  /** Bridges, and the lists of names, stay for the next container until somebody says that none will come. */
  async removeUnusedNetworks(): Promise<void> {
    const hasFiles = listNetworkFiles(`${this.runRoot}/network`).length > 0;
    if (!hasFiles && this.network.listLinks().length === 0) return;
    await this.runHost(...this.commandLine(["network", "prune", "-f"]));
  }

  #findLeaks(): string[] {
    const places = [
      `${this.root}/containers`,
      `${this.root}/names`,
      `${this.root}/damaged`,
      `${this.runRoot}/containers`,
      this.#temporary,
    ];
    const files = places.flatMap((place) => listNames(place).map((name) => `${place}/${name}`));
    return [
      ...files.flatMap(describeFile),
      ...listNetworkFiles(`${this.runRoot}/network`).map((path) => `file ${path}`),
      ...this.#before.findNew(this.#listCreated()),
      ...this.network.findChanges(),
    ];
  }

  /** Ids of all containers that there ever were, as the log of events has them. */
  #listCreated(): string[] {
    const log = this.#readEvents();
    return Array.from(log.matchAll(/^\{"status":"create","id":"(\w+)"/gm), ([, id = ""]) => id);
  }

  #readEvents(): string {
    const path = `${this.runRoot}/events`;
    // A test may have put something else there, even what has no end
    const files = [`${path}.1`, path].filter((one) => exists(one) && Deno.lstatSync(one).isFile);
    return files.map((one) => Deno.readTextFileSync(one)).join("");
  }

  /** Ends what a failed test left running, and removes its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#before.endNewProcesses();
    await this.#before.unmountBelow(this.directory);
    this.network[Symbol.dispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** Registries that say of nobody that anything belongs to him. */
const EMPTY_REGISTRIES = ['{"schema":1,"bridges":[],"resolvers":[]}', '{"schema":1,"owners":{}}'];

/** All that is kept of networks, but for locks and empty registries, which stay. */
function listNetworkFiles(directory: string): string[] {
  if (!exists(directory)) return [];
  return Array.from(Deno.readDirSync(directory)).flatMap(({ name, isDirectory, isFile }) => {
    const path = `${directory}/${name}`;
    if (isDirectory) return listNetworkFiles(path);
    const stays = name.endsWith("lock") ||
      isFile && EMPTY_REGISTRIES.includes(Deno.readTextFileSync(path).trim());
    return stays ? [] : [path];
  });
}

/** A file, and all that is in it if it is a directory. */
function describeFile(path: string): string[] {
  let names: string[];
  try {
    names = listNames(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotADirectory)) throw error;
    names = [];
  }
  return [`file ${path}`, ...names.flatMap((name) => describeFile(`${path}/${name}`))];
}

/**
 * Registers a test with an engine of its own, which must have left nothing behind at the end.
 *
 * @param name A sentence that a user would say.
 * @param options What it needs, from {@linkcode needs}.
 */
export function testWhole(
  name: string,
  body: (wherry: TestEngine) => Promise<void>,
  { ignore = false }: { ignore?: boolean } = {},
): void {
  Deno.test({
    name,
    ignore,
    fn: async () => {
      await using wherry = new TestEngine();
      try {
        await body(wherry);
        await wherry.assertNothingLeaked();
      } catch (cause) {
        throw new Error(wherry.describe(), { cause });
      }
    },
  });
}

let busybox: Promise<string> | undefined;

/** Has `image.tar` and `rootfs/`, made once for all tests of a file; nobody may change them. */
export function busyboxDirectory(): Promise<string> {
  return busybox ??= makeBusyboxDirectory();
}

/** @returns A directory with `image.tar` and `rootfs/`. */
async function makeBusyboxDirectory(): Promise<string> {
  const directory = Deno.makeTempDirSync({ prefix: "wherry-busybox-" });
  addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  const tar = `${directory}/image.tar`;
  await makeBusyboxTar(tar);
  const root = `${directory}/rootfs`;
  Deno.mkdirSync(root);
  const { success } = await new Deno.Command("busybox", { args: ["tar", "-xf", tar, "-C", root] })
    .spawn().status;
  if (!success) throw new Error(`Cannot unpack "${tar}": busybox tar failed`);
  return directory;
}

async function feed(child: Deno.ChildProcess, stdin: RunOptions["stdin"]): Promise<void> {
  if (stdin === undefined) return;
  const writer = child.stdin.getWriter();
  try {
    await writer.write(typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin);
    await writer.close();
  } catch (error) {
    // The command need not read all it is given
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

const PR_SET_CHILD_SUBREAPER = 36;

/**
 * Makes orphaned monitors children of this process instead of the host's init, so that what a test
 * started can be told from what anybody else runs. @see prctl(2)
 */
function adoptOrphans(): void {
  strictEqual(core.nnn(SYSCALL.prctl, PR_SET_CHILD_SUBREAPER, 1, 0), 0);
}

/** Names in a directory; none if it is missing. */
export function listNames(directory: string): string[] {
  try {
    return Array.from(Deno.readDirSync(directory), ({ name }) => name).toSorted();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Whether anything is at `path`, also a link that leads nowhere. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Resolves after `milliseconds`. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Polls until `isTrue()`, for at most a minute, or longer on a slow machine. */
export async function eventually(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!await isTrue()) {
    if (performance.now() > deadline) {
      throw new Error(`Cannot go on: ${isTrue} is still false after ${PATIENCE_MS / 1000} seconds`);
    }
    await pause(10);
  }
}

/** What is in a text file; nothing if there is no such file yet. */
export function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
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

/** Sends SIGKILL; who has ended meanwhile is fine. */
export function killUnlessGone(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Whether reading a file below `/proc/PID` failed because the process has ended. */
export function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    (error instanceof Error && error.message.includes("(os error 3)"));
}
