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

/** What the launcher calls for one; `native/launcher.h`. */
const SNAPSHOT_COMMAND = "__snapshot";

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
    await loadEverything();
    await warmUp(`${directory}/empty`);
    collectGarbage();
    if (!writeProcess(directory, BUILD)) {
      removeCodeCache(directory);
      return 0;
    }
  } catch (error) {
    new Output().renderError(error, { debug: true });
    return EXIT_FAILURE;
  }
  Math.random = randomFraction;
  adoptTimeZone();
  return Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(1, -1);
}

async function loadEverything(): Promise<void> {
  for (const { load } of COMMAND_TABLE.commands) await load();
  loadNativeCode();
}

/** Commands that find nothing: V8 and deno prepare on the way what most commands need. */
const WARM_UPS = [
  ["ps", "--all"],
  ["images"],
  ["inspect", "nothing"],
  ["run", "--rm", "--network", "none", "--pull", "never", "nothing", "true"],
] as const;

async function warmUp(root: string): Promise<void> {
  for (const words of WARM_UPS) await main(["--root", root, "--run-root", root, ...words]);
  removeTree(root);
}

/** Whoever cannot use the snapshot gets it again. */
function removeCodeCache(directory: string): void {
  for (const name of listNames(directory)) {
    if (!name.startsWith("snapshot")) removeTree(`${directory}/${name}`);
  }
}

function collectGarbage(): void {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
}

/** In place of V8's own, whose state would be the same in each process. */
function randomFraction(): number {
  const [bits = 0] = crypto.getRandomValues(new Uint32Array(1));
  return bits / 2 ** 32;
}

/** V8 has found out already what it was when the file was written; deno tells it that the variable is another. */
function adoptTimeZone(): void {
  const zone = Deno.env.get("TZ");
  if (zone !== undefined) Deno.env.set("TZ", zone);
}
