/** Programs and lines of shell that are run to their end, with an environment of their own. @module */

import type { Result } from "./harness.ts";

/** Runs a program with this environment and nothing else. */
export async function run(
  command: string,
  args: string[] = [],
  options: Deno.CommandOptions = {},
): Promise<Result> {
  const output = await new Deno.Command(command, { args, clearEnv: true, ...options }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/** Runs a line of bash. */
export async function shell(line: string, env: Record<string, string> = {}): Promise<Result> {
  return await run("/bin/bash", ["-c", line], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
  });
}

/**
 * Runs a line of bash in a mount namespace of its own.
 *
 * @param flags More namespaces, for unshare(1).
 */
export async function shellWithMounts(
  line: string,
  env: Record<string, string> = {},
  flags = "",
): Promise<Result> {
  const unshare = `exec unshare --mount --propagation private ${flags}`;
  return await shell(`${unshare} bash -c "$LINE"`, { LINE: line, ...env });
}
