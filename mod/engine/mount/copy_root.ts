/** The storage driver `copy`. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import { copyMerged } from "../../image/layer/merged_copy.ts";
import { lowerSources } from "../record/container_files.ts";
import type { Engine } from "../base/engine.ts";

/**
 * Makes a container's root file system of its own.
 *
 * @param target Must exist and be empty.
 * @throws {WherryError} `unsupported` if something cannot be copied.
 * @throws {SystemError} For example `ENOSPC`; the caller removes what was made.
 */
export function copyRoot(engine: Engine, config: ContainerConfig, target: string): void {
  const skipped = copyMerged(lowerSources(engine, config), target);
  if (skipped.size > 0) {
    const names = [...skipped].join(", ");
    engine.onWarning(
      `Files of the new container lack ${names}: the file system keeps no such attributes`,
    );
  }
}
