/** The value of `--security-opt seccomp=`. @module */

import type { SeccompChoice } from "../../container/security/security.ts";
import { flagError } from "../base/argument_error.ts";

/** A text of JSON, or the white space between its words. */
const TEXT_OR_SPACE = /("(?:[^"\\]|\\.)*")|\s+/g;

/**
 * Reads which system calls are let through.
 *
 * @param value `builtin`, `unconfined`, or the path of a profile in docker's JSON format.
 * @returns The profile without white space, as docker's client sends it; whether it makes sense is not looked at yet.
 * @throws {WherryError} `invalid_argument` if the file cannot be read or is not JSON, in docker's words.
 */
export function readSeccompOption(value: string): SeccompChoice {
  if (value === "builtin") return { type: "default" };
  if (value === "unconfined") return { type: "unconfined" };
  const text = readProfile(value);
  try {
    JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw flagError(
      `compacting json for seccomp profile (${value}) failed: ${cause.message}`,
      { cause },
    );
  }
  // Numbers may be too great for JSON.stringify
  return { type: "profile", file: value, json: text.replace(TEXT_OR_SPACE, "$1") };
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
  if (cause instanceof Deno.errors.IsADirectory) return "is a directory";
  return cause instanceof Error ? cause.message : String(cause);
}
