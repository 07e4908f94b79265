/** What is mounted inside a container on request. @module */

/** A host directory or file that appears inside. */
export interface BindMount {
  /** Tells it from other mounts. */
  type: "bind";
  /** Absolute path on the host. */
  source: string;
  /** Absolute path inside. */
  target: string;
  /** Whether it cannot be written to from inside. */
  isReadOnly: boolean;
  /** Whether a missing source becomes a directory, as `-v` does. */
  createsSource: boolean;
  /** How mounts made below one side show up on the other. */
  propagation: Propagation;
  /** Whether what belongs to 0, 1, 2 ... there belongs to the same ids inside, of a container with its own. @default {false} */
  isIdMapped?: boolean;
  /** What becomes of what is mounted below the source. @default {"enabled"} */
  recursion?: BindRecursion;
  /** Options as `-v` had them, which `inspect` shows. @default {none} */
  mode?: string;
}

/**
 * What becomes of what is mounted below the source of a bind mount, in docker's words (`bind-recursive`): it appears
 * inside (`enabled`: read-only with the rest where the kernel can, since Linux 5.12), it does not (`disabled`), it
 * stays writable whatever the rest is (`writable`), or the container is refused where it cannot be made read-only
 * (`readonly`).
 */
export type BindRecursion = "enabled" | "disabled" | "writable" | "readonly";

/** A new, empty file system in memory. */
export interface TmpfsMount {
  /** Tells it from other mounts. */
  type: "tmpfs";
  /** Absolute path inside. */
  target: string;
  /** Options as mount(8) writes them, for example `size=64m,mode=1777,noexec`. */
  options: string;
  /** Whether `inspect` shows it among the mounts, as docker does with those of `--mount`. @default {false} */
  isListed?: boolean;
}

/** A volume that appears inside. */
export interface VolumeMount {
  /** Tells it from other mounts. */
  type: "volume";
  /** Of the volume. */
  name: string;
  /** Absolute path inside. */
  target: string;
  /** Whether it cannot be written to from inside. */
  isReadOnly: boolean;
  /** Whether the volume was made for this container, and goes with it if nobody else uses it (`rm -v`, `--rm`). */
  isAnonymous: boolean;
  /** Whether an empty volume is given what the image has at the target. */
  copiesContent: boolean;
  /** Relative path of a directory or file in the volume that appears in place of the whole; empty for the whole. */
  subpath: string;
  /** Whether the volume has options, so that its content is not in its own directory. @default {false} */
  isElsewhere?: boolean;
  /** Options as `-v` had them, which `inspect` shows. @default {none} */
  mode?: string;
}

/** The files of an image that appear inside, read-only. */
export interface ImageMount {
  /** Tells it from other mounts. */
  type: "image";
  /** Digest of the config blob. */
  imageId: string;
  /** What the user typed. */
  reference: string;
  /** Names of the unpacked layers below `layers/`, base layer first. */
  layers: string[];
  /** Absolute path inside. */
  target: string;
  /** Relative path of a directory or file in the image that appears in place of the whole; empty for the whole. */
  subpath: string;
}

/** Something mounted inside a container on request. */
export type ContainerMount = BindMount | TmpfsMount | VolumeMount | ImageMount;

/** How mounts made later below one side of a bind mount show up on the other; see mount_namespaces(7). */
export type Propagation = "rprivate" | "private" | "rslave" | "slave" | "rshared" | "shared";

/**
 * One mount as docker's API has it, and `--mount` says it; what is left out is empty, false or the default.
 *
 * @see {@link https://pkg.go.dev/github.com/docker/docker@v28.2.2+incompatible/api/types/mount#Mount}
 */
export interface MountSpec {
  /** `bind`, `volume`, `tmpfs` or `image`. */
  Type: string;
  /** A path of the host, a volume's name or an image's reference. */
  Source?: string;
  /** Absolute path inside. */
  Target?: string;
  /** Whether it cannot be written to from inside. */
  ReadOnly?: boolean;
  /** Without effect on Linux. */
  Consistency?: string;
  /** Of a bind mount only. */
  BindOptions?: BindOptions;
  /** Of a volume only. */
  VolumeOptions?: VolumeOptions;
  /** Of an image only: a relative path of what appears in place of the whole. */
  ImageOptions?: { Subpath?: string };
  /** Of a tmpfs only. */
  TmpfsOptions?: {
    /** In bytes; 0 for half of the memory. */
    SizeBytes?: number;
    /** Permission bits. */
    Mode?: number;
  };
}

/** What a {@linkcode MountSpec} says of a bind mount. */
export interface BindOptions {
  /** One of {@linkcode Propagation}. */
  Propagation?: string;
  /** `disabled` of {@linkcode BindRecursion}. */
  NonRecursive?: boolean;
  /** Whether a missing source becomes a directory. */
  CreateMountpoint?: boolean;
  /** `writable` of {@linkcode BindRecursion}. */
  ReadOnlyNonRecursive?: boolean;
  /** `readonly` of {@linkcode BindRecursion}. */
  ReadOnlyForceRecursive?: boolean;
  /** Wherry's own; see {@linkcode BindMount.isIdMapped}. */
  IdMapped?: boolean;
}

/** What a {@linkcode MountSpec} says of a volume. */
export interface VolumeOptions {
  /** Whether an empty volume stays empty. */
  NoCopy?: boolean;
  /** Of a volume that has to be made. */
  Labels?: Record<string, string>;
  /** Relative path of what appears in place of the whole volume. */
  Subpath?: string;
  /** Of a volume that has to be made. */
  DriverConfig?: { Name?: string; Options?: Record<string, string> };
}

/** What somebody said of mounts, as docker's `inspect` tells it: what became of it is another matter. */
export interface GivenMounts {
  /** `SOURCE:TARGET[:OPTIONS]` of each `-v`, the source a name or an absolute path. */
  binds: string[];
  /** Each `--mount`. */
  specs: MountSpec[];
  /** Each `--volumes-from`. */
  volumesFrom: string[];
  /** `--volume-driver`; empty if it was not given. */
  volumeDriver: string;
  /** Paths inside that the image, or `-v` with nothing but a path, wants to be volumes. */
  volumes: string[];
}

/** Nobody said anything of mounts. */
export const NO_GIVEN_MOUNTS: Readonly<GivenMounts> = {
  binds: [],
  specs: [],
  volumesFrom: [],
  volumeDriver: "",
  volumes: [],
};

/** Whether docker has it among a container's mounts: what `--tmpfs` makes it tells of in another place. */
export function isListed(mount: ContainerMount): boolean {
  return mount.type !== "tmpfs" || mount.isListed === true;
}

/** What lists and filters call a mount: what is mounted; empty for a tmpfs. */
export function mountNameOf(mount: ContainerMount): string {
  switch (mount.type) {
    case "bind":
      return mount.source;
    case "volume":
      return mount.name;
    case "tmpfs":
      return "";
    case "image":
      return mount.reference;
  }
}
