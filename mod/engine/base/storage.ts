/** How the root file systems of containers are made. @module */

import type { ContainerConfig, StorageDriver } from "../../container/record/config.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { readTextIfPresent } from "../../store/record.ts";
import type { Engine } from "./engine.ts";

/** All there are. */
export const STORAGE_DRIVERS: readonly StorageDriver[] = ["overlay", "copy"];

/**
 * The driver that new containers get: the one that was asked for, or else what the root's file system is good for,
 * which is found out once and written down.
 *
 * @throws {WherryError} `unsupported` if an overlay is asked for where it is known that there cannot be any.
 */
export async function chooseStorageDriver(engine: Engine): Promise<StorageDriver> {
  if (engine.storageDriver === "copy") return "copy";
  const known = recordedStorageDriver(engine);
  if (known !== undefined && (known === "overlay" || engine.storageDriver === undefined)) {
    return known;
  }
  const { findStorageDriver } = await import("./storage_probe.ts");
  return findStorageDriver(engine);
}

/** What has been found out before; `undefined` if nothing has, or the root is none. */
export function recordedStorageDriver({ paths }: Engine): StorageDriver | undefined {
  try {
    return parseStorageDriver(readTextIfPresent(paths.storageDriver) ?? "");
  } catch (error) {
    if (error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

/** @returns `undefined` if there is no such driver. */
export function parseStorageDriver(text: string): StorageDriver | undefined {
  return STORAGE_DRIVERS.find((driver) => driver === text.trim());
}

/** The directory that holds what is a container's own: its changes, or with the driver `copy` all of its files. */
export function ownDirectoryOf(
  { storageDriver }: Pick<ContainerConfig, "storageDriver">,
  paths: ContainerPaths,
): string {
  return storageDriver === "copy" ? paths.merged : paths.upper;
}

/** Directories of the lower layers, base layer first. */
export function lowerDirectoriesOf(
  { paths }: Engine,
  { root }: Pick<ContainerConfig, "root">,
): string[] {
  return root.type === "directory"
    ? [root.path]
    : root.layers.map((layer) => `${paths.layers}/${layer}`);
}

/**
 * Directories of a container's root file system, the topmost first.
 *
 * @param lowerDirectories Of its image, base layer first.
 */
export function rootDirectoriesOf(
  config: Pick<ContainerConfig, "storageDriver">,
  paths: ContainerPaths,
  lowerDirectories: readonly string[],
): string[] {
  const own = ownDirectoryOf(config, paths);
  return config.storageDriver === "copy" ? [own] : [own, ...lowerDirectories.toReversed()];
}
