/**
 * Volumes on disk.
 *
 * A volume appears and disappears by one rename, so that a crash leaves none by halves: what is being made or removed
 * has a name that begins with a dot, which no volume has. Who makes volumes for a container holds the lock shared until
 * the container's record names them; who removes volumes, or what crashes left, holds it alone.
 *
 * @module
 */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { isPresent, listNames } from "../kernel/entry.ts";
import { removeTree } from "../kernel/tree.ts";
import { acquireLock } from "../store/lock.ts";
import type { Paths, VolumePaths } from "../store/paths.ts";
import { readRecord, syncDirectory, writeRecord } from "../store/record.ts";
import { isVolumeName, parseVolume, type Volume } from "./volume.ts";

let sequence = 0;

/** Locks all volumes; dispose of it to let go. */
export function lockVolumes(paths: Paths, mode: "shared" | "exclusive"): Descriptor {
  return acquireLock(paths.volumesLock, mode);
}

/** Names of all volumes, damaged ones too; in no order. */
export function listVolumeNames({ volumes }: Paths): string[] {
  return listNames(volumes).filter(isVolumeName);
}

/**
 * Reads the record of a volume.
 *
 * @returns `undefined` if there is no such volume.
 * @throws {WherryError} `corrupt` if it is damaged.
 */
export function readVolume(paths: Paths, name: string): Volume | undefined {
  return readRecord(paths.volume(name).record, parseVolume);
}

/**
 * Makes a volume, with the lock held.
 *
 * @param fill Puts something into its directory before anybody sees it.
 * @returns Whether it was made: false if there is one by its name, which stays as it is.
 */
export function makeVolume(
  paths: Paths,
  volume: Volume,
  fill?: (data: string) => void,
): boolean {
  const target = paths.volume(volume.name);
  if (isPresent(target.directory)) return false;
  Deno.mkdirSync(paths.volumes, { recursive: true, mode: 0o700 });
  const name = `.new.${Deno.pid}.${sequence++}`;
  const staged = paths.volume(name);
  try {
    Deno.mkdirSync(staged.directory, { mode: 0o700 });
    makeDataDirectory(staged);
    fill?.(staged.data);
    writeRecord(staged.record, volume, { isDurable: true });
    return moveInto(staged.directory, target.directory, paths.volumes);
  } finally {
    removeTree(staged.directory);
  }
}

function makeDataDirectory({ data }: VolumePaths): void {
  Deno.mkdirSync(data);
  // Whatever the umask says
  Deno.chmodSync(data, 0o755);
}

/** A directory that holds something is never replaced. */
function moveInto(staged: string, target: string, parent: string): boolean {
  try {
    Deno.renameSync(staged, target);
  } catch (error) {
    if (isPresent(target)) return false;
    throw error;
  }
  syncDirectory(parent);
  return true;
}

/**
 * Removes a volume, with the lock held alone; a missing one is fine.
 *
 * @throws {SystemError} `EBUSY` if something is mounted in it, which is left alone.
 */
export function removeVolumeFiles(paths: Paths, name: string): void {
  const { directory } = paths.volume(name);
  if (!isPresent(directory)) return;
  const doomed = `${paths.volumes}/.old.${Deno.pid}.${sequence++}`;
  Deno.renameSync(directory, doomed);
  removeTree(doomed);
}
