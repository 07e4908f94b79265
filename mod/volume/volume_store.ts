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
import { WherryError } from "../errors.ts";
import { isPresent, listNames } from "../kernel/entry.ts";
import { ownPid } from "../kernel/process.ts";
import { removeTree } from "../kernel/tree.ts";
import { acquireLock, tryAcquireLock } from "../store/lock.ts";
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
 * @throws {WherryError} `corrupt` if it is damaged, missing or another one's.
 */
export function readVolume(paths: Paths, name: string): Volume | undefined {
  const { directory, record } = paths.volume(name);
  const volume = readSound(record, directory);
  if (volume?.name === name) return volume;
  if (volume === undefined && !isPresent(directory)) return undefined;
  throw new WherryError(
    "corrupt",
    `Cannot read the record of volume "${name}": it is ${
      volume === undefined ? "missing" : `that of "${volume.name}"`
    }`,
  );
}

function readSound(record: string, directory: string): Volume | undefined {
  try {
    return readRecord(record, parseVolume);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotADirectory)) throw cause;
    throw new WherryError("corrupt", `Cannot read "${directory}": it is no directory`, { cause });
  }
}

/**
 * Makes a volume, with the lock held.
 *
 * @param fill Puts something into its directory, or beside it, before anybody sees it.
 * @returns Whether it was made: false if there is one by its name, which stays as it is.
 */
export function makeVolume(
  paths: Paths,
  volume: Volume,
  fill?: (volume: VolumePaths) => void,
): boolean {
  const target = paths.volume(volume.name);
  if (isPresent(target.directory)) return false;
  Deno.mkdirSync(paths.volumes, { recursive: true, mode: 0o700 });
  const staged = paths.volume(newLeftover(paths, "new"));
  try {
    Deno.mkdirSync(staged.directory, { mode: 0o700 });
    makeDataDirectory(staged);
    fill?.(staged);
    writeRecord(staged.record, volume, { isDurable: true });
    return moveInto(staged.directory, target.directory, paths.volumes);
  } finally {
    removeTree(staged.directory);
  }
}

/** A name that nothing has yet, for what is a leftover if this process is killed; the volumes are locked. */
export function newLeftover({ volumes }: Paths, kind: "new" | "old" | "import"): string {
  for (;;) {
    const name = `.${kind}.${ownPid()}.${sequence++}`;
    // A process that was killed may have had the same id
    if (!isPresent(`${volumes}/${name}`)) return name;
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
 * Takes a volume away at once, with the lock held alone.
 *
 * @returns Where it is now: the caller removes it, with the lock held shared at least. Until then it is a leftover.
 */
export function takeVolumeAway(paths: Paths, name: string): VolumePaths {
  const doomed = paths.volume(newLeftover(paths, "old"));
  Deno.renameSync(paths.volume(name).directory, doomed.directory);
  return doomed;
}

/** What a sweep among the volumes did. */
export interface VolumeSweep {
  /** Volumes that were removed or made by halves, and imports that were not finished: how many are gone now. */
  removedCount: number;
  /** Why others are still there. */
  failures: unknown[];
}

/** Whether killed commands seem to have left something among the volumes; somebody may be at work there, too. */
export function hasLeftovers(paths: Paths): boolean {
  return listNames(paths.volumes).some((name) =>
    isLeftover(name) || hasFillStaging(paths.volume(name))
  );
}

/** Removes what killed commands left among the volumes, with the lock held alone. */
export function removeLeftovers(paths: Paths): VolumeSweep {
  const sweep: VolumeSweep = { removedCount: 0, failures: [] };
  for (const name of listNames(paths.volumes)) {
    try {
      if (!isLeftover(name)) removeFillStaging(paths.volume(name));
      else if (removeLeftover(`${paths.volumes}/${name}`)) sweep.removedCount++;
    } catch (error) {
      sweep.failures.push(error);
    }
  }
  return sweep;
}

function isLeftover(name: string): boolean {
  return name.startsWith(".");
}

function hasFillStaging({ fillStaging }: VolumePaths): boolean {
  try {
    return isPresent(fillStaging);
  } catch (error) {
    // A file in the place of a volume
    if (error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/** Who fills a volume next would do it, but maybe nobody ever does. */
function removeFillStaging(volume: VolumePaths): void {
  if (!hasFillStaging(volume)) return;
  using lock = tryAcquireLock(volume.fillLock, { create: true });
  if (lock !== undefined) removeTree(volume.fillStaging);
}

/** What an import holds while it works in a directory of {@linkcode newLeftover}. */
export function stagingLockOf(directory: string): string {
  return `${directory}/lock`;
}

/** @returns Whether it was one: an import may take long, and has a lock of its own. */
function removeLeftover(directory: string): boolean {
  if (!isPresent(stagingLockOf(directory))) {
    removeTree(directory);
    return true;
  }
  using lock = tryAcquireLock(stagingLockOf(directory), { create: false });
  if (lock === undefined) return false;
  removeTree(directory);
  return true;
}
