/**
 * Who uses the volumes that are file systems of their own, and unmounting those that nobody does.
 *
 * Such a volume is mounted on its `_data` when the first container that uses it starts, and unmounted when the last one
 * has ended. Each container's run directory has a record of those that it uses: it counts as long as somebody holds the
 * container's lock, so a container whose monitor was killed uses nothing. Who begins or ends to use a volume holds the
 * volume's lock while he does, and looks whether he is the first or the last. That takes no time: nothing is awaited
 * with it, also not the mount, which may take as long as a server does; until then the record says "being mounted".
 *
 * ```
 * mount.lock: no user? unmount what is left, write "being mounted" ─ mount ─ mount.lock: write "mounted"
 * remove the record ─ for each volume: mount.lock: no user? unmount
 * ```
 *
 * What a crash leaves mounted is unmounted by the next sweep, or by the next container that uses the volume.
 *
 * @module
 */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import { SystemError } from "../../../ffi/errno.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import { isCorrupt, WherryError } from "../../errors.ts";
import { isPresent, listNames } from "../../kernel/entry.ts";
import { type MountInfo, parseMountInfo } from "../../kernel/mount.ts";
import { detachMount } from "../../kernel/unmount.ts";
import { isId, shortId } from "../../store/id.ts";
import { acquireLock, isLocked } from "../../store/lock.ts";
import { readRecord, removeIfPresent, writeRecord } from "../../store/record.ts";
import { isObject, isTexts } from "../../store/record_fields.ts";
import { isVolumeName } from "../../volume/volume.ts";
import { backingOf } from "../../volume/volume_backing.ts";
import { readVolume } from "../../volume/volume_store.ts";
import type { Engine } from "../base/engine.ts";

/** The device number of the file system of each volume that a container uses, by name; empty while it is being mounted. */
type MountedVolumes = Readonly<Record<string, string>>;

/** A container that runs, or is about to, and uses a volume. */
export interface MountUser {
  /** Of the container. */
  id: string;
  /** Device number of the file system, as `/proc/self/mountinfo` has it; empty while it is being mounted. */
  device: string;
}

/**
 * Locks the mount of a volume, waiting for who does something about it at this moment.
 *
 * @returns `undefined` if there is no such volume.
 */
