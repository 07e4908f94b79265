/** What the file system of an engine's root is good for. @module */

import type { StorageDriver } from "../../container/record/config.ts";
import { WherryError } from "../../errors.ts";
import { overlayObstacle } from "../../kernel/overlay.ts";
import { replaceText } from "../../store/record.ts";
import { type Engine, systemFailure } from "./engine.ts";

/**
 * Finds out whether containers can have overlays, and writes it down for those to come.
 *
 * @throws {WherryError} `unsupported` if an overlay is asked for and cannot be, `unavailable` if the root cannot be
 * written to.
 */
export function findStorageDriver(engine: Engine): StorageDriver {
  engine.ensureDirectories();
  try {
    return probe(engine);
  } catch (error) {
    throw systemFailure(`find a storage driver for "${engine.paths.root}"`, error);
  }
}

function probe(engine: Engine): StorageDriver {
  const { root, storageDriver: record } = engine.paths;
  const obstacle = overlayObstacle(
    Deno.realPathSync(root),
    Deno.readTextFileSync("/proc/self/mountinfo"),
  );
  if (obstacle !== undefined && engine.storageDriver === "overlay") {
    throw impossible(root, obstacle);
  }
  const driver = obstacle === undefined ? "overlay" : "copy";
  replaceText(record, `${driver}\n`, { isDurable: false });
  return driver;
}

function impossible(root: string, obstacle: string): WherryError {
  return new WherryError(
    "unsupported",
    `Cannot use the storage driver "overlay" in "${root}": ${obstacle}`,
    { hint: "Use --storage-driver copy, or give a --root on another file system" },
  );
}
