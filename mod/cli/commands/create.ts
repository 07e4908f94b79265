/** `wherry create`. @module */

import { createContainer, loadVolumeFilling } from "../../engine/lifecycle/create.ts";
import { loadStorageSupport } from "../../engine/mount/storage_support.ts";
import { loadVolumeSupport } from "../../engine/mount/volume_sources.ts";
import { createCidFile } from "../request/cid_file.ts";
import type { CREATE_FLAGS } from "../definitions/container_flags.ts";
import {
  loadFilter,
  loadImageSupport,
  loadNetworks,
  planRequest,
  requestWarnings,
} from "../request/container_request.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { loadMountFlags, mountWarnings } from "../request/mounts.ts";

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
