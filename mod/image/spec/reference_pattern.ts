/** Patterns of references, as `images` takes them. @module */

import { WherryError } from "../../errors.ts";
import { formatFamiliar, formatFamiliarRepository, type Reference } from "./reference.ts";

/**
 * Reads a pattern: `*` and `?` stand for anything but a slash, `[a-z]` for one of several.
 *
 * @returns Whether the familiar form of a reference, with or without its tag or digest, is of that form.
 * @throws {WherryError} `invalid_argument` for a bracket that is never closed, or nothing behind a backslash.
 * @see {@link https://pkg.go.dev/path#Match}
 * @see {@link https://pkg.go.dev/github.com/distribution/reference#FamiliarMatch}
 */
export function parseReferencePattern(pattern: string): (reference: Reference) => boolean {
  const expression = compile(pattern);
  return (reference) =>
    expression.test(formatFamiliar(reference)) ||
    expression.test(formatFamiliarRepository(reference));
}

function compile(pattern: string): RegExp {
  try {
    return new RegExp(`^${translate(pattern)}$`, "su");
  } catch (error) {
    // A range whose end comes before its start
    if (error instanceof SyntaxError) throw malformed(pattern);
    throw error;
  }
}

const PART = /\[(\^?)((?:\\.|[^\]\\])+)\]|\\(.)|([*?])|([^[\\])/gsuy;

function translate(pattern: string): string {
  let at = 0;
  let expression = "";
  for (const [part, not = "", choices, escaped, wildcard, plain] of pattern.matchAll(PART)) {
    at += part.length;
    if (choices !== undefined) expression += `[${not}${translateChoices(choices)}]`;
    else if (wildcard !== undefined) expression += wildcard === "*" ? "[^/]*" : "[^/]";
    else expression += RegExp.escape(escaped ?? plain ?? "");
  }
  if (at === pattern.length) return expression;
  throw malformed(pattern);
}

function malformed(pattern: string): WherryError {
  return new WherryError(
    "invalid_argument",
    `Cannot use the pattern "${pattern}": syntax error in pattern`,
  );
}

/** Single characters and ranges; what a class of regular expressions would take for more is escaped. */
function translateChoices(choices: string): string {
  return choices.replaceAll(
    /\\(.)|\^/gsu,
    (_, escaped = "^") => /[\\\]^-]/u.test(escaped) ? `\\${escaped}` : escaped,
  );
}
