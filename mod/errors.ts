/** The one error class that wherry's rooms throw on purpose. @module */

/**
 * What went wrong, in the terms a caller can act on.
 *
 * - `invalid_argument`: the request itself is malformed
 * - `not_found`: the named object does not exist
 * - `already_exists`: the name or id is taken
 * - `conflict`: the object is in the wrong state for the request
 * - `unsupported`: this kernel or host lacks what the request needs
 * - `unauthorized`: whoever was asked wants other credentials, or does not allow it
 * - `unavailable`: something outside failed; trying again may help
 * - `corrupt`: stored or received data is not what it claims to be
 * - `internal`: wherry broke its own rules; please report it
 */
export type ErrorKind =
  | "invalid_argument"
  | "not_found"
  | "already_exists"
  | "conflict"
  | "unsupported"
  | "unauthorized"
  | "unavailable"
  | "corrupt"
  | "internal";

/** Details that may accompany a {@linkcode WherryError}. */
export interface WherryErrorOptions {
  /** The error this one explains. */
  cause?: unknown;
  /** What the user can do about it: one line, no full stop. */
  hint?: string;
  /**
   * Exit status that a command should end with because of this error, 0 to 255.
   * @default {125 for `run`, 1 otherwise}
   */
  exitCode?: number;
}

/**
 * An error that wherry's rooms throw on purpose.
 *
 * The message follows one grammar, `Cannot <action> "<value>": <current state>`,
 * without a full stop.
 */
export class WherryError extends Error {
  /** Always the same, for `toString()`. */
  override readonly name = "WherryError";
  /** What went wrong, for programs. */
  readonly kind: ErrorKind;
  /** What the user can do about it. */
  readonly hint: string | undefined;
  /** Exit status that a command should end with, when it is a special one. */
  readonly exitCode: number | undefined;

  /**
   * An error with a kind.
   *
   * @param kind What went wrong, for programs.
   * @param message What went wrong, for people.
   */
  constructor(kind: ErrorKind, message: string, options: WherryErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.hint = options.hint;
    this.exitCode = options.exitCode;
  }

  /**
   * The same error for a command that ends with another status.
   *
   * @param exitCode 0 to 255.
   */
  withExitCode(exitCode: number): WherryError {
    return new WherryError(this.kind, this.message, {
      cause: this.cause,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      exitCode,
    });
  }
}

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

/** Whether `error` says that something stored is damaged. */
export function isCorrupt(error: unknown): error is WherryError {
  return error instanceof WherryError && error.kind === "corrupt";
}
