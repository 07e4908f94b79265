/** `wherry port`. @module */

import {
  type ContainerPort,
  listContainerPorts,
  portName,
} from "../../engine/network/container_ports.ts";
import { findContainer } from "../../engine/record/find.ts";
import { compareNaturally } from "../../engine/base/natural_order.ts";
import { WherryError } from "../../errors.ts";
import { readSandbox } from "../../network/sandbox_record.ts";
import { argumentError } from "../base/argument_error.ts";
import type { PORT_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { formatHostPort, formatPortLines } from "../listing/port_text.ts";

const MAX_PORT = 65535;

/** Prints the ports that a container publishes, or where one of them is. */
export function run(
  { engine, output }: Context,
  { positionals }: ParsedFlags<typeof PORT_FLAGS>,
): number {
  const [name = "", wanted] = positionals;
  const { config, state, paths } = findContainer(engine, name);
  const ports = listContainerPorts(
    config,
    state.isRunning ? readSandbox(paths.network) : undefined,
  );
  const lines = wanted === undefined ? formatPortLines(ports) : findPort(ports, wanted);
  if (lines.length === 0 && wanted !== undefined) {
    throw new WherryError("not_found", `No public port '${wanted}' published for ${name}`);
  }
  for (const line of lines) output.writeLine(line);
  return 0;
}

/** Where a port of the container is published. */
function findPort(ports: readonly ContainerPort[], wanted: string): string[] {
  const [port = "", protocol = ""] = wanted.split("/");
  checkPort(port);
  const name = `${port}/${protocol || "tcp"}`;
  return ports.filter((one) => one.hostPort > 0 && portName(one) === name)
    .map(formatHostPort)
    .toSorted(compareNaturally);
}

function checkPort(text: string): void {
  const isNumber = /^\d+$/.test(text);
  if (isNumber && Number(text) <= MAX_PORT) return;
  const fault = isNumber ? "value out of range" : "invalid syntax";
  throw argumentError(`invalid port (${text}): strconv.ParseUint: parsing "${text}": ${fault}`);
}
