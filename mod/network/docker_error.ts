/** Errors in docker's words. @module */

import { type ErrorKind, WherryError, type WherryErrorOptions } from "../errors.ts";

/**
 * Makes an error that is worded as docker's, because people and scripts know it.
 *
 * @param dockerWords Need not follow the grammar of other messages.
 */
export function dockerError(
  kind: ErrorKind,
  dockerWords: string,
  options: WherryErrorOptions = {},
): WherryError {
  return new WherryError(kind, dockerWords, options);
}
