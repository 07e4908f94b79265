/** All that is known about an image, in the shape that docker gives it. @module */

import { WherryError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import type { Inspection } from "./inspect.ts";

/**
 * Describes an image.
 *
 * @param wanted A reference, an id or the beginning of an id.
 * @throws {WherryError} `not_found` if there is none.
 */
// deno-lint-ignore require-await -- becomes a look-up in the image room
export async function inspectImage(_engine: Engine, wanted: string): Promise<Inspection> {
  throw new WherryError("not_found", `No such image: ${wanted}`);
}
