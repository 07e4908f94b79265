/** `wherry inspect`. @module */

import type { Engine } from "../../engine/base/engine.ts";
import { inspectContainer, type InspectOptions } from "../../engine/inspect/inspect.ts";
import type { Inspection } from "../../engine/base/inspection.ts";
import { inspectImage } from "../../engine/inspect/inspect_image.ts";
import { inspectNetwork } from "../../engine/inspect/inspect_network.ts";
import { inspectVolume } from "../../engine/volume/list_volumes.ts";
import { WherryError } from "../../errors.ts";
import type { INSPECT_FLAGS } from "../definitions/system_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { printInspections } from "../listing/inspection.ts";

type Inspect = (
  engine: Engine,
  name: string,
  options: InspectOptions,
) => Inspection | Promise<Inspection>;

/** Where to look, in this order. */
const INSPECTORS: ReadonlyMap<string, Inspect> = new Map<string, Inspect>([
  ["container", inspectContainer],
  ["image", inspectImage],
  ["network", inspectNetwork],
  ["volume", inspectVolume],
]);

/** Prints all that is known about containers, images, networks and volumes. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof INSPECT_FLAGS>,
): Promise<number> {
  const inspect = flags.type === undefined || flags.type === ""
    ? inspectAny
    : inspectorOf(flags.type);
  const request = { names: positionals, format: flags.format };
  if (flags.size && inspect !== inspectAny && inspect !== inspectContainer) {
    context.output.warn(`--size ignored for ${flags.type}`);
  }
  return printInspections(
    context,
    request,
    (name) => inspect(context.engine, name, { hasSize: flags.size }),
  );
}

function inspectorOf(type: string): Inspect {
  const inspect = INSPECTORS.get(type);
  if (inspect !== undefined) return inspect;
  throw new WherryError("invalid_argument", `Cannot inspect a "${type}": no such type`, {
    hint: `Types are ${Array.from(INSPECTORS.keys()).join(", ")}`,
  });
}

async function inspectAny(
  engine: Engine,
  name: string,
  options: InspectOptions,
): Promise<Inspection> {
  for (const inspect of INSPECTORS.values()) {
    try {
      return await inspect(engine, name, options);
    } catch (error) {
      if (!(error instanceof WherryError) || error.kind !== "not_found") throw error;
    }
  }
  throw new WherryError("not_found", `No such object: ${name}`, {
    hint:
      'See all containers with "wherry ps -a", images with "wherry images", networks with "wherry network ls", ' +
      'volumes with "wherry volume ls"',
  });
}
