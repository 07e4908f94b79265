/** `wherry port`. @module */

import { findContainer } from "../../engine/find.ts";
import { WherryError } from "../../errors.ts";
import { argumentError } from "../argument_error.ts";
import type { PORT_FLAGS } from "../command_flags.ts";
import type { Context } from "../context.ts";
import type { ParsedFlags } from "../flags.ts";

const MAX_PORT = 65535;

/**
 * Prints the ports that a container publishes.
 *
 * There are none: the networks that a container can be in, none and host, publish nothing.
 */
export function run(
  { engine }: Context,
  { positionals }: ParsedFlags<typeof PORT_FLAGS>,
): number {
  const [name = "", port] = positionals;
  findContainer(engine, name);
  if (port === undefined) return 0;
  checkPort(port.split("/", 1)[0] ?? "");
  throw new WherryError("not_found", `No public port '${port}' published for ${name}`);
}

function checkPort(text: string): void {
  const isNumber = /^\d+$/.test(text);
  if (isNumber && Number(text) <= MAX_PORT) return;
  const fault = isNumber ? "value out of range" : "invalid syntax";
  throw argumentError(`invalid port (${text}): strconv.ParseUint: parsing "${text}": ${fault}`);
}
