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
