/** `wherry create`. @module */

import { createContainer, type CreateRequest } from "../../engine/create.ts";
import type { Engine } from "../../engine/engine.ts";
import { WherryError } from "../../errors.ts";
import { createCidFile } from "../cid_file.ts";
import type { CREATE_FLAGS } from "../command_flags.ts";
import { loadImageSupport, loadNetworks, planRequest, pullWarning } from "../container_request.ts";
import type { Context } from "../context.ts";
import { EXIT_ENGINE_FAILURE } from "../exit_code.ts";
import type { ParsedFlags } from "../flags.ts";

type CreateFlags = ParsedFlags<typeof CREATE_FLAGS>;

/** Makes a container and prints its id. */
export async function run({ engine, output }: Context, parsed: CreateFlags): Promise<number> {
  await loadImageSupport(parsed, "create");
  const request = await planChecked(engine, parsed);
  using cidFile = createCidFile(parsed.flags.cidfile);
  using container = await createContainer(engine, request);
  const warning = pullWarning(parsed);
  if (warning !== undefined) output.warn(warning);
  cidFile?.keep(container.config.id);
  output.writeLine(container.config.id);
  return 0;
}

/** As with docker, a bad flag is the engine's failure, exit status 125; all else is 1. */
async function planChecked(engine: Engine, parsed: CreateFlags): Promise<CreateRequest> {
  try {
    await loadNetworks(engine, parsed);
    return planRequest(parsed, { isDetached: false, startsAtOnce: false });
  } catch (cause) {
    if (!(cause instanceof WherryError)) throw cause;
    throw cause.withExitCode(EXIT_ENGINE_FAILURE);
  }
}
