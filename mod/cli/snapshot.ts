/**
 * The program as it is before it knows its command line, in a file that the launcher makes processes of.
 *
 * @see `docs/adr/0041-processes-from-a-snapshot.md`
 * @module
 */

import { loadNativeCode } from "../../ffi/native.ts";
import { listNames } from "../kernel/entry.ts";
import { writeProcess } from "../kernel/process_snapshot.ts";
import { removeTree } from "../kernel/tree.ts";
import { BUILD_CACHES } from "./base/code_caches.ts";
import { EXIT_FAILURE } from "./base/exit_code.ts";
import { Output } from "./base/output.ts";
import { BUILD } from "./base/self.ts";
import { main } from "./main.ts";
import { COMMAND_TABLE } from "./table/command_table.ts";

/** What the launcher calls for one, and for the first process that is made of it; `native/launcher.h`. */
const SNAPSHOT_COMMAND = "__snapshot";
const TRIAL_COMMAND = "__resumed";

/** `SNAPSHOT_NEW_NAME` and `SNAPSHOT_NAME` of `native/snapshot.h`. */
const NEW_NAME = "snapshot.new";
const NAME = "snapshot";

const TRIAL_TIMEOUT_MS = 20_000;

/**
 * The arguments after the program's name.
 *
 * A process that is to be written into a file loads everything first. Each one that is made of the file goes on here,
 * and then with its own arguments.
 *
 * @returns The exit status in the process that has written the file, or failed to.
 */
export async function readArguments(): Promise<readonly string[] | number> {
  const [command, ...others] = Deno.args;
  if (command !== SNAPSHOT_COMMAND || others.length > 0 || BUILD === undefined) return Deno.args;
  const directory = `${BUILD_CACHES}/${BUILD}`;
  try {
    await prepare(`${directory}/empty`);
    if (!writeProcess(directory, BUILD)) {
      await tryOut(directory);
      removeCodeCache(directory);
      return 0;
    }
  } catch (error) {
    new Output().renderError(error, { debug: true });
    return EXIT_FAILURE;
  }
  return begin();
}

/** Loads everything, and forgets what it was needed for. */
async function prepare(emptyRoot: string): Promise<void> {
  using _guard = forbidRandomness();
  for (const { load } of COMMAND_TABLE.commands) await load();
  loadNativeCode();
  await warmUp(emptyRoot);
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
}

/** Commands on a root of their own, that start nothing: V8 and deno prepare on the way what most commands need. */
function warmUps(rootfs: string): readonly string[][] {
  return [
    ["run", "--rm", "--network", "none", "--pull", "never", "nothing", "true"],
    ["create", "--name", "nobody", "--network", "none", "--rootfs", rootfs, "true"],
    ["ps", "--all"],
    ["inspect", "nobody"],
    ["rm", "nobody"],
    ["images"],
  ];
}

async function warmUp(root: string): Promise<void> {
  const rootfs = `${root}/rootfs`;
  Deno.mkdirSync(rootfs, { recursive: true });
  const globals = ["--root", `${root}/root`, "--run-root", `${root}/run`];
  for (const words of warmUps(rootfs)) await main([...globals, ...words]);
  removeTree(root);
}

/** What deno's generator of random numbers is behind; once it has begun, each process would go on with the same. */
const RANDOM_FUNCTIONS = [
  [crypto, "getRandomValues"],
  [crypto, "randomUUID"],
  [Deno, "makeTempDir"],
  [Deno, "makeTempDirSync"],
  [Deno, "makeTempFile"],
  [Deno, "makeTempFileSync"],
] as const;

/** Has everything that would begin deno's generator of random numbers throw until it is disposed of. */
function forbidRandomness(): Disposable {
  const undo = RANDOM_FUNCTIONS.map(([object, name]) => {
    const functions = object as Record<string, unknown>;
    const original = Object.getOwnPropertyDescriptor(object, name);
    Object.defineProperty(object, name, {
      configurable: true,
      value: () => {
        throw new Error(`Cannot call ${name} in a process that others are made of`);
      },
    });
    return () => {
      delete functions[name];
      if (original !== undefined) Object.defineProperty(object, name, original);
    };
  });
  return {
    [Symbol.dispose](): void {
      for (const restore of undo) restore();
    },
  };
}

/** Has a process made of the new file, and gives the file its name if that works. */
async function tryOut(directory: string): Promise<void> {
  const { success } = await new Deno.Command("/proc/self/exe", {
    args: [TRIAL_COMMAND],
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(TRIAL_TIMEOUT_MS),
  }).output();
  const path = `${directory}/${NEW_NAME}`;
  if (success) return Deno.renameSync(path, `${directory}/${NAME}`);
  Deno.removeSync(path);
  throw new Error(`Cannot use the snapshot "${path}": no process can be made of it`);
}

/** Whoever cannot use the snapshot gets it again. */
function removeCodeCache(directory: string): void {
  for (const name of listNames(directory)) {
    if (!name.startsWith(NAME)) removeTree(`${directory}/${name}`);
  }
}

/** Goes on in a process that was made of a snapshot. */
function begin(): string[] {
  Math.random = randomFraction;
  adoptTimeZone();
  const args = Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(1, -1);
  return args.length === 1 && args[0] === TRIAL_COMMAND ? ["version"] : args;
}

/** In place of V8's own, whose state would be the same in each process. */
function randomFraction(): number {
  const [bits = 0] = crypto.getRandomValues(new Uint32Array(1));
  return bits / 2 ** 32;
}

/** V8 remembers the time zone until deno says that `TZ` has changed. */
function adoptTimeZone(): void {
  const zone = Deno.env.get("TZ");
  Deno.env.set("TZ", zone ?? "");
  if (zone === undefined) Deno.env.delete("TZ");
}
