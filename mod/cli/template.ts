/** Go templates for `--format`. @module */

import { executeTemplate, type TemplateOptions } from "./template_executor.ts";
import { TEMPLATE_FUNCTIONS } from "./template_functions.ts";
import { parseTemplateTrees, type TemplateTrees } from "./template_parser.ts";

export type { TemplateOptions } from "./template_executor.ts";

/**
 * A Go text/template with docker's functions.
 *
 * Values are what JSON can hold, and functions, which are methods (`{{.Label "app"}}`). A number
 * without a fraction is an `int`. Depth, steps and output are bounded.
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
   * Returns what the template prints of `data`.
   *
   * @throws {WherryError} `invalid_argument`, in Go's words, if it does not suit the data.
   */
  execute(data: unknown, options: TemplateOptions = {}): string {
    return executeTemplate(this.#trees, data, { ...options, source: this.#source });
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

/** How `inspect -f` reads docker-shaped data: only in maps may a key be missing. */
export const INSPECT_OPTIONS: TemplateOptions = {
  missingField: "error",
  mapFields: new Map<string, unknown>([
    ["Annotations", ""],
    ["Containers", undefined],
    ["DriverOpts", ""],
    ["ExposedPorts", undefined],
    ["Labels", ""],
    ["Networks", undefined],
    ["Options", ""],
    ["PortBindings", undefined],
    ["Ports", undefined],
    ["Sysctls", ""],
    ["Tmpfs", ""],
    ["Volumes", undefined],
  ]),
};
