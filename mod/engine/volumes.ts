/** Making and finding volumes. @module */

import { WherryError } from "../errors.ts";
import { newId } from "../store/id.ts";
import { checkVolumeName, type Volume, VOLUME_DRIVER } from "../volume/volume.ts";
import { checkVolumeOptions } from "../volume/volume_options.ts";
import { lockVolumes, makeVolume, readVolume } from "../volume/volume_store.ts";
import type { Engine } from "./engine.ts";

/** What somebody asks for when making a volume. */
export interface NewVolume {
  /** What people call it. @default {64 random hexadecimal digits} */
  name?: string;
  /** What keeps it. @default {"local"} */
  driver?: string;
  /** Options of the driver. @default {none} */
  options?: Readonly<Record<string, string>>;
  /** Names and values for whoever looks. @default {none} */
  labels?: Readonly<Record<string, string>>;
}

/**
 * Makes a volume; one that is there already will do if nothing else is asked for.
 *
 * @throws {WherryError} `invalid_argument` for the name, `unsupported` for the driver, `conflict` if there is a volume
 * of this name with other options.
 */
export function createVolume(engine: Engine, request: NewVolume): Volume {
  using _lock = lockVolumes(engine.paths, "shared");
  return ensureVolume(engine, request).volume;
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
 * @param fill Puts something into a new volume's directory before anybody sees it.
 * @throws {WherryError} As {@linkcode createVolume}.
 */
export function ensureVolume(
  engine: Engine,
  request: NewVolume,
  fill?: (data: string) => void,
): EnsuredVolume {
  const wanted = planVolume(request);
  const isNew = makeVolume(engine.paths, wanted, fill);
  const volume = isNew ? wanted : readVolume(engine.paths, wanted.name);
  if (volume !== undefined) return { volume, isNew };
  throw new WherryError("corrupt", `Cannot use volume "${wanted.name}": it has no record`);
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
