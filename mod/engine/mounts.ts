/** From the mounts that somebody asks for to those that a container's record has. @module */

import type { BindMount, ContainerMount, TmpfsMount } from "../container/mounts.ts";
import { WherryError } from "../errors.ts";
import { lockVolumes, removeVolumeFiles } from "../volume/volume_store.ts";
import type { Engine } from "./engine.ts";
import type { ImageDefaults } from "./image_source.ts";
import { ensureVolume } from "./volumes.ts";

/** A volume that is to appear inside; made if there is none of its name. */
export interface VolumeRequest {
  /** Tells it from other mounts. */
  type: "volume";
  /** Name of the volume; empty for a new one that goes with the container. */
  name: string;
  /** Absolute path inside. */
  target: string;
  /** Whether it cannot be written to from inside. */
  isReadOnly: boolean;
  /** Whether an empty volume is given what the image has at the target. */
  copiesContent: boolean;
  /** Relative path of what appears in place of the whole volume; empty for the whole. */
  subpath: string;
  /** Driver of a volume that has to be made. @default {"local"} */
  driver?: string;
  /** Options of the driver of a volume that has to be made. @default {none} */
  options?: Readonly<Record<string, string>>;
  /** Labels of a volume that has to be made. @default {none} */
  labels?: Readonly<Record<string, string>>;
  /** Options as `-v` had them, which `inspect` shows. @default {none} */
  mode?: string;
}

/** The files of an image that are to appear inside, read-only. */
export interface ImageMountRequest {
  /** Tells it from other mounts. */
  type: "image";
  /** A reference or id. */
  image: string;
  /** Absolute path inside. */
  target: string;
  /** Relative path of what appears in place of the whole image; empty for the whole. */
  subpath: string;
}

/** Something that is to be mounted inside a container. */
export type MountRequest = BindMount | TmpfsMount | VolumeRequest | ImageMountRequest;

/** Another container whose volumes and bind mounts are to appear inside, too. */
export interface VolumesFromRequest {
  /** A name, an id or the beginning of an id. */
  container: string;
  /** Whether they cannot, or can, be written to; each as it is there if left out. */
  isReadOnly?: boolean;
}

/** What of a request is about mounts. */
export interface MountRequests {
  /** What is mounted inside, besides the defaults. @default {none} */
  mounts?: readonly MountRequest[];
  /** Other containers whose mounts appear inside, too. @default {none} */
  volumesFrom?: readonly VolumesFromRequest[];
}

/** Mounts whose volumes exist, and stay until this is disposed of. */
export interface ResolvedMounts extends Disposable {
  /** For the record. */
  mounts: ContainerMount[];
  /** Says that the record names the volumes: those that were made for it stay. */
  keep(): void;
}

/** What an image has that mounts depend on. */
export type MountDefaults = Pick<ImageDefaults, "volumes">;

/**
 * Makes the volumes that are missing, and keeps all of them from being removed meanwhile.
 *
 * @throws {WherryError} `invalid_argument` for what makes no sense, `not_found` for an image or a container.
 */
export function resolveMounts(
  engine: Engine,
  { mounts = [], volumesFrom = [] }: MountRequests,
  _image: MountDefaults,
): ResolvedMounts {
  if (volumesFrom.length > 0) {
    throw new WherryError("unsupported", "Cannot use the volumes of another container yet");
  }
  using undo = new DisposableStack();
  if (mounts.some(({ type }) => type === "volume")) {
    Deno.mkdirSync(engine.paths.root, { recursive: true });
    undo.use(lockVolumes(engine.paths, "shared"));
  }
  const made: string[] = [];
  undo.defer(() => made.forEach((name) => removeVolumeFiles(engine.paths, name)));
  const resolved = mounts.map((mount) => resolveMount(engine, mount, made));
  const held = undo.move();
  return {
    mounts: resolved,
    keep: () => void made.splice(0),
    [Symbol.dispose]: () => held.dispose(),
  };
}

function resolveMount(engine: Engine, mount: MountRequest, made: string[]): ContainerMount {
  if (mount.type === "image") {
    throw new WherryError("unsupported", `Cannot mount the image "${mount.image}" yet`);
  }
  if (mount.type !== "volume") return mount;
  const { name: wanted, driver, options, labels, ...rest } = mount;
  const { volume: { name }, isNew } = ensureVolume(engine, {
    ...(wanted === "" ? {} : { name: wanted }),
    ...(driver === undefined ? {} : { driver }),
    ...(options === undefined ? {} : { options }),
    ...(labels === undefined ? {} : { labels }),
  });
  if (isNew) made.push(name);
  return { ...rest, name, isAnonymous: wanted === "" };
}
