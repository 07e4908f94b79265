/**
 * The program as it is before it knows its command line, in a file that the launcher makes processes of.
 *
 * @see `docs/adr/0041-processes-from-a-snapshot.md`
 * @module
 */

import { loadNativeCode } from "../../ffi/native.ts";
import { writeProcess } from "../kernel/process_snapshot.ts";
import { BUILD_CACHES } from "./base/code_caches.ts";
import { EXIT_FAILURE } from "./base/exit_code.ts";
import { Output } from "./base/output.ts";
import { BUILD } from "./base/self.ts";
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
  try {
    await loadEverything();
    if (!writeProcess(`${BUILD_CACHES}/${BUILD}`, BUILD)) return 0;
  } catch (error) {
    new Output().renderError(error, { debug: true });
    return EXIT_FAILURE;
  }
  Math.random = randomFraction;
  return Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(1, -1);
}

async function loadEverything(): Promise<void> {
  for (const { load } of COMMAND_TABLE.commands) await load();
  loadNativeCode();
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
}

/** In place of V8's own, whose state would be the same in each process. */
function randomFraction(): number {
  const [bits = 0] = crypto.getRandomValues(new Uint32Array(1));
  return bits / 2 ** 32;
}
