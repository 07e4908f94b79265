/** Facts about one thing, as `version` and `info` print them. @module */

import { formatJson } from "../base/json.ts";
import { parseObjectTemplate } from "../template/template.ts";
import { displayWidth, escapeControls } from "../base/terminal_text.ts";

/** A name and what is to be said about it; a list has one line for each entry. */
export type Fact = readonly [name: string, value: string | number | readonly string[]];

const GAP = 2;
const INDENTATION = " ";

/** Formats facts as aligned lines: ` Version:  1.0`. Control characters are escaped. */
export function formatFacts(facts: readonly Fact[]): string {
  const width = Math.max(0, ...facts.map(([name]) => displayWidth(name))) + ":".length + GAP;
  return facts.flatMap(([name, value]) => {
    const [first = "", ...others] = Array.isArray(value) ? value : [String(value)];
    return [`${name}:`.padEnd(width) + first, ...others.map((other) => " ".repeat(width) + other)];
  }).map((line) => `${INDENTATION}${escapeControls(line).trimEnd()}\n`).join("");
}

/**
 * Formats one object as `--format` asks.
 *
 * @param format `json` for JSON in one line, or a Go template.
 * @returns A line, or as many as the template makes.
 * @throws {WherryError} `invalid_argument` if the template is malformed or names an unknown field.
 */
export function formatObject(object: object, format: string): string {
  if (format === "json") return `${formatJson(object, { indentation: 0 })}\n`;
  return `${parseObjectTemplate(format).execute(object, { missingKey: "error" })}\n`;
}
