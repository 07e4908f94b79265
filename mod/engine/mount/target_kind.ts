/** Whether what is mounted and the target are of one kind, as far as an image tells. @module */

import type { ContainerMount } from "../../container/record/mounts.ts";
import { findRootPlace, type RootLayers } from "../../container/launch/root_place.ts";
import { kindFailure } from "./mount_failure.ts";

/** Where the container has file systems of its own, whatever the image has there. */
const OWN_FILE_SYSTEM = /^\/(?:dev|proc|sys)\//;

/**
 * Checks that no directory is to be mounted on a file of an image, and no file on a directory, so that nothing is made
 * for a container that could never start. What cannot be told from the image alone, since links or other mounts are on
 * the way, the start finds out.
 *
 * @param layers Of the container's root file system.
 * @throws {WherryError} `invalid_argument` if one is.
 */
export function checkTargetKinds(layers: RootLayers, mounts: readonly ContainerMount[]): void {
  for (const mount of mounts) {
    const { target } = mount;
    if (OWN_FILE_SYSTEM.test(target) || mounts.some((other) => isBelow(target, other))) continue;
    const isDirectory = findIsDirectory(mount);
    const isOnDirectory = isDirectory === undefined ? undefined : findIsOnDirectory(layers, target);
    if (isOnDirectory === undefined || isDirectory === undefined) continue;
    if (isOnDirectory !== isDirectory) throw kindFailure(mount, isDirectory);
  }
}

function isBelow(target: string, { target: other }: ContainerMount): boolean {
  return target.startsWith(`${other}/`);
}

/** @returns `undefined` for a part of something that is found at the start. */
function findIsDirectory(mount: ContainerMount): boolean | undefined {
  if (mount.type === "tmpfs") return true;
  if (mount.type !== "bind") return mount.subpath === "" ? true : undefined;
  try {
    return Deno.statSync(mount.source).isDirectory;
  } catch (error) {
    // The start makes it, or tells what is wrong with it
    return error instanceof Deno.errors.NotFound && mount.createsSource ? true : undefined;
  }
}

/** @returns `undefined` if there is nothing, or a link is on the way. */
function findIsOnDirectory(layers: RootLayers, target: string): boolean | undefined {
  const place = findRootPlace(layers, target);
  if (place.type === "missing" || place.path !== target) return undefined;
  return place.type === "directory";
}
