/** From the flags about mounts to what is asked for. @module */

import type { CreateRequest } from "../../engine/lifecycle/create_request.ts";
import { isMissing, isOfSystem } from "../../engine/base/engine.ts";
import type { MountRequest } from "../../engine/mount/mounts.ts";
import { argumentError } from "../base/argument_error.ts";
import type { MountFlag } from "./mount_flag.ts";
import { parseTmpfsFlag } from "./tmpfs_flag.ts";
import { checkRelabelling, checkVolumeDriver, parseVolumeFlag } from "./volume_flag.ts";
import { parseVolumesFromFlag } from "./volumes_from_flag.ts";

/** The flags, as they are parsed. */
export interface MountFlags {
  volume: readonly string[];
  mount: readonly string[];
  tmpfs: readonly string[];
  "volumes-from": readonly string[];
  "volume-driver": string | undefined;
}

/** What of a request the flags decide. */
export type PlannedMounts = Required<
  Pick<CreateRequest, "mounts" | "volumes" | "volumesFrom" | "givenMounts">
>;

/**
 * Loads what reading `--mount` takes if it is given, the first thing that a command does.
 *
 * @throws {WherryError} `invalid_argument` if one is malformed.
 */
export async function loadMountFlags({ mount }: Pick<MountFlags, "mount">): Promise<MountFlag[]> {
  if (mount.length === 0) return [];
  const { parseMountFlag } = await import("./mount_flag.ts");
  return mount.map((text) => parseMountFlag(text, Deno.cwd()));
}

/**
 * Reads the flags.
 *
 * @param mounts What {@linkcode loadMountFlags} made of `--mount`.
 * @throws {WherryError} `invalid_argument` for what makes no sense or contradicts each other, `not_found` for a source
 * that is missing and must not be made, `unsupported` for what this host cannot do.
 */
export function planMounts(flags: MountFlags, mounts: readonly MountFlag[]): PlannedMounts {
  const driver = flags["volume-driver"] ?? "";
  checkVolumeDriver(driver);
  for (const { mount } of mounts) {
    if (mount.type === "volume") checkVolumeDriver(mount.driver ?? "");
  }
  // Docker takes no notice of what is said twice in the same words
  const volumes = unique(flags.volume).map((text) => parseVolumeFlag(text, Deno.cwd()));
  const named = volumes.filter((volume) => volume.type === "mount");
  const relabelled = named.find(({ isRelabelled }) => isRelabelled);
  if (relabelled !== undefined) checkRelabelling(relabelled.bind);
  const all = [
    ...named.map(({ mount }) => mount),
    ...unique(flags.tmpfs).map(parseTmpfsFlag),
    ...mounts.map(({ mount }) => mount),
  ];
  checkTargets(all);
  all.forEach(checkSource);
  return {
    mounts: all,
    volumes: unique(
      volumes.flatMap((volume) => volume.type === "anonymous" ? [volume.target] : []),
    ),
    volumesFrom: flags["volumes-from"].map(parseVolumesFromFlag),
    givenMounts: {
      binds: named.map(({ bind }) => bind),
      specs: mounts.map(({ spec }) => spec),
      volumesFrom: [...flags["volumes-from"]],
      volumeDriver: driver,
    },
  };
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}

function checkTargets(mounts: readonly MountRequest[]): void {
  const targets = mounts.map(({ target }) => target);
  const twice = targets.find((target, index) => targets.indexOf(target) !== index);
  if (twice !== undefined) throw argumentError(`Duplicate mount point: ${twice}`);
}

/** Docker makes a missing source for `-v`, and refuses it for `--mount`. */
function checkSource(mount: MountRequest): void {
  if (mount.type !== "bind" || mount.createsSource) return;
  try {
    // A link that leads nowhere is no source
    Deno.statSync(mount.source);
  } catch (cause) {
    if (!isOfSystem(cause)) throw cause;
    const why = isMissing(cause)
      ? `bind source path does not exist: ${mount.source}`
      : cause.message;
    throw argumentError(`invalid mount config for type "bind": ${why}`, {
      cause,
      hint: mount.mode === undefined ? "Make it first, or add bind-create-src" : "Make it first",
    });
  }
}

/** @returns A sentence for each thing that has not the effect that people may expect. */
export function mountWarnings(
  { "volume-driver": driver = "" }: Pick<MountFlags, "volume-driver">,
  mounts: readonly MountFlag[],
): string[] {
  const own = mounts.flatMap(({ warnings }) => warnings);
  const isIgnored = mounts.some(({ spec: { Type, VolumeOptions } }) =>
    Type === "volume" && (VolumeOptions?.DriverConfig?.Name ?? "") === ""
  );
  return driver !== "" && isIgnored ? [...own, IGNORED_DRIVER] : own;
}

const IGNORED_DRIVER =
  "the container-wide volume-driver configuration is ignored for volumes specified via 'mount'. " +
  "Use '--mount type=volume,volume-driver=...' instead";
