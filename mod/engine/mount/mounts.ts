/** From the mounts that somebody asks for to those that a container's record has. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import type {
  BindMount,
  ContainerMount,
  ImageMount,
  TmpfsMount,
  VolumeMount,
} from "../../container/record/mounts.ts";
import { WherryError } from "../../errors.ts";
import { lockImages } from "../../image/store/image_index.ts";
import { ImagePaths } from "../../image/store/image_paths.ts";
import { getImage } from "../../image/store/images.ts";
import { isEmptyDirectory } from "../../kernel/directory.ts";
import { isPresent } from "../../kernel/entry.ts";
import { lockVolumes, readVolume } from "../../volume/volume_store.ts";
import { claimVolumes, removeUnclaimedVolumes } from "./anonymous_volumes.ts";
import { type Engine, systemFailure } from "../base/engine.ts";
import { layerNamesOf } from "../image/image_source.ts";
import { checkTarget } from "./mount_target.ts";
import { copyEmptyDirectory, findRootContent, type RootContent } from "./root_content.ts";
import type { VolumeCopy } from "./volume_copy_support.ts";
import { volumeNamesOf } from "./volume_use.ts";
import { ensureVolume } from "./volumes.ts";
import { findBorrowedMounts, type VolumesFromRequest } from "./volumes_from.ts";

export type { VolumesFromRequest } from "./volumes_from.ts";

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

/** What of a request is about mounts. */
export interface MountRequests {
  /** What is mounted inside, besides the defaults. @default {none} */
  mounts?: readonly MountRequest[];
  /** Other containers whose mounts appear inside, too. @default {none} */
  volumesFrom?: readonly VolumesFromRequest[];
  /** How many ids of its own the container has. @default {the host's} */
  ownIds?: number;
}

/** Mounts whose volumes and images exist, and stay until this is disposed of. */
export interface ResolvedMounts extends Disposable {
  /** For the record. */
  mounts: ContainerMount[];
  /** Says that the record names the volumes: those that were made for it stay. */
  keep(): void;
}

/** What mounts depend on besides what somebody asks for. */
export interface MountBase extends Pick<ContainerConfig, "root" | "storageDriver"> {
  /** Paths inside that the image wants to be volumes. */
  volumes: readonly string[];
}

/**
 * Whether some volume has to be filled by code that is not always loaded, as things are at this moment.
 *
 * @throws {WherryError} As {@linkcode resolveMounts}.
 */
export function needsVolumeCopy(
  engine: Engine,
  requests: MountRequests,
  base: MountBase,
): boolean {
  if (isAllPlain(requests, base)) return false;
  using undo = new DisposableStack();
  undo.use(lockVolumes(engine.paths, "shared"));
  return planMounts(engine, requests, base, undo).some(({ needsCopying }) => needsCopying);
}

/** {@linkcode MountBase}, and how volumes are filled. */
export interface MountMeans extends MountBase {
  /** `undefined` if it is not loaded. */
  copying: VolumeCopy | undefined;
}

/**
 * Makes the volumes that are missing, fills those that are empty, and keeps all of them from being removed meanwhile.
 *
 * @returns `undefined`, with nothing made, if the code that fills volumes is needed and not loaded.
 * @throws {WherryError} `invalid_argument` for what makes no sense, `not_found` for an image or a container.
 */
export function resolveMounts(
  engine: Engine,
  requests: MountRequests,
  means: MountMeans,
): ResolvedMounts | undefined {
  if (isAllPlain(requests, means)) {
    return { mounts: [...requests.mounts ?? []], keep: () => {}, [Symbol.dispose]: () => {} };
  }
  try {
    return resolveShared(engine, requests, means);
  } catch (cause) {
    throw systemFailure("prepare the mounts of a container", cause);
  }
}

/** Mounts that need nothing of what wherry keeps. */
interface PlainRequests extends MountRequests {
  mounts?: readonly (BindMount | TmpfsMount)[];
}

function isAllPlain(requests: MountRequests, { volumes }: MountBase): requests is PlainRequests {
  const { mounts = [], volumesFrom = [] } = requests;
  return volumes.length + volumesFrom.length === 0 &&
    mounts.every(({ type }) => type === "bind" || type === "tmpfs");
}

function resolveShared(
  engine: Engine,
  requests: MountRequests,
  base: MountMeans,
): ResolvedMounts | undefined {
  using undo = new DisposableStack();
  const lock = lockVolumes(engine.paths, "shared");
  undo.use(lock);
  const planned = planMounts(engine, requests, base, undo);
  if (base.copying === undefined && planned.some(({ needsCopying }) => needsCopying)) {
    return undefined;
  }
  const made: string[] = [];
  undo.defer(() => {
    if (made.length === 0) return;
    // Somebody else may have come to use one of them: who removes them has to be alone
    lock[Symbol.dispose]();
    removeUnclaimedVolumes(engine, made);
  });
  const resolved = planned.map((plan) => makeMount(engine, plan, { base, made }));
  const held = undo.move();
  return {
    mounts: resolved,
    keep: () => {
      made.length = 0;
      claimVolumes(engine, volumeNamesOf({ mounts: resolved }));
    },
    [Symbol.dispose]: () => held.dispose(),
  };
}

/** A mount of the container, before anything has been made for it. */
interface PlannedMount {
  /** As the record has it, or the volume that is wanted. */
  mount: BindMount | TmpfsMount | ImageMount | VolumeMount | VolumeRequest;
  /** What an empty volume gets. */
  content: RootContent;
  /** Whether filling it takes more than is always loaded. */
  needsCopying: boolean;
}

