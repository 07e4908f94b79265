/** Template errors in Go's words. @module */

import type { WherryError } from "../../errors.ts";
import { argumentError } from "../base/argument_error.ts";

/**
 * Makes the error of a template that cannot be read.
 *
 * @param offset Where, in UTF-16 units from the start of `source`.
 */
export function templateSyntaxError(source: string, offset: number, problem: string): WherryError {
  return templateError(`template: :${lineAt(source, offset)}: ${problem}`);
}

/** Where an error happened while a template ran. */
export interface TemplatePlace {
  readonly source: string;
  /** Name of the template, `""` for the outermost. */
  readonly templateName: string;
  /** Offset to report, in UTF-16 units. */
  readonly at: number;
  /** Source text of the expression. */
  readonly text: string;
}

/** Makes the error of a template that cannot be carried out on the data it was given. */
export function templateExecutionError(place: TemplatePlace, problem: string): WherryError {
  const { source, templateName, at, text } = place;
  const line = source.slice(source.lastIndexOf("\n", at - 1) + 1, at);
  const column = new TextEncoder().encode(line).length;
  return templateError(
    `template: :${lineAt(source, at)}:${column}: ` +
      `executing ${JSON.stringify(templateName)} at <${text}>: ${problem}`,
  );
}

function templateError(detail: string): WherryError {
  return argumentError(`template parsing error: ${detail}`);
}

function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split("\n").length;
}
