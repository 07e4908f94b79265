/** Comma-separated values with quotes, as Go reads them. @module */

import type { WherryError } from "../../errors.ts";
import { argumentError } from "./argument_error.ts";

/**
 * Reads one line of comma-separated values. A value may be in double quotes, in which two stand for one, and in which
 * commas and line breaks mean nothing.
 *
 * @throws {WherryError} `invalid_argument` with the words of Go's `encoding/csv`, if quotes are wrong or there is more than one line.
 * @see {@link https://pkg.go.dev/encoding/csv}
 */
export function parseCsvLine(text: string): string[] {
  const fields: string[] = [];
  let at = 0;
  do {
    const { field, end } = text[at] === '"' ? readQuoted(text, at) : readPlain(text, at);
    fields.push(field);
    at = end + 1;
  } while (text[at - 1] === ",");
  if (at <= text.length) throw argumentError("there is more than one line");
  return fields;
}

/** A value, and the place of what ends it: a comma, a line break or the end of the text. */
interface Field {
  field: string;
  end: number;
}

function readPlain(text: string, start: number): Field {
  const length = text.slice(start).search(/[,\n]/);
  const end = length < 0 ? text.length : start + length;
  const field = text.slice(start, end);
  const quote = field.indexOf('"');
  if (quote >= 0) throw parseError(text, start + quote, 'bare " in non-quoted-field');
  return { field, end };
}

function readQuoted(text: string, start: number): Field {
  let field = "";
  let from = start + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) throw parseError(text, text.length, WRONG_QUOTE);
    field += text.slice(from, quote);
    const next = text[quote + 1];
    if (next === undefined || next === "," || next === "\n") return { field, end: quote + 1 };
    if (next !== '"') throw parseError(text, quote, WRONG_QUOTE);
    field += '"';
    from = quote + 2;
  }
}

const WRONG_QUOTE = 'extraneous or missing " in quoted-field';

/** Go counts lines and the bytes of a line, both from one. */
function parseError(text: string, at: number, why: string): WherryError {
  const lines = text.slice(0, at).split("\n");
  const column = new TextEncoder().encode(lines.at(-1)).length + 1;
  const start = lines.length === 1 ? "" : "record on line 1; ";
  return argumentError(`${start}parse error on line ${lines.length}, column ${column}: ${why}`);
}
