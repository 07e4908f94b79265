/** Where what containers see of volumes is on the host. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import type { ContainerMount, VolumeMount } from "../../container/record/mounts.ts";
import { isCorrupt, WherryError } from "../../errors.ts";
import { isPresent } from "../../kernel/entry.ts";
import type { Volume } from "../../volume/volume.ts";
import { backingOf } from "../../volume/volume_backing.ts";
import { readVolume } from "../../volume/volume_store.ts";
import type { Engine } from "../base/engine.ts";
import { findContainer } from "../record/find.ts";
import { releaseVolumes } from "../record/mounted_volumes.ts";
import type { MountRequest, VolumesFromRequest } from "./mounts.ts";

/** What of a container says which volumes it has. */
type Mounts = Pick<ContainerConfig, "mounts">;

/**
 * Finds the volumes of a container. Nothing is mounted: see {@linkcode mountVolumes}.
 *
 * @returns Absolute paths on the host, by the names of the volumes.
 * @throws {WherryError} `not_found` if a volume, or the directory that one is bound to, is gone.
 */
export function prepareVolumes(engine: Engine, { mounts }: Mounts): ReadonlyMap<string, string> {
  return new Map(
    mounts.filter(isVolume).map((mount) => [mount.name, sourceOf(engine, mount)]),
  );
}

function isVolume(mount: ContainerMount): mount is VolumeMount {
  return mount.type === "volume";
}

function sourceOf(engine: Engine, { name, isElsewhere = false }: VolumeMount): string {
  const { data } = engine.paths.volume(name);
  if (!isElsewhere && isPresent(data)) return data;
  const backing = backingOf(requireVolume(engine, name));
  if (backing.type !== "bind") return data;
  checkDirectory(name, backing.device);
  return backing.device;
}

function requireVolume({ paths }: Engine, name: string): Volume {
  const volume = readVolume(paths, name);
  if (volume !== undefined) return volume;
  throw new WherryError("not_found", `Cannot mount volume "${name}": no such volume`, {
    hint: `Its files are gone: make an empty one with "wherry volume create ${name}"`,
  });
}

function checkDirectory(name: string, device: string): void {
  const isDirectory = findIsDirectory(device);
  if (isDirectory === true) return;
  throw new WherryError(
    isDirectory === undefined ? "not_found" : "invalid_argument",
    `Cannot mount volume "${name}": failed to mount local volume: mount ${device}: ` +
      (isDirectory === undefined ? "no such file or directory" : "not a directory"),
    { hint: `Its content is to be in that directory: make it with "mkdir ${device}"` },
  );
}

/** @returns `undefined` if it is missing. */
function findIsDirectory(path: string): boolean | undefined {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

/**
 * Mounts the volumes of a container that are file systems of their own, unless other containers have them mounted.
 *
 * They are the container's until {@linkcode releaseVolumes}, or until nobody holds its lock any more. The caller holds
 * it, and releases them unless it passes the lock on.
 *
 * @throws {WherryError} If one cannot be mounted; all are released then.
 */
export async function mountVolumes(
  engine: Engine,
  config: Pick<ContainerConfig, "id" | "mounts">,
): Promise<void> {
  const elsewhere = config.mounts.filter(isVolume).filter(({ isElsewhere }) => isElsewhere);
  const volumes = new Set(elsewhere.map(({ name }) => name)).values()
    .map((name) => requireVolume(engine, name))
    .filter((volume) => backingOf(volume).type === "mount").toArray();
  if (volumes.length === 0) return;
  const { mountAll } = await loadVolumeMounts();
  await mountAll(engine, config.id, volumes);
}

/**
 * Holds the volumes of a container that does not run mounted until it is disposed of, for who reads or writes them. The
 * caller holds the container's lock.
 *
 * @throws {WherryError} As {@linkcode mountVolumes}.
 */
export async function holdVolumeMounts(
  engine: Engine,
  config: Pick<ContainerConfig, "id" | "mounts">,
): Promise<Disposable> {
  await mountVolumes(engine, config);
  return { [Symbol.dispose]: () => releaseVolumes(engine, config.id) };
}

async function loadVolumeMounts(): Promise<typeof import("./volume_mounts.ts")> {
  return await import("./volume_mounts.ts");
}

/** What of a request or a record says which volumes there are. */
interface VolumeWishes {
  mounts?: readonly (MountRequest | ContainerMount)[] | undefined;
  volumesFrom?: readonly VolumesFromRequest[] | undefined;
}

/**
 * Loads what volumes with options take; the first thing that a command does.
 *
 * @param wishes What is missing or damaged is somebody else's to complain of.
 */
export async function loadVolumeSupport(engine: Engine, wishes: VolumeWishes): Promise<void> {
  if (hasOptions(engine, wishes)) await loadVolumeMounts();
}

function hasOptions(engine: Engine, { mounts = [], volumesFrom = [] }: VolumeWishes): boolean {
  return mounts.some((mount) => {
    if (mount.type !== "volume") return false;
    // A container's record tells
    if ("isAnonymous" in mount) return mount.isElsewhere === true;
    const { options = {} } = findVolume(engine, mount.name) ?? mount;
    return Object.keys(options).length > 0;
  }) || volumesFrom.some(({ container }) => {
    const config = findConfig(engine, container);
    return config !== undefined && hasOptions(engine, config);
  });
}

/** @returns `undefined` also for one whose record is damaged. */
function findVolume({ paths }: Engine, name: string): Volume | undefined {
  try {
    return name === "" ? undefined : readVolume(paths, name);
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
}

/** @returns `undefined` also for one that cannot be read. */
function findConfig(engine: Engine, container: string): ContainerConfig | undefined {
  try {
    return findContainer(engine, container).config;
  } catch (error) {
    if (error instanceof WherryError) return undefined;
    throw error;
  }
}
