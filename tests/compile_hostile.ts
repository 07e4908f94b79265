/** The program of a hostile process. @module */

import type { TestEngine } from "./harness.ts";

/** Compiles hostile.c to one static file. @returns Its path. */
export async function compileHostile(wherry: TestEngine): Promise<string> {
  const source = new URL("hostile.c", import.meta.url).pathname;
  const program = `${wherry.scratch}/hostile`;
  await wherry.runHost(Deno.env.get("CC") || "gcc", "-static", "-O1", "-o", program, source);
  return program;
}
