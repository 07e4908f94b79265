/** What `inspect` tells of a container's mounts, in docker's shape. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import {
  type BindOptions,
  type ContainerMount,
  isListed,
  type MountSpec,
  type VolumeOptions,
} from "../../container/record/mounts.ts";
import { VOLUME_DRIVER } from "../../volume/volume.ts";
import type { Inspection } from "../base/inspection.ts";

/**
 * What is mounted.
 *
 * @param findVolume Tells where what containers see of a volume is on the host.
 */
export function describeMounts(
  mounts: readonly ContainerMount[],
  findVolume: (name: string) => string,
): Inspection[] {
  return mounts.filter(isListed).map((mount) => ({
    Type: mount.type,
    ...describeSource(mount, findVolume),
  }));
}

function describeSource(
  mount: ContainerMount,
  findVolume: (name: string) => string,
): Inspection {
  const { target: Destination } = mount;
  switch (mount.type) {
    case "bind":
      return {
        Source: mount.source,
        Destination,
        Mode: mount.mode ?? "",
        RW: !mount.isReadOnly,
        Propagation: mount.propagation,
      };
    case "volume":
      return {
        Name: mount.name,
        Source: findVolume(mount.name),
        Destination,
        Driver: VOLUME_DRIVER,
        Mode: mount.mode ?? "",
        RW: !mount.isReadOnly,
        Propagation: "",
      };
    case "tmpfs": {
      const isReadOnly = mount.options.split(",").includes("ro");
      return { Source: "", Destination, Mode: "", RW: !isReadOnly, Propagation: "" };
    }
    case "image":
      // Its layers are only put together inside
      return {
        Name: mount.reference,
        Source: "",
        Destination,
        Mode: "",
        RW: false,
        Propagation: "rprivate",
      };
  }
}

/** The fields of `HostConfig` about mounts that are always there. */
export function describeGivenMounts(
  { givenMounts: { binds, volumeDriver, volumesFrom } }: Pick<ContainerConfig, "givenMounts">,
): Inspection {
  return {
    Binds: emptyToNull(binds),
    VolumeDriver: volumeDriver,
    VolumesFrom: emptyToNull(volumesFrom),
  };
}

/** What `--tmpfs` made; left out where there is nothing, as docker does it. */
export function describeTmpfs(mounts: readonly ContainerMount[]): Inspection {
  const options = mounts.flatMap((mount) =>
    mount.type === "tmpfs" && !isListed(mount) ? [[mount.target, mount.options] as const] : []
  );
  return options.length === 0 ? {} : { Tmpfs: inOrder(options) };
}

/** Each `--mount`; left out where there is none, as docker does it. */
export function describeSpecs(
  { givenMounts: { specs } }: Pick<ContainerConfig, "givenMounts">,
): Inspection {
  return specs.length === 0 ? {} : { Mounts: specs.map(describeSpec) };
}

/** In the order of docker's fields. */
function describeSpec(spec: MountSpec): Inspection {
  return given({
    Type: spec.Type,
    Source: spec.Source || undefined,
    Target: spec.Target,
    ReadOnly: spec.ReadOnly,
    Consistency: spec.Consistency || undefined,
    BindOptions: spec.BindOptions && describeBindOptions(spec.BindOptions),
    VolumeOptions: spec.VolumeOptions && describeVolumeOptions(spec.VolumeOptions),
    ImageOptions: spec.ImageOptions && given({ Subpath: spec.ImageOptions.Subpath || undefined }),
    TmpfsOptions: spec.TmpfsOptions && given({
      SizeBytes: spec.TmpfsOptions.SizeBytes || undefined,
      Mode: spec.TmpfsOptions.Mode || undefined,
    }),
  });
}

function describeBindOptions(options: BindOptions): Inspection {
  return given({
    Propagation: options.Propagation || undefined,
    NonRecursive: options.NonRecursive,
    CreateMountpoint: options.CreateMountpoint,
    ReadOnlyNonRecursive: options.ReadOnlyNonRecursive,
    ReadOnlyForceRecursive: options.ReadOnlyForceRecursive,
    IdMapped: options.IdMapped,
  });
}

function describeVolumeOptions(
  { NoCopy, Labels, Subpath, DriverConfig }: VolumeOptions,
): Inspection {
  return given({
    NoCopy,
    Labels: describeTexts(Labels),
    Subpath: Subpath || undefined,
    DriverConfig: DriverConfig && given({
      Name: DriverConfig.Name || undefined,
      Options: describeTexts(DriverConfig.Options),
    }),
  });
}

function describeTexts(texts: Readonly<Record<string, string>> = {}): Inspection | undefined {
  const entries = Object.entries(texts);
  return entries.length === 0 ? undefined : inOrder(entries);
}

/** What the image and `-v PATH` want to be volumes; `null` if there is nothing, as docker has it. */
export function describeVolumes(
  { givenMounts: { volumes } }: Pick<ContainerConfig, "givenMounts">,
): Inspection | null {
  return volumes.length === 0 ? null : inOrder(volumes.map((path) => [path, {}]));
}

/** What is empty is left out, as docker does it. */
function given(fields: Readonly<Record<string, unknown>>): Inspection {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** As Go writes maps. */
function inOrder(entries: readonly (readonly [name: string, value: unknown])[]): Inspection {
  return Object.fromEntries(entries.toSorted(([a], [b]) => a < b ? -1 : 1));
}

function emptyToNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}
