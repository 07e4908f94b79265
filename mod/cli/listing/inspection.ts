/** Printing what `inspect` finds: one JSON array, or a template for each object. @module */

import type { Inspection } from "../../engine/base/inspection.ts";
import { WherryError } from "../../errors.ts";
import type { Context } from "../base/context.ts";
import { EXIT_FAILURE } from "../base/exit_code.ts";
import type { GoShape } from "../template/go_shape.ts";
import { goValueOf } from "../template/go_value.ts";
import { CONTAINER_SHAPE, IMAGE_SHAPE, NETWORK_SHAPE, VOLUME_SHAPE } from "./inspect_shapes.ts";
import { formatJson } from "../base/json.ts";
import { parseObjectTemplate, type Template } from "../template/template.ts";

const INDENTATION = 4;

/** What to print. */
export interface InspectRequest {
  names: readonly string[];
  /** A Go template, or `json` for JSON in one line. @default {indented JSON} */
  format: string | undefined;
}

/**
 * Prints each object that `names` mean, then each error.
 *
 * @param inspect Finds one object.
 * @returns 0, or 1 if one was not found.
 * @throws {WherryError} `invalid_argument` if the template is malformed; nothing is printed then.
 */
export async function printInspections(
  { output, isDebug }: Context,
  { names, format }: InspectRequest,
  inspect: (name: string) => Inspection | Promise<Inspection>,
): Promise<number> {
  const { formatOne, join } = planFormat(format);
  const found: unknown[] = [];
  const errors: unknown[] = [];
  for (const name of names) {
    try {
      found.push(formatOne(await inspect(name)));
    } catch (error) {
      errors.push(error);
    }
  }
  output.write(join(found));
  for (const error of errors) output.renderError(error, { debug: isDebug });
  return errors.length === 0 ? 0 : EXIT_FAILURE;
}

/** How to print: what becomes of one object, and how all of them are put together. */
interface InspectionFormat {
  formatOne(object: Inspection): unknown;
  join(found: readonly unknown[]): string;
}

function planFormat(format: string | undefined): InspectionFormat {
  if (format === undefined || format === "" || format === "json") {
    const indentation = format === "json" ? 0 : INDENTATION;
    return {
      formatOne: (object) => object,
      join: (found) => `${formatJson(found, { indentation })}\n`,
    };
  }
  const template = parseObjectTemplate(format);
  return {
    formatOne: (object) => `${executeOnObject(template, object)}\n`,
    // docker prints an empty line where it found nothing
    join: (found) => found.length === 0 ? "\n" : found.join(""),
  };
}

/**
 * Carries out a template as docker does: on the struct of Go that the object is read into, or, if
 * that fails, on its JSON, where fields have other names and numbers are texts.
 */
function executeOnObject(template: Template, object: Inspection): string {
  const shape = shapeOf(object);
  try {
    return shape === undefined
      ? template.execute(object, { missingKey: "error" })
      : template.execute(shape.read(object));
  } catch (error) {
    if (!(error instanceof WherryError)) throw error;
    return template.execute(goValueOf(object, "any"), { missingKey: "error" });
  }
}

/** Type of an object, which is known by a field that no other kind has. */
function shapeOf(object: Inspection): GoShape | undefined {
  if (Object.hasOwn(object, "HostConfig")) return CONTAINER_SHAPE;
  if (Object.hasOwn(object, "ConfigOnly")) return NETWORK_SHAPE;
  if (Object.hasOwn(object, "Mountpoint")) return VOLUME_SHAPE;
  return Object.hasOwn(object, "RootFS") ? IMAGE_SHAPE : undefined;
}
