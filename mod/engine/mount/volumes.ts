/** Making and finding volumes. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import { dockerError, isCorrupt, WherryError } from "../../errors.ts";
import { newId } from "../../store/id.ts";
import type { Paths, VolumePaths } from "../../store/paths.ts";
import { removeIfPresent } from "../../store/record.ts";
import { checkVolumeName, isVolumeName, type Volume, VOLUME_DRIVER } from "../../volume/volume.ts";
import { checkVolumeOptions } from "../../volume/volume_options.ts";
import { lockVolumes, makeVolume, readVolume } from "../../volume/volume_store.ts";
import { type Engine, systemFailure } from "../base/engine.ts";
import { recordVolumeEvent } from "../base/events.ts";

/** What somebody asks for when making a volume. */
export interface NewVolume {
  /** What people call it. @default {64 random hexadecimal digits} */
  name?: string;
  /** What keeps it. @default {"local"} */
  driver?: string;
  /** Options of the driver. @default {none, or those of a volume that is there already} */
  options?: Readonly<Record<string, string>>;
  /** Names and values for whoever looks. @default {none} */
  labels?: Readonly<Record<string, string>>;
}

/**
 * Makes a volume; one that is there already will do if it has the options that are asked for.
 *
 * @throws {WherryError} `invalid_argument` for the name, `unsupported` for the driver, `conflict` if there is a volume
 * of this name with other options, `corrupt` if its record is damaged, `unavailable` for example on a full disk.
 */
export function createVolume(engine: Engine, request: NewVolume): Volume {
  const wanted = planVolume(request);
  engine.ensureDirectories();
  using _lock = holdVolumes(engine, "shared");
  const { volume, isNew } = ensurePlanned(engine, wanted);
  // From now on it does not go with the container that it may just have been made for
  if (!isNew) removeIfPresent(engine.paths.volume(volume.name).unclaimed);
  return volume;
}

/**
 * Locks all volumes: shared by who makes some until containers' records tell of them, alone by who removes some.
 *
 * @throws {WherryError} `unavailable` if the lock cannot be made.
 */
export function holdVolumes({ paths }: Engine, mode: "shared" | "exclusive"): Descriptor {
  try {
    return lockVolumes(paths, mode);
  } catch (cause) {
    throw systemFailure(`lock the volumes in "${paths.root}"`, cause);
  }
}

/** A volume that was asked for. */
export interface EnsuredVolume {
  volume: Volume;
  /** Whether there was none before. */
  isNew: boolean;
}

/**
 * Makes a volume if there is none of its name, with the volumes locked.
 *
 * @param fill Puts something into a new volume's directory, or beside it, before anybody sees it.
 * @throws {WherryError} As {@linkcode createVolume}.
 */
export function ensureVolume(
  engine: Engine,
  request: NewVolume,
  fill?: (volume: VolumePaths) => void,
): EnsuredVolume {
  return ensurePlanned(engine, planVolume(request), fill);
}

function ensurePlanned(
  engine: Engine,
  wanted: Volume,
  fill?: (volume: VolumePaths) => void,
): EnsuredVolume {
  const { name } = wanted;
  if (makeNew(engine, wanted, fill)) {
    recordVolumeEvent(engine, { volume: wanted, action: "create" });
    return { volume: wanted, isNew: true };
  }
  const volume = findVolume(engine, name);
  checkSameOptions(wanted, volume);
  if (!isSubset(wanted.labels, volume.labels)) {
    engine.onWarning(`volume "${name}" exists already, and keeps the labels that it has`);
  }
  return { volume, isNew: false };
}

function makeNew(
  { paths }: Engine,
  volume: Volume,
  fill: ((volume: VolumePaths) => void) | undefined,
): boolean {
  try {
    return makeVolume(paths, volume, fill);
  } catch (cause) {
    throw systemFailure(`make volume "${volume.name}"`, cause);
  }
}

/** Who asks for no options takes what there is. */
function checkSameOptions(wanted: Volume, { name, options }: Volume): void {
  const isSame = Object.keys(options).length === Object.keys(wanted.options).length &&
    isSubset(wanted.options, options);
  if (isSame || Object.keys(wanted.options).length === 0) return;
  throw new WherryError(
    "conflict",
    // Not which: there may be a password among them
    `Cannot make volume "${name}": there is one already, with other options`,
    {
      hint: `See "wherry volume inspect ${name}", and choose another name, or remove it with ` +
        `"wherry volume rm ${name}"`,
    },
  );
}

function isSubset(
  some: Readonly<Record<string, string>>,
  all: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(some).every(([key, value]) =>
    Object.hasOwn(all, key) && all[key] === value
  );
}

/**
 * The volume that somebody means.
 *
 * @throws {WherryError} `not_found`, or `corrupt` if its record is damaged.
 */
export function findVolume({ paths }: Engine, name: string): Volume {
  const volume = isVolumeName(name) ? readIfSound(paths, name) : undefined;
  if (volume !== undefined) return volume;
  throw noSuchVolume(name);
}

function readIfSound(paths: Paths, name: string): Volume | undefined {
  try {
    return readVolume(paths, name);
  } catch (cause) {
    if (!isCorrupt(cause)) throw cause;
    throw new WherryError(cause.kind, cause.message, {
      cause,
      hint: `"wherry volume rm -f ${name}" removes the volume with all that is in it`,
    });
  }
}

/** The error of a volume that does not exist, or not any more. */
export function noSuchVolume(name: string): WherryError {
  return dockerError("not_found", `get ${name}: no such volume`, {
    hint: 'See all volumes with "wherry volume ls"',
  });
}

function planVolume(
  { name, driver = VOLUME_DRIVER, options = {}, labels = {} }: NewVolume,
): Volume {
  if (driver !== VOLUME_DRIVER) {
    throw new WherryError(
      "unsupported",
      `Cannot make a volume with the driver "${driver}": there is only "${VOLUME_DRIVER}"`,
    );
  }
  const volumeName = name === undefined ? newId() : checkVolumeName(name);
  checkVolumeOptions(volumeName, options);
  return {
    schema: 1,
    name: volumeName,
    driver,
    options: { ...options },
    labels: { ...labels },
    createdAt: new Date().toISOString(),
    isAnonymous: name === undefined,
  };
}