function planMounts(
  engine: Engine,
  { mounts = [], volumesFrom = [], ownIds }: MountRequests,
  base: MountBase,
  undo: DisposableStack,
): PlannedMount[] {
  const targets = new Set(mounts.map(({ target }) => target));
  const borrowed = findBorrowedMounts(engine, volumesFrom, { hasOwnIds: ownIds !== undefined })
    .filter(({ target }) => !targets.has(target));
  for (const { target } of borrowed) targets.add(target);
  const wanted = new Set(base.volumes.map(parseImageVolume).filter((path) => !targets.has(path)));
  return [
    ...mounts.map((mount) => mount.type === "image" ? findImageMount(engine, mount, undo) : mount),
    ...borrowed,
    ...Array.from(wanted, anonymousVolume),
  ].map((mount) => planFilling(engine, mount, base));
}

/** What nobody gave a name. */
function anonymousVolume(target: string): VolumeRequest {
  const [isReadOnly, copiesContent] = [false, true];
  return { type: "volume", name: "", target, isReadOnly, copiesContent, subpath: "" };
}

/**
 * Reads a path that an image wants to be a volume; as with docker it may be relative to the root.
 *
 * @throws {WherryError} `invalid_argument` if there cannot be a volume.
 */
function parseImageVolume(text: string): string {
  return checkTarget(`/${text}`, {
    refuse: (why) =>
      new WherryError("invalid_argument", `Cannot make the volume ${JSON.stringify(text)}: ${why}`),
  });
}

/** The image stays until the record names it. */
function findImageMount(
  { paths: { root } }: Engine,
  { image: reference, target, subpath }: ImageMountRequest,
  undo: DisposableStack,
): ImageMount {
  const paths = new ImagePaths(root);
  undo.use(lockImages(paths, "shared"));
  const { id, layerDirs } = getImage(paths, reference);
  const layers = layerNamesOf(paths, layerDirs);
  return { type: "image", imageId: id, reference, layers, target, subpath };
}

function planFilling(
  engine: Engine,
  mount: PlannedMount["mount"],
  base: MountBase,
): PlannedMount {
  const none = { type: "none" } as const;
  if (mount.type !== "volume") return { mount, content: none, needsCopying: false };
  const { directory, filling } = engine.paths.volume(mount.name);
  const exists = mount.name !== "" && isPresent(directory);
  const wasInterrupted = exists && isPresent(filling);
  const content = isFillable(engine, mount, exists)
    ? findRootContent(engine, { ...base, target: mount.target })
    : none;
  if (content.type === "other") {
    throw new WherryError(
      "invalid_argument",
      `Cannot mount a volume at "${mount.target}": the image has a file there`,
    );
  }
  return { mount, content, needsCopying: wasInterrupted || content.type === "tree" };
}

/** As with docker neither what holds something is filled, nor what appears only in part. */
function isFillable(
  { paths }: Engine,
  { name, copiesContent, subpath, ...rest }: VolumeMount | VolumeRequest,
  exists: boolean,
): boolean {
  if (!copiesContent || subpath !== "") return false;
  if (!exists) return !("options" in rest) || isPlainVolume(rest.options);
  if (!isEmptyDirectory(paths.volume(name).data)) return false;
  return isPlainVolume(readVolume(paths, name)?.options);
}

/** Whether a volume is a directory, and not another file system that is mounted when it is used. */
function isPlainVolume(options: VolumeRequest["options"] = {}): boolean {
  return Object.keys(options).length === 0;
}

function makeMount(
  engine: Engine,
  { mount, content, needsCopying }: PlannedMount,
  { base, made }: { base: MountMeans; made: string[] },
): ContainerMount {
  if (mount.type !== "volume") return mount;
  const source = { ...base, target: mount.target };
  if ("isAnonymous" in mount) {
    if (needsCopying) base.copying?.finishVolume(engine, mount.name);
    return mount;
  }
  const { name: wanted, driver, options, labels, ...rest } = mount;
  const { volume, isNew } = ensureVolume(engine, {
    ...(wanted === "" ? {} : { name: wanted }),
    ...(driver === undefined ? {} : { driver }),
    ...(options === undefined ? {} : { options }),
    ...(labels === undefined ? {} : { labels }),
  }, ({ data, unclaimed }) => {
    Deno.writeTextFileSync(unclaimed, "", { mode: 0o600 });
    if (content.type === "empty") copyEmptyDirectory(content.path, data);
    if (content.type === "tree") base.copying?.fillNewVolume(engine, source, data);
  });
  const { name } = volume;
  const isElsewhere = !isPlainVolume(volume.options);
  if (isNew) made.push(name);
  else if (content.type === "tree") base.copying?.fillExistingVolume(engine, source, name);
  else if (needsCopying) base.copying?.finishVolume(engine, name);
  else if (content.type === "empty") fillWithNothing(engine, name, content.path);
  return {
    ...rest,
    name,
    isAnonymous: wanted === "",
    ...(isElsewhere ? { isElsewhere } : {}),
  };
}

/** Another container may have put something in since. */
function fillWithNothing({ paths }: Engine, name: string, source: string): void {
  const { data } = paths.volume(name);
  if (isEmptyDirectory(data)) copyEmptyDirectory(source, data);
}
