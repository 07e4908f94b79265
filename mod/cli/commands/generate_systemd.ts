/** `wherry generate systemd`. @module */

import type { GENERATE_FLAGS } from "../definitions/system_flags.ts";
import type { Context } from "../context.ts";
import type { ParsedFlags } from "../flags.ts";
import { serviceProgram } from "../self.ts";
import { formatSystemdUnit } from "../service_definition.ts";

/** Prints a unit for systemd. */
export function run(
  { engine, output }: Context,
  _parsed: ParsedFlags<typeof GENERATE_FLAGS>,
): number {
  output.write(formatSystemdUnit(serviceProgram(engine.paths)));
  return 0;
}
