/** `wherry create`. @module */

import { createContainer, loadVolumeFilling } from "../../engine/create.ts";
import { loadStorageSupport } from "../../engine/storage_support.ts";
import { loadVolumeSupport } from "../../engine/volume_sources.ts";
import { createCidFile } from "../cid_file.ts";
import type { CREATE_FLAGS } from "../definitions/container_flags.ts";
import {
  loadFilter,
  loadImageSupport,
  loadNetworks,
  planRequest,
  requestWarnings,
} from "../container_request.ts";
import type { Context } from "../context.ts";
import type { ParsedFlags } from "../flags.ts";
import { loadMountFlags, mountWarnings } from "../mounts.ts";

type CreateFlags = ParsedFlags<typeof CREATE_FLAGS>;

/** Makes a container and prints its id. */
export async function run(context: Context, parsed: CreateFlags): Promise<number> {
  const { engine, output } = context;
  const pullImage = await loadImageSupport(context, parsed, "create");
  await loadNetworks(engine, parsed);
  await loadFilter(parsed);
  await loadStorageSupport(engine);
  const mountFlags = await loadMountFlags(parsed.flags);
  const request = planRequest(parsed, { isDetached: false, startsAtOnce: false, mountFlags });
  await loadVolumeSupport(engine, request);
  // Loading may begin the program again, which would find the file
  if (parsed.flags.cidfile !== undefined) await loadVolumeFilling(engine, request);
  using cidFile = createCidFile(parsed.flags.cidfile);
  await pullImage?.();
  using container = await createContainer(engine, request);
  for (
    const warning of [
      ...mountWarnings(parsed.flags, mountFlags),
      ...requestWarnings(engine, parsed, container.config),
    ]
  ) {
    output.warn(warning);
  }
  cidFile?.keep(container.config.id);
  output.writeLine(container.config.id);
  return 0;
}
