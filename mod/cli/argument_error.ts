/** Errors about what the user typed. @module */

import { WherryError, type WherryErrorOptions } from "../errors.ts";

/**
 * Makes the error of an argument that cannot be used.
 *
 * @param dockerWords The message as docker words it, because people and scripts know it.
 */
export function argumentError(dockerWords: string, options: WherryErrorOptions = {}): WherryError {
  return new WherryError("invalid_argument", dockerWords, options);
}
