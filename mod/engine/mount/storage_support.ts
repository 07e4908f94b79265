/** What only some storage drivers need, and when it is loaded. @module */

import type { Engine } from "../base/engine.ts";
import { chooseStorageDriver } from "../base/storage.ts";

/**
 * Loads what making a container takes where root file systems are copies; the first thing that a command does.
 */
export async function loadStorageSupport(engine: Engine): Promise<void> {
  if (await chooseStorageDriver(engine) === "copy") await loadCopyDriver();
}

/** Loads what copying the layers of an image takes. */
export async function loadCopyDriver(): Promise<typeof import("./copy_root.ts")> {
  return await import("./copy_root.ts");
}
