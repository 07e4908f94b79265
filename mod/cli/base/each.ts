/** Commands that take several objects: each error is reported, and the others go on. @module */

import type { Context } from "./context.ts";
import { EXIT_FAILURE } from "./exit_code.ts";

/** A line to print, if any. */
type Result = string | undefined;

/**
 * Does `action` for each of `names`, in order.
 *
 * @param action Its result, if any, is printed on a line of its own.
 * @returns 0, or 1 if one failed.
 */
export async function forEachName(
  { output, isDebug }: Context,
  names: readonly string[],
  action: (name: string) => Result | Promise<Result>,
): Promise<number> {
  let exitCode = 0;
  for (const name of names) {
    try {
      const result = await action(name);
      if (result !== undefined) output.writeLine(result);
    } catch (error) {
      output.renderError(error, { debug: isDebug });
      exitCode = EXIT_FAILURE;
    }
  }
  return exitCode;
}
