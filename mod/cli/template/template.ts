/** Go templates for `--format`. @module */

import { WherryError } from "../../errors.ts";
import { GoPointer, GoStruct, goValueOf } from "./go_value.ts";
import { executeTemplate, type TemplateOptions } from "./template_executor.ts";
import { TEMPLATE_FUNCTIONS } from "./template_functions.ts";
import { parseTemplateTrees, type TemplateTrees } from "./template_parser.ts";

export type { TemplateOptions } from "./template_executor.ts";

/**
 * A Go text/template with docker's functions.
 *
 * Functions in the data are methods (`{{.Label "app"}}`). Depth, steps and output are bounded.
 *
 * @see {@link https://pkg.go.dev/text/template}
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 *
 * const template = parseTemplate("{{range .Names}}{{upper .}};{{end}}");
 *
 * strictEqual(template.execute({ Names: ["a", "b"] }), "A;B;");
 * ```
 */
export class Template {
  readonly #source: string;
  readonly #trees: TemplateTrees;

  /** Made by {@linkcode parseTemplate}. */
  constructor(source: string, trees: TemplateTrees) {
    this.#source = source;
    this.#trees = trees;
  }

  /**
   * Returns what the template prints of `data`: values of Go's types, or JSON-like data, which is
   * given the types that suit it.
   *
   * @throws {WherryError} `invalid_argument`, in Go's words, if it does not suit the data.
   */
  execute(data: unknown, options: TemplateOptions = {}): string {
    return executeTemplate(this.#trees, goValueOf(data), { ...options, source: this.#source });
  }
}

/**
 * Parses a template.
 *
 * @throws {WherryError} `invalid_argument`, in Go's words (`template: :1: unclosed action`).
 */
export function parseTemplate(source: string): Template {
  const trees = parseTemplateTrees(source, (name) => TEMPLATE_FUNCTIONS.has(name));
  return new Template(source, trees);
}

/** What docker exits with when the template of one object, not of a list, is malformed. */
const EXIT_MALFORMED = 64;

/**
 * Parses the template of a command that shows objects, such as `inspect`.
 *
 * @throws {WherryError} As {@linkcode parseTemplate}, with docker's exit code.
 */
export function parseObjectTemplate(source: string): Template {
  try {
    return parseTemplate(source);
  } catch (cause) {
    if (!(cause instanceof WherryError)) throw cause;
    throw new WherryError(cause.kind, cause.message, { cause, exitCode: EXIT_MALFORMED });
  }
}

/** A struct with the fields and methods of `object`, for data whose fields are all known; `null` is a nil pointer. */
export function structValue(typeName: string, object: object): GoStruct {
  const fields = Object.entries(object).map(([name, field]) => {
    const value = field === null
      ? new GoPointer(`*formatter.${name}`, undefined)
      : goValueOf(field);
    return [name, value] as const;
  });
  return new GoStruct(typeName, new Map(fields));
}
