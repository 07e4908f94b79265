/**
 * Running the programs that a build needs.
 *
 * @module
 */

import { PROJECT_ROOT } from "./build.ts";

/**
 * Runs a program in the project's directory; what it prints is shown.
 *
 * @throws {Error} If it fails, with its command line.
 * @throws {Deno.errors.NotFound} If it is not installed.
 */
export async function runCommand(command: string, args: string[]): Promise<void> {
  const options = { args, cwd: PROJECT_ROOT, stdin: "null" } as const;
  const { success } = await new Deno.Command(command, options).spawn().status;
  if (!success) throw new Error(`Cannot go on: "${command} ${args.join(" ")}" failed`);
}
