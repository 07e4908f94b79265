/** `wherry generate openrc`. @module */

import type { GENERATE_FLAGS } from "../definitions/system_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { serviceProgram } from "../base/self.ts";
import { formatOpenrcScript } from "../base/service_definition.ts";

/** Prints a script for OpenRC. */
export function run(
  { engine, output }: Context,
  _parsed: ParsedFlags<typeof GENERATE_FLAGS>,
): number {
  output.write(formatOpenrcScript(serviceProgram(engine.paths)));
  return 0;
}
