/**
 * Builds `dist/wherry` for the tasks that need it.
 *
 * @module
 */

import { buildNative, type BuildNativeOptions } from "./native.ts";

/** Directory of the checkout, with a slash at its end. */
export const PROJECT_ROOT: string = new URL("../", import.meta.url).pathname;

/**
 * Compiles `native/` and makes the executable file.
 *
 * @param options What else to compile of `native/`.
 * @returns Path of the executable file.
 * @throws {Error} If a step fails; what it printed stands above.
 */
export async function buildWherry(options: BuildNativeOptions = {}): Promise<string> {
  await buildNative(options);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "scripts/compile.ts"],
    cwd: PROJECT_ROOT,
    stdin: "null",
  }).spawn().status;
  if (!success) throw new Error("Cannot build wherry: scripts/compile.ts failed");
  return `${PROJECT_ROOT}dist/wherry`;
}
