/** Commands that take several objects: each error is reported, and the others go on. @module */

import type { Context } from "./context.ts";
import { EXIT_FAILURE } from "./exit_code.ts";

/**
 * Does `action` for each of `names`, in order.
 *
 * @param action Its result, if any, is printed on a line of its own.
 * @returns 0, or 1 if one failed.
 */
export async function forEachName(
  { output, isDebug }: Context,
  names: readonly string[],
  action: (name: string) => string | Promise<string>,
): Promise<number> {
  let exitCode = 0;
  for (const name of names) {
    try {
      output.writeLine(await action(name));
    } catch (error) {
      output.renderError(error, { debug: isDebug });
      exitCode = EXIT_FAILURE;
    }
  }
  return exitCode;
}
