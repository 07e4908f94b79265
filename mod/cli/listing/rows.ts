/** Lists of objects as `--format` asks for them. @module */

import { formatTable } from "./table.ts";
import type { structValue, Template } from "../template/template.ts";
import { escapeControls } from "../base/terminal_text.ts";

/** One object of a list: texts and numbers by field, and methods for templates. */
export type Row = Readonly<Record<string, unknown>>;

/** A field that templates may name. */
export interface RowColumn {
  /** Name in templates, such as `RunningFor`. */
  readonly field: string;
  /** Title in tables, such as `CREATED`. */
  readonly header: string;
  /** Whether only a template shows it. @default {false} */
  readonly isExtra?: boolean;
}

/** What {@linkcode formatRows} knows of the rows. */
export interface RowLayout {
  /** All fields that templates may name; those that are not extra make the plain table. */
  readonly columns: readonly RowColumn[];
  /** Go's name for the row's type, for errors. @default {"*formatter.Context"} */
  readonly typeName?: string;
  /** Lines of the format `raw`, each with a title and a field. @default {there is no such format} */
  readonly raw?: readonly (readonly [title: string, field: string])[];
}

/**
 * Formats rows as docker's lists do.
 *
 * @param format `table` or undefined for a table of the columns, `table TEMPLATE` for one of the
 * template's columns, `json` for one JSON object a line, `raw` for lines of one field each, or a template for each row.
 * @returns Whole lines. In tables control characters of values are escaped; other formats give
 * values as they are.
 * @throws {WherryError} `invalid_argument` if the template is malformed or names an unknown field.
 */
export async function formatRows(
  rows: readonly Row[],
  format: string | undefined,
  { columns, typeName = "*formatter.Context", raw }: RowLayout,
): Promise<string> {
  const wanted = (format ?? "").trim() || "table";
  if (wanted === "raw" && raw !== undefined) return formatRawRows(rows, raw);
  if (wanted === "json") return rows.map((row) => `${formatJsonRow(row)}\n`).join("");
  const [, tableTemplate] = /^table(?:\s+(.*))?$/s.exec(wanted) ?? [];
  if (tableTemplate !== undefined) {
    const template = await loadTemplate(tableTemplate);
    return formatTemplateTable(rows, template, { columns, typeName });
  }
  if (wanted === "table") return formatColumnTable(rows, columns);
  const { template, structValue } = await loadTemplate(wanted);
  return rows.map((row) => `${template.execute(structValue(typeName, row))}\n`).join("");
}

/**
 * Loads what {@linkcode formatRows} needs for `format`. The cold import starts the command over (scripts/compile.ts), so
 * one that does or says something before it formats comes here first.
 */
export async function loadFormat(format: string | undefined): Promise<void> {
  if (!["", "table", "json"].includes((format ?? "").trim())) {
    await import("../template/template.ts");
  }
}

/** Plain tables do without the template engine, so it is loaded only here. */
async function loadTemplate(source: string): Promise<LoadedTemplate> {
  const { parseTemplate, structValue } = await import("../template/template.ts");
  return { template: parseTemplate(unescapeBlanks(source)), structValue };
}

interface LoadedTemplate {
  readonly template: Template;
  readonly structValue: typeof structValue;
}

/** Titles stay as they are under functions that change the look of values, as docker keeps them. */
const HEADER_FUNCTIONS: ReadonlySet<string> = new Set([
  "join",
  "json",
  "lower",
  "split",
  "title",
  "truncate",
  "upper",
]);

/** Docker's title for a label: the last part of its name, `com.example.app_name` as `app name`. */
function labelHeader(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1).replace(/[-_]/g, " ");
}

/** Shells pass `\t` and `\n` as two characters, and docker takes them so. */
function unescapeBlanks(format: string): string {
  return format.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
}

/** As docker does, the template function `json` included: sorted, and safe inside HTML. */
function formatJsonRow(row: Row): string {
  const sorted = Object.entries(row).toSorted(([a], [b]) => a < b ? -1 : 1);
  return JSON.stringify(Object.fromEntries(sorted)).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** An empty line behind each row; no blank behind the colon of what is empty. */
function formatRawRows(
  rows: readonly Row[],
  raw: readonly (readonly [title: string, field: string])[],
): string {
  return rows.map((row) => {
    const lines = raw.map(([title, field]) => `${title}: ${row[field] ?? ""}`.trimEnd());
    return `${lines.join("\n")}\n\n`;
  }).join("");
}

function formatColumnTable(rows: readonly Row[], columns: readonly RowColumn[]): string {
  const shown = columns.filter((column) => !column.isExtra);
  return formatTable([
    shown.map(({ header }) => header),
    ...rows.map((row) => shown.map(({ field }) => String(row[field] ?? ""))),
  ]);
}

function formatTemplateTable(
  rows: readonly Row[],
  { template, structValue }: LoadedTemplate,
  { columns, typeName }: { columns: readonly RowColumn[]; typeName: string },
): string {
  // A tab in a value would only start a column; `printf "\t"` relies on it.
  const filter = (text: string): string => escapeControls(text, "\t");
  const bodies = rows.map((row) => template.execute(structValue(typeName, row), { filter }));
  const headers = Object.fromEntries(columns.map(({ field, header }) => [field, header]));
  const header = template.execute(
    { ...headers, Label: labelHeader },
    { identityFunctions: HEADER_FUNCTIONS, isCutByErrors: true },
  );
  const lines = [header, ...bodies].flatMap((text) => text.split("\n"));
  return formatTable(lines.map((line) => line.split("\t")));
}
