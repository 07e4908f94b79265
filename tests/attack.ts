/**
 * Attacks that are tried twice: on an engine that protects nothing, where they must succeed, and on wherry.
 *
 * An attack that fails everywhere proves nothing about who withstands it.
 *
 * @module
 */

import { strictEqual } from "node:assert/strict";
import {
  eventually,
  exists,
  killUnlessGone,
  readIfThere,
  type Result,
  type RunOptions,
  type TestEngine,
  testWhole,
} from "./harness.ts";

/** A container engine that is attacked, and what the attacker has made for it. */
export abstract class Victim {
  /** Whether it is wherry. */
  abstract readonly isProtected: boolean;

  /**
   * @param wherry The test's directories and commands.
   * @param image A root file system with busybox, for the attacker to change.
   */
  constructor(readonly wherry: TestEngine, readonly image: string) {}

  /**
   * The words that run a container.
   *
   * @param flags Of `-w`, `-u`, `-t` and `-v`, which both engines have.
   */
  abstract runCommandLine(flags: readonly string[], argv: readonly string[]): string[];

  /** The words that execute a command in the container that was started. */
  abstract execCommandLine(flags: readonly string[], argv: readonly string[]): string[];

  /** Starts a container in the background. */
  abstract start(flags: readonly string[], argv: readonly string[]): Promise<void>;

  /** What the container that was started has written. */
  abstract readOutput(): string;

  /** Ends the container that was started. */
  abstract stop(): Promise<void>;

  /** Runs a container of the attacker's image to its end. */
  run(
    flags: readonly string[],
    argv: readonly string[],
    options: RunOptions = {},
  ): Promise<Result> {
    return this.wherry.runCommand(this.runCommandLine(flags, argv), options);
  }
}

/** How an attack is told from a failed one. */
export interface Judgement<Evidence> {
  /** Fails unless the attack has succeeded. */
  unprotected: (evidence: Evidence) => void;
  /** Fails unless nothing came of it. */
  wherry: (evidence: Evidence) => void;
}

/**
 * Registers two tests: that an attack succeeds where nothing is protected, and that it fails on wherry.
 *
 * @param name What the attacker does, as a sentence.
 * @param attack Tries it, and returns what came of it.
 */
export function testAttack<Evidence>(
  name: string,
  attack: (victim: Victim) => Promise<Evidence>,
  judgement: Judgement<Evidence>,
): void {
  testWhole(`${name}: works where nothing is protected`, async (wherry) => {
    await using victim = new NaiveEngine(wherry, await wherry.copyOfImage(), await compileNaive());
    judgement.unprotected(await attack(victim));
  });
  testWhole(`${name}: fails on wherry`, async (wherry) => {
    const victim = new Wherry(wherry, await wherry.copyOfImage());
    judgement.wherry(await attack(victim));
  });
}

/** Compiles a program of `tests/attacks/`, and puts it into the attacker's image as `/NAME`. */
export async function install(victim: Victim, name: string): Promise<void> {
  Deno.copyFileSync(await compileAttack(name), `${victim.image}/${name}`);
}

/** Name of the container that is started in the background. */
const BOX = "box";

class Wherry extends Victim {
  override readonly isProtected = true;
  #id = "";

  override runCommandLine(flags: readonly string[], argv: readonly string[]): string[] {
    return this.wherry.commandLine(["run", "--rm", ...flags, "--rootfs", this.image, ...argv]);
  }

  override execCommandLine(flags: readonly string[], argv: readonly string[]): string[] {
    return this.wherry.commandLine(["exec", ...flags, BOX, ...argv]);
  }

  override async start(flags: readonly string[], argv: readonly string[]): Promise<void> {
    const { stdout, stderr } = await this.wherry.run([
      ...["run", "-d", "--name", BOX, "--stop-timeout", "0", ...flags],
      ...["--rootfs", this.image, ...argv],
    ]);
    strictEqual(stderr, "");
    this.#id = stdout.trim();
  }

  override readOutput(): string {
    return readIfThere(this.wherry.containerPath(this.#id, "log"));
  }

  override async stop(): Promise<void> {
    strictEqual((await this.wherry.run(["stop", BOX])).code, 0);
    strictEqual((await this.wherry.run(["rm", BOX])).code, 0);
  }
}

/** `tests/attacks/naive_engine.c`. */
class NaiveEngine extends Victim implements AsyncDisposable {
  override readonly isProtected = false;
  readonly #program: string;
  readonly #pidFile: string;
  readonly #output: string;
  #running: Deno.ChildProcess | undefined;

  constructor(wherry: TestEngine, image: string, program: string) {
    super(wherry, image);
    this.#program = program;
    this.#pidFile = `${wherry.scratch}/naive.pid`;
    this.#output = `${wherry.scratch}/naive.out`;
  }

  override runCommandLine(flags: readonly string[], argv: readonly string[]): string[] {
    return [this.#program, "run", ...flags, this.image, ...argv];
  }

  override execCommandLine(flags: readonly string[], argv: readonly string[]): string[] {
    return [this.#program, "exec", ...flags, this.#readPid(), ...argv];
  }

  override async start(flags: readonly string[], argv: readonly string[]): Promise<void> {
    this.#running = this.wherry.spawnHost(
      this.runCommandLine(["-p", this.#pidFile, ...flags], argv),
      { redirect: `>"${this.#output}" 2>&1` },
    );
    await eventually(() => this.#readPid() !== "");
  }

  /** Empty as long as it has not been written to its end. */
  #readPid(): string {
    return /^(\d+)\n$/.exec(readIfThere(this.#pidFile))?.[1] ?? "";
  }

  override readOutput(): string {
    return readIfThere(this.#output);
  }

  override async stop(): Promise<void> {
    if (this.#running === undefined) return;
    const pid = this.#readPid();
    if (pid !== "") killUnlessGone(Number(pid));
    await this.#running.output();
    this.#running = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

const SOURCES = new URL("attacks/", import.meta.url).pathname;

let programs: string | undefined;

/**
 * Compiles a program of `tests/attacks/` to one static file, once for all tests of a file.
 *
 * @returns Its path; nobody may change it.
 */
export async function compileAttack(name: string): Promise<string> {
  const directory = programs ??= makeProgramDirectory();
  const program = `${directory}/${name}`;
  if (exists(program)) return program;
  const { success } = await new Deno.Command(Deno.env.get("CC") || "gcc", {
    args: ["-static", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, `${SOURCES}${name}.c`],
  }).spawn().status;
  if (!success) throw new Error(`Cannot compile "${name}.c": the compiler failed`);
  return program;
}

function compileNaive(): Promise<string> {
  return compileAttack("naive_engine");
}

function makeProgramDirectory(): string {
  const directory = Deno.makeTempDirSync({ prefix: "wherry-attacks-" });
  addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  return directory;
}
