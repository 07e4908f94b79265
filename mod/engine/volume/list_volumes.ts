/** Listing volumes, and describing one as docker's API does. @module */

import { isCorrupt } from "../../errors.ts";
import type { Paths } from "../../store/paths.ts";
import { labelsOf, type Volume, VOLUME_DRIVER } from "../../volume/volume.ts";
import { listVolumeNames, readVolume } from "../../volume/volume_store.ts";
import { sweepVolumes } from "../mount/anonymous_volumes.ts";
import { type Engine, isOfSystem, systemFailure } from "../base/engine.ts";
import type { Inspection } from "../base/inspection.ts";
import { compareNaturally } from "../base/natural_order.ts";
import { describeVolumeFailure } from "../lifecycle/sweep.ts";
import { findVolume } from "../mount/volumes.ts";

/** What {@linkcode listVolumes} found. */
export interface VolumeList {
  /** By name. */
  volumes: Volume[];
  /** Those with damaged records, of which no more than the name is known. */
  damaged: Volume[];
  /** What is wrong, one line each. */
  warnings: string[];
}

/**
 * All volumes there are. What crashes left of others is removed on the way.
 *
 * Nothing is written when there is nothing of this kind.
 *
 * @throws {WherryError} `unavailable` if they cannot be read.
 */
export function listVolumes(engine: Engine): VolumeList {
  const failures = sweep(engine);
  const list = readVolumes(engine);
  return { ...list, warnings: [...list.warnings, ...failures.map(describeVolumeFailure)] };
}

/** @returns What could not be removed: what cannot be written to can still be listed. */
function sweep(engine: Engine): unknown[] {
  try {
    return sweepVolumes(engine).failures;
  } catch (error) {
    if (!isOfSystem(error)) throw error;
    return [error];
  }
}

/** All volumes there are; removes nothing. */
export function readVolumes({ paths }: Engine): VolumeList {
  const list: VolumeList = { volumes: [], damaged: [], warnings: [] };
  for (const name of listNames(paths).toSorted(compareNaturally)) {
    try {
      const volume = readVolume(paths, name);
      // Somebody has just removed it
      if (volume !== undefined) list.volumes.push(volume);
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      list.damaged.push(unknownVolume(name));
      list.warnings.push(
        `volume ${name} is damaged: ${error.message}; "wherry volume rm -f ${name}" removes it`,
      );
    }
  }
  return list;
}

function listNames(paths: Paths): string[] {
  try {
    return listVolumeNames(paths);
  } catch (cause) {
    throw systemFailure(`list the volumes in "${paths.volumes}"`, cause);
  }
}

function unknownVolume(name: string): Volume {
  return {
    schema: 1,
    name,
    driver: VOLUME_DRIVER,
    options: {},
    labels: {},
    createdAt: new Date(0).toISOString(),
    isAnonymous: false,
  };
}

/**
 * Describes a volume.
 *
 * @throws {WherryError} `not_found`, or `corrupt` if its record is damaged.
 */
export function inspectVolume(engine: Engine, name: string): Inspection {
  const volume = findVolume(engine, name);
  return describeVolume(volume, engine.paths.volume(name).data);
}

/**
 * Puts what is known about a volume into docker's shape. Pure.
 *
 * @param mountpoint Where its files are on the host.
 * @see {@link https://docs.docker.com/reference/api/engine/version/v1.50/#tag/Volume/operation/VolumeInspect}
 */
export function describeVolume(volume: Volume, mountpoint: string): Inspection {
  return {
    // Docker has no fractions of seconds here
    CreatedAt: volume.createdAt.replace(/\.\d+Z$/, "Z"),
    Driver: volume.driver,
    Labels: orNull(labelsOf(volume)),
    Mountpoint: mountpoint,
    Name: volume.name,
    Options: orNull(volume.options),
    Scope: "local",
  };
}

/** Docker writes `null` where there is nothing. */
function orNull(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> | null {
  return Object.keys(texts).length === 0 ? null : texts;
}
