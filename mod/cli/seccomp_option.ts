/** The value of `--security-opt seccomp=`. @module */

import type { SeccompChoice } from "../container/security.ts";
import { flagError } from "./argument_error.ts";

/**
 * Reads which system calls are let through.
 *
 * @param value `default`, `unconfined`, or the path of a profile in docker's JSON format.
 * @throws {WherryError} `invalid_argument` if the file cannot be read or is not JSON, in docker's words.
 */
export function readSeccompOption(value: string): SeccompChoice {
  if (value === "default" || value === "unconfined") return { type: value };
  const json = readProfile(value);
  try {
    return { type: "profile", json: JSON.stringify(JSON.parse(json)) };
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw flagError(
      `compacting json for seccomp profile (${value}) failed: ${cause.message}`,
      { cause },
    );
  }
}

function readProfile(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    throw flagError(`opening seccomp profile (${path}) failed: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "no such file or directory";
  return cause instanceof Error ? cause.message : String(cause);
}
