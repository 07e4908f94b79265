/**
 * The program as it is before it knows its command line, in a file that the launcher starts it from. @module
 */

import { loadNativeCode } from "../../ffi/native.ts";
import { writeProcess } from "../kernel/process_snapshot.ts";
import { BUILD_CACHES } from "./base/code_caches.ts";
import { BUILD } from "./base/self.ts";
import { COMMAND_TABLE } from "./table/command_table.ts";

/** What the launcher calls for one; `native/launcher.h`. */
const SNAPSHOT_COMMAND = "__snapshot";

/**
 * The arguments after the program's name.
 *
 * A process that is to be written into a file loads everything first; it does not return. The processes that are made
 * of it go on here, each with the arguments of its own.
 */
export async function readArguments(): Promise<readonly string[]> {
  const [command, ...others] = Deno.args;
  if (command !== SNAPSHOT_COMMAND || others.length > 0 || BUILD === undefined) return Deno.args;
  await loadEverything();
  if (!writeProcess(`${BUILD_CACHES}/${BUILD}`, BUILD)) Deno.exit(0);
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
