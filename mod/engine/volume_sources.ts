/** Where what containers see of volumes is on the host. @module */

import type { ContainerConfig } from "../container/config.ts";
import { WherryError } from "../errors.ts";
import { isPresent } from "../kernel/entry.ts";
import type { Engine } from "./engine.ts";

/**
 * Makes the volumes of a container ready for its start.
 *
 * @returns Absolute paths on the host, by the names of the volumes.
 * @throws {WherryError} `not_found` if a volume is gone.
 */
export function prepareVolumes(
  { paths }: Engine,
  { mounts }: Pick<ContainerConfig, "mounts">,
): ReadonlyMap<string, string> {
  const names = mounts.flatMap((mount) => mount.type === "volume" ? [mount.name] : []);
  return new Map(names.map((name) => {
    const { data } = paths.volume(name);
    if (isPresent(data)) return [name, data];
    throw new WherryError("not_found", `Cannot mount volume "${name}": no such volume`);
  }));
}
