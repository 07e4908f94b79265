/** Errors about what the user typed. @module */

import { WherryError, type WherryErrorOptions } from "../../errors.ts";
import { EXIT_ENGINE_FAILURE } from "./exit_code.ts";

/**
 * Makes the error of an argument that cannot be used.
 *
 * @param dockerWords The message as docker words it, because people and scripts know it.
 */
export function argumentError(dockerWords: string, options: WherryErrorOptions = {}): WherryError {
  return new WherryError("invalid_argument", dockerWords, options);
}

/**
 * Makes the error of a flag that docker's client refuses: every command ends with 125 then.
 *
 * What its daemon refuses is an {@linkcode argumentError}, with which `run` alone ends so.
 *
 * @param dockerWords As {@linkcode argumentError} has it.
 */
export function flagError(dockerWords: string, options: WherryErrorOptions = {}): WherryError {
  return argumentError(dockerWords, { exitCode: EXIT_ENGINE_FAILURE, ...options });
}
