/** Prints template values as Go's encoding/json does. @module */

import {
  GoFloat,
  GoJsonNumber,
  GoList,
  GoMap,
  GoPointer,
  GoStringer,
  GoStruct,
} from "./go_value.ts";

// Go escapes these, because JavaScript once took them for ends of lines
const LINE_ENDS = /[\u2028\u2029]/g;

/**
 * Formats a value as JSON in one line, `<`, `>` and `&` as they are.
 *
 * Keys of maps are sorted; fields of structs keep their order.
 */
export function formatGoJson(value: unknown): string {
  if (value instanceof GoFloat) return JSON.stringify(value.value);
  if (value instanceof GoJsonNumber) return value.text;
  if (value instanceof GoStringer) return formatPlain(value.forms.json);
  if (value instanceof GoPointer) return formatGoJson(value.target ?? null);
  if (value instanceof GoList) {
    return value.isNil ? "null" : `[${value.items.map(formatGoJson).join(",")}]`;
  }
  if (value instanceof GoMap) {
    if (value.isNil) return "null";
    return formatMembers(value.sortedKeys().map((key) => [key, value.entries.get(key)]));
  }
  if (value instanceof GoStruct) return formatStruct(value);
  return formatScalar(value);
}

const HTML_MARKS = /[<>&]/g;

/** A struct that was not read from JSON is a row of a list, which docker sorts and makes safe inside HTML. */
function formatStruct({ fields, options: { json } }: GoStruct): string {
  if (json !== undefined) return formatPlain(json);
  const members = Array.from(fields).filter(([, field]) => typeof field !== "function")
    .toSorted(([a], [b]) => a < b ? -1 : 1);
  return formatMembers(members).replace(HTML_MARKS, escapeCharacter);
}

function escapeCharacter(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** What TypeScript does not know of JSON yet. */
const { isRawJSON: isRawJson } = JSON as typeof JSON & { isRawJSON(json: unknown): boolean };

/** Keeps the order of keys. */
function formatPlain(json: unknown): string {
  if (Array.isArray(json)) return `[${json.map(formatPlain).join(",")}]`;
  if (typeof json !== "object" || json === null || isRawJson(json)) return formatScalar(json);
  return `{${
    Object.entries(json).map(([key, value]) => `${formatScalar(key)}:${formatPlain(value)}`)
      .join(",")
  }}`;
}

function formatMembers(members: readonly (readonly [key: string, value: unknown])[]): string {
  return `{${
    members.map(([key, value]) => `${formatScalar(key)}:${formatGoJson(value)}`).join(",")
  }}`;
}

function formatScalar(value: unknown): string {
  const json = JSON.stringify(value) ?? "null";
  return json.replace(LINE_ENDS, escapeCharacter);
}
