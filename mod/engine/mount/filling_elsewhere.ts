/** Filling volumes with options, whose content is elsewhere, with what images have. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import type { VolumeMount } from "../../container/record/mounts.ts";
import { isEmptyDirectory } from "../../kernel/directory.ts";
import { acquireLock } from "../../store/lock.ts";
import type { Engine } from "../base/engine.ts";
import { findRootContent } from "./root_content.ts";
import { fillNewVolume } from "./volume_copy.ts";
import { holdVolumeMounts, prepareVolumes } from "./volume_sources.ts";

/**
 * Gives what the image has to the empty ones among a container's volumes with options, as docker does; file systems are
 * mounted for it. The caller holds the container's lock.
 *
 * Where the content is somebody else's may be at work, too: it is copied at once, and what has been copied when this
 * fails stays.
 *
 * @throws {WherryError} If one cannot be mounted or filled.
 */
export async function fillElsewhere(engine: Engine, config: ContainerConfig): Promise<void> {
  const wanted = config.mounts.filter(isToBeFilled).filter(({ target }) =>
    ["empty", "tree"].includes(findRootContent(engine, { ...config, target }).type)
  );
  if (wanted.length === 0) return;
  using _mounts = await holdVolumeMounts(engine, { id: config.id, mounts: wanted });
  const sources = prepareVolumes(engine, { mounts: wanted });
  for (const { name, target } of wanted) {
    const directory = sources.get(name) ?? "";
    using _lock = acquireLock(engine.paths.volume(name).fillLock);
    if (isEmptyDirectory(directory)) fillNewVolume(engine, { ...config, target }, directory);
  }
}

/** Whether a mount is of a volume with options that is given what the image has, should it be empty. */
function isToBeFilled(mount: ContainerConfig["mounts"][number]): mount is VolumeMount {
  return mount.type === "volume" && mount.isElsewhere === true && mount.copiesContent &&
    mount.subpath === "";
}
