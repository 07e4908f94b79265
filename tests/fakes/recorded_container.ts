/** Containers that are no more than their records. @module */

import type { ContainerConfig } from "../../mod/container/record/config.ts";
import type { VolumeMount } from "../../mod/container/record/mounts.ts";
import type { Engine } from "../../mod/engine/base/engine.ts";
import { claimName } from "../../mod/container/record/names.ts";
import { fakeContainerConfig } from "./container_config.ts";

/** Writes the record of a container that never ran. */
export function recordContainer(
  engine: Engine,
  { name, ...changes }: Pick<ContainerConfig, "name"> & Partial<ContainerConfig>,
): ContainerConfig {
  engine.ensureDirectories();
  const id = idOf(name);
  const config = fakeContainerConfig({ id, name, ...changes });
  Deno.mkdirSync(engine.paths.container(id).directory);
  Deno.writeTextFileSync(engine.paths.container(id).config, JSON.stringify(config));
  claimName(engine.paths, name, id);
  return config;
}

/** The id of the container that {@linkcode recordContainer} makes. */
export function idOf(name: string): string {
  return new TextEncoder().encode(name).toHex().padEnd(64, "0");
}

/** A mount of a volume that somebody has named, changed by `changes`. */
export function fakeVolumeMount(changes: Partial<VolumeMount> = {}): VolumeMount {
  return {
    type: "volume",
    name: "data",
    target: "/data",
    isReadOnly: false,
    isAnonymous: false,
    copiesContent: true,
    subpath: "",
    ...changes,
  };
}
