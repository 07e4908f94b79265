/** Errors to exit codes. @module */

import { WherryError } from "../../errors.ts";
import { OutputClosedError } from "./output.ts";

/** A command other than `run` failed. */
export const EXIT_FAILURE = 1;
/** wherry itself failed, not the container's command. */
export const EXIT_ENGINE_FAILURE = 125;
/** The container's command was found and cannot be invoked. */
export const EXIT_CANNOT_INVOKE = 126;
/** The container's command was not found. */
export const EXIT_NOT_FOUND = 127;

const SIGPIPE = 13;

/**
 * Exit code of a command, or of a container, that a signal ended.
 *
 * @param signal Signal number, 1 to 64.
 */
export function exitCodeOfSignal(signal: number): number {
  return 128 + signal;
}

/**
 * Exit code that a command ends with because of `error`.
 *
 * @param error Whatever was thrown.
 * @param fallback Code of an error that names none: {@linkcode EXIT_ENGINE_FAILURE} for `run`,
 * {@linkcode EXIT_FAILURE} for the others.
 */
export function exitCodeOf(error: unknown, fallback: number): number {
  if (error instanceof OutputClosedError) return exitCodeOfSignal(SIGPIPE);
  if (error instanceof SuppressedError) return exitCodeOf(error.suppressed, fallback);
  if (error instanceof WherryError) return error.exitCode ?? fallback;
  return fallback;
}
