/** The words of `--signal`. @module */

import { WherryError } from "../../errors.ts";
import { parseSignal } from "../../kernel/signal.ts";

/**
 * Reads a signal.
 *
 * @throws {WherryError} `invalid_argument` if there is no such signal.
 */
export function parseSignalFlag(text: string): number {
  const signal = parseSignal(text);
  if (signal !== undefined) return signal;
  throw new WherryError("invalid_argument", `Cannot send the signal "${text}": no such signal`, {
    hint: "Give a name such as TERM or SIGHUP, or a number from 1 to 64",
  });
}