export function lockMount({ paths }: Engine, name: string): Descriptor | undefined {
  try {
    return acquireLock(paths.volume(name).mountLock);
  } catch (error) {
    if (error instanceof SystemError && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function readMounted({ paths }: Engine, id: string): MountedVolumes {
  return readRecord(paths.container(id).mountedVolumes, parseMounted) ?? {};
}

function parseMounted(json: unknown): MountedVolumes {
  if (isObject(json) && isTexts(json)) return json;
  throw new WherryError("corrupt", "Cannot read the volumes of a container: they are no texts");
}

/**
 * Writes down that a container uses a volume, with its mount locked.
 *
 * @param device As in {@linkcode MountUser}.
 */
export function recordUse(engine: Engine, name: string, { id, device }: MountUser): void {
  const mounted = { ...readMounted(engine, id), [name]: device };
  writeRecord(engine.paths.container(id).mountedVolumes, mounted, { isDurable: false });
}

/**
 * The containers that run, or are about to, and use a volume. Of one whose record is damaged nothing is known.
 *
 * @param except A container that does not count.
 */
export function listUsers(engine: Engine, name: string, except?: string): MountUser[] {
  const { paths } = engine;
  return listNames(paths.runContainers).filter((id) => isId(id) && id !== except).flatMap((id) => {
    const device = readDevice(engine, id, name);
    return device !== undefined && isLocked(paths.container(id).lock) ? [{ id, device }] : [];
  });
}

function readDevice(engine: Engine, id: string, name: string): string | undefined {
  try {
    return readMounted(engine, id)[name];
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
}

/**
 * Ends a container's use of all volumes, and unmounts those that nobody uses any more.
 *
 * Does nothing if there are none, and what is undone already is fine. The caller holds the container's lock.
 */
export function releaseVolumes(engine: Engine, id: string): void {
  const { mountedVolumes: path } = engine.paths.container(id);
  if (!isPresent(path)) return;
  const names = findMountedNames(engine, id);
  // First, and as a whole: that takes no room on a full disk, and what a kill leaves mounted then is anybody's to unmount
  removeIfPresent(path);
  if (names === undefined) unmountUnusedVolumes(engine);
  else for (const name of names) releaseVolume(engine, name);
}

/** @returns `undefined` if the record is damaged. */
function findMountedNames(engine: Engine, id: string): string[] | undefined {
  try {
    return Object.keys(readMounted(engine, id));
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
}

function releaseVolume(engine: Engine, name: string): void {
  using lock = lockMount(engine, name);
  if (lock !== undefined && listUsers(engine, name).length === 0) detachAll(engine, name);
}

/** Whether a container has volumes with options, some of which may have to be mounted for it. */
export function hasVolumesElsewhere({ mounts }: Pick<ContainerConfig, "mounts">): boolean {
  return mounts.some((mount) => mount.type === "volume" && mount.isElsewhere === true);
}

/** Whether a container has volumes that were mounted for its run, and that nobody has begun to release since. */
export function usesMountedVolumes(
  { paths }: Engine,
  config: Pick<ContainerConfig, "id" | "mounts">,
): boolean {
  return hasVolumesElsewhere(config) && isPresent(paths.container(config.id).mountedVolumes);
}

/**
 * Takes away all that is mounted on a volume's `_data`, with its mount locked. Who uses it keeps it.
 *
 * @returns Whether there was anything.
 */
export function detachAll({ paths }: Engine, name: string): boolean {
  const { data } = paths.volume(name);
  let count = 0;
  while (detachMount(data)) count++;
  return count > 0;
}

/**
 * Unmounts the volumes that no container uses, which only crashes leave mounted. What somebody has mounted on a volume
 * that is a mere directory is left alone.
 *
 * @returns The names of those volumes.
 */
export function unmountUnusedVolumes(engine: Engine): string[] {
  return listMountedVolumes(engine).filter((name) => unmountUnused(engine, name));
}

/** Names of the volumes that have something mounted on their `_data`, in this process's mount namespace. */
function listMountedVolumes({ paths }: Engine): string[] {
  if (!isPresent(paths.volumes)) return [];
  const top = `${Deno.realPathSync(paths.volumes)}/`;
  const names = readMountInfo().filter(({ mountPoint }) => mountPoint.startsWith(top))
    .map(({ mountPoint }) => mountPoint.slice(top.length))
    .filter((path) => path.endsWith("/_data"))
    .map((path) => path.slice(0, -"/_data".length))
    // Further down is the content of volumes
    .filter(isVolumeName);
  return [...new Set(names)];
}

/** What is mounted on a volume's `_data`, in this process's mount namespace. */
export function findMount({ paths }: Engine, name: string): MountInfo | undefined {
  const data = `${Deno.realPathSync(paths.volume(name).directory)}/_data`;
  return readMountInfo().findLast(({ mountPoint }) => mountPoint === data);
}

function readMountInfo(): MountInfo[] {
  return parseMountInfo(Deno.readTextFileSync("/proc/self/mountinfo"));
}

/**
 * Unmounts a volume if no container uses it.
 *
 * @returns Whether it was mounted and is not any more.
 */
export function unmountUnused(engine: Engine, name: string): boolean {
  if (!isFileSystem(engine, name)) return false;
  using lock = lockMount(engine, name);
  if (lock === undefined || listUsers(engine, name).length > 0) return false;
  return detachAll(engine, name);
}

/** Of a volume whose record is damaged nothing is known. */
function isFileSystem({ paths }: Engine, name: string): boolean {
  try {
    const volume = readVolume(paths, name);
    return volume !== undefined && backingOf(volume).type === "mount";
  } catch (error) {
    if (isCorrupt(error)) return false;
    throw error;
  }
}

/**
 * Unmounts a volume that is to be removed.
 *
 * @throws {WherryError} `conflict` if a container that runs uses it.
 */
export function unmountForRemoval(engine: Engine, name: string): void {
  if (!isFileSystem(engine, name)) return;
  using _lock = lockMount(engine, name);
  const [user] = listUsers(engine, name);
  if (user !== undefined) {
    throw new WherryError(
      "conflict",
      `Cannot remove volume "${name}": volume is in use - [${shortId(user.id)}]`,
    );
  }
  detachAll(engine, name);
}
