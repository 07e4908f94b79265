/** From a mount as docker's API has it to one that is asked for, by the rules of docker's daemon. @module */

import type {
  BindMount,
  BindOptions,
  BindRecursion,
  MountSpec,
  Propagation,
  TmpfsMount,
} from "../../container/record/mounts.ts";
import { dockerError, type WherryError } from "../../errors.ts";
import { checkVolumeName } from "../../volume/volume.ts";
import { checkTarget, normalisePath } from "./mount_target.ts";
import type { ImageMountRequest, MountRequest, VolumeRequest } from "./mounts.ts";

const PROPAGATIONS = ["private", "rprivate", "slave", "rslave", "shared", "rshared"];

/**
 * Reads a mount.
 *
 * Whether the source of a bind mount is there is not looked at.
 *
 * @throws {WherryError} `invalid_argument` if it makes no sense, in docker's words.
 */
export function planMount(spec: MountSpec): MountRequest {
  const { Type: type, Source: source = "" } = spec;
  const refuse = (why: string): WherryError =>
    dockerError("invalid_argument", `invalid mount config for type "${type}": ${why}`);
  checkOptions(spec, refuse);
  if ((spec.Target ?? "") === "") throw refuse("field Target must not be empty");
  const target = checkTarget(spec.Target ?? "", {
    refuse,
    ...(type === "bind" ? { source: normalisePath(source) } : {}),
  });
  const place = { source, target, refuse };
  switch (type) {
    case "bind":
      return planBind(spec, place);
    case "volume":
      return planVolume(spec, place);
    case "tmpfs":
      return planTmpfs(spec, place);
    case "image":
      return planImage(spec, place);
    default:
      throw refuse("mount type unknown");
  }
}

interface Place {
  source: string;
  target: string;
  refuse: (why: string) => WherryError;
}

const OPTIONS_OF = {
  bind: "BindOptions",
  volume: "VolumeOptions",
  image: "ImageOptions",
  tmpfs: "TmpfsOptions",
} as const;

/** Options of another kind of mount are a mistake. */
function checkOptions(spec: MountSpec, refuse: Place["refuse"]): void {
  for (const [type, options] of Object.entries(OPTIONS_OF)) {
    if (type !== spec.Type && spec[options] !== undefined) {
      throw refuse(`field ${options} must not be specified`);
    }
  }
}

function planBind(spec: MountSpec, { source, target, refuse }: Place): BindMount {
  if (source === "") throw refuse("field Source must not be empty");
  const { Propagation: propagation = "", CreateMountpoint: createsSource, IdMapped: isIdMapped } =
    spec.BindOptions ?? {};
  if (propagation !== "" && !PROPAGATIONS.includes(propagation)) {
    throw refuse(`invalid propagation mode: ${propagation}`);
  }
  if (!source.startsWith("/")) {
    throw refuse(`invalid mount path: '${source}' mount path must be absolute`);
  }
  const recursion = planRecursion(spec);
  return {
    type: "bind",
    source: normalisePath(source),
    target,
    isReadOnly: spec.ReadOnly ?? false,
    createsSource: createsSource ?? false,
    propagation: (propagation === "" ? "rprivate" : propagation) as Propagation,
    ...(recursion === "enabled" ? {} : { recursion }),
    ...(isIdMapped === true ? { isIdMapped } : {}),
  };
}

const RECURSIONS: readonly (readonly [field: keyof BindOptions, recursion: BindRecursion])[] = [
  ["NonRecursive", "disabled"],
  ["ReadOnlyNonRecursive", "writable"],
  ["ReadOnlyForceRecursive", "readonly"],
];

/** Docker finds out only when it starts the container, of which nothing is left over here. */
function planRecursion({ ReadOnly, BindOptions = {} }: MountSpec): BindRecursion {
  const given = RECURSIONS.filter(([field]) => BindOptions[field] === true);
  const names = given.map(([field]) => field);
  if (given.length > 1) {
    throw dockerError("invalid_argument", `mount options conflict: ${names.join(" && ")}`);
  }
  const [field, recursion = "enabled"] = given[0] ?? [];
  if ((recursion === "writable" || recursion === "readonly") && ReadOnly !== true) {
    throw dockerError("invalid_argument", `mount options conflict: !ReadOnly && ${field}`);
  }
  return recursion;
}

function planVolume(spec: MountSpec, { source, target, refuse }: Place): VolumeRequest {
  const { NoCopy, Labels, Subpath = "", DriverConfig = {} } = spec.VolumeOptions ?? {};
  if (Subpath !== "" && source === "") {
    throw refuse("must not set Subpath when using anonymous volumes");
  }
  checkSubpath(Subpath, refuse);
  if (source === "" && spec.ReadOnly === true) {
    throw refuse("must not set ReadOnly mode when using anonymous volumes");
  }
  const { Name: driver = "", Options: options } = DriverConfig;
  return {
    type: "volume",
    name: source === "" ? "" : checkVolumeName(source),
    target,
    isReadOnly: spec.ReadOnly ?? false,
    copiesContent: NoCopy !== true,
    subpath: Subpath,
    // As docker shows it
    mode: "z",
    ...(driver === "" ? {} : { driver }),
    ...(options === undefined ? {} : { options }),
    ...(Labels === undefined ? {} : { labels: Labels }),
  };
}

function planTmpfs(spec: MountSpec, { source, target, refuse }: Place): TmpfsMount {
  if (source !== "") throw refuse("field Source must not be specified");
  const { SizeBytes = 0, Mode } = spec.TmpfsOptions ?? {};
  const options = [
    ...(spec.ReadOnly === true ? ["ro"] : []),
    ...(Mode === undefined ? [] : [`mode=${Mode.toString(8)}`]),
    ...(SizeBytes === 0 ? [] : [`size=${formatSize(SizeBytes)}`]),
  ];
  return { type: "tmpfs", target, options: options.join(","), isListed: true };
}

const SIZE_UNITS = [[1 << 30, "g"], [1 << 20, "m"], [1 << 10, "k"], [1, ""]] as const;

/** In the largest unit that divides it, as docker passes it on. */
function formatSize(bytes: number): string {
  const [size, unit] = SIZE_UNITS.find(([size]) => bytes % size === 0) ?? [1, ""];
  return `${bytes / size}${unit}`;
}

function planImage(spec: MountSpec, { source, target, refuse }: Place): ImageMountRequest {
  if (source === "") throw refuse("field Source must not be empty");
  const { Subpath = "" } = spec.ImageOptions ?? {};
  checkSubpath(Subpath, refuse);
  return { type: "image", image: source, target, subpath: Subpath };
}

/** Whoever leads out of a volume by its links is found out when it is mounted. */
function checkSubpath(subpath: string, refuse: Place["refuse"]): void {
  if (subpath === "") return;
  let depth = 0;
  for (const part of subpath.split("/")) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    if (depth < 0) break;
  }
  if (subpath.startsWith("/") || depth < 0 || subpath.includes("\0")) {
    throw refuse("subpath must be a relative path within the volume");
  }
}
