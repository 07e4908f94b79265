/** The steps of what somebody asked to have mounted. @module */

import { MOUNT_ATTR, MS } from "../../kernel/mount.ts";
import type { FilesInput } from "./launch_input.ts";
import type {
  BindMount,
  ContainerMount,
  ImageMount,
  Propagation,
  TmpfsMount,
  VolumeMount,
} from "../record/mounts.ts";
import type { Step } from "./plan.ts";
import { areDevicesLeftToMounts, tmpfsOptions } from "./plan_devices.ts";
import { mapTmpfsOwners, planMappedLayers, TREE_IS_ID_MAPPED } from "./plan_ids.ts";
import { planOverlay } from "./plan_overlay.ts";

/** What mount(2) is told to have mounts propagate so. */
export const PROPAGATION_FLAGS: Record<Propagation, number> = {
  private: MS.PRIVATE | MS.REC,
  rprivate: MS.PRIVATE | MS.REC,
  slave: MS.SLAVE,
  rslave: MS.SLAVE | MS.REC,
  shared: MS.SHARED,
  rshared: MS.SHARED | MS.REC,
};

/** Bits of `take-tree`, besides {@linkcode TREE_IS_ID_MAPPED}. */
const TREE_IS_RECURSIVE = 1;
const TREE_SOURCE_IS_CREATED = 2;
const TREE_LINKS_ARE_IN_ROOT = 8;
/** Bit of `take-tree`: only the topmost mount goes on propagating. */
export const TREE_TOP_IS_IN_GROUP = 16;

/** Bit of `attach-taken`: what the kernel cannot set of all mounts in it is an error. */
export const ATTACHING_IS_STRICT = 1;

/** A mount that is a copy of mounts of the host. */
type TreeMount = Exclude<ContainerMount, TmpfsMount>;

/** What is copied, and what the copy is like. */
interface Tree {
  source: string;
  subpath: string;
  flags: number;
  isStrict: boolean;
  /** `MOUNT_ATTR` bits of all mounts in it. */
  attributes: number;
  /** `MOUNT_ATTR` bits of the topmost one, besides. */
  topAttributes: number;
  propagation: Propagation;
}

/** Whether what is mounted there later shows up on the host. */
export function isShared(mount: ContainerMount): boolean {
  return mount.type === "bind" && mount.propagation.endsWith("shared");
}

/** Whether it shows files of an image that take an overlay. */
function isStacked(mount: ContainerMount): boolean {
  return mount.type === "image" && mount.layers.length > 1;
}

/** Copies what is to stay in its peer group, which nothing does once the host's mounts are slaves. */
export function planSharedTrees(input: FilesInput): Step[] {
  return input.config.mounts.flatMap((mount) =>
    mount.type === "bind" && isShared(mount) ? [planTake(mount, input)] : []
  );
}

/** Copies the files of images: each is mounted where the root will be, which then covers them. */
export function planImageTrees(input: FilesInput): Step[] {
  const { config: { mounts, namespaces: { idRange } }, paths: { merged }, layersDirectory } = input;
  return mounts.flatMap((mount) => {
    if (mount.type !== "image" || !isStacked(mount)) return [];
    const mapped = idRange === null ? undefined : planMappedLayers(merged, layersDirectory);
    const lowers = mount.layers.toReversed()
      .map((layer) => `${mapped?.directory ?? layersDirectory}/${layer}`);
    return [
      ...(mapped?.steps ?? []),
      planOverlay({ merged, upper: "", work: "", lowers }, MS.RDONLY | MS.NODEV),
      planTake(mount, input),
    ];
  });
}

/** Mounts what was asked for, parents before what is mounted on them. */
export function planRequestedMounts(mounts: readonly ContainerMount[], input: FilesInput): Step[] {
  const depth = ({ target }: ContainerMount): number => target.split("/").length;
  return mounts
    .toSorted((a, b) => depth(a) - depth(b))
    .flatMap((mount) => {
      if (mount.type === "tmpfs") return [planTmpfs(mount, input)];
      const isTaken = isShared(mount) || isStacked(mount);
      return [...(isTaken ? [] : [planTake(mount, input)]), planAttach(mount, input)];
    });
}

function planTmpfs(mount: TmpfsMount, { config }: FilesInput): Step {
  const { flags, data } = tmpfsOptions(mount);
  const owned = mapTmpfsOwners(data, config.namespaces.idRange);
  return ["mount-at", "tmpfs", mount.target, "tmpfs", String(flags), owned];
}

function planTake(mount: TreeMount, input: FilesInput): Step {
  const { source, subpath, flags } = treeOf(mount, input);
  return ["take-tree", numberOf(mount, input), source, subpath, String(flags)];
}

function planAttach(mount: TreeMount, input: FilesInput): Step {
  const { isStrict, attributes, topAttributes, propagation } = treeOf(mount, input);
  return [
    "attach-taken",
    numberOf(mount, input),
    mount.target,
    String(isStrict ? ATTACHING_IS_STRICT : 0),
    String(attributes),
    String(topAttributes),
    String(PROPAGATION_FLAGS[propagation]),
  ];
}

/** Those that are taken early have a descriptor each; all others have one after the other. */
function numberOf(mount: TreeMount, { config: { mounts } }: FilesInput): string {
  const early = mounts.filter((other) => isShared(other) || isStacked(other));
  const index = early.indexOf(mount);
  return String(index < 0 ? early.length : index);
}

function treeOf(mount: TreeMount, input: FilesInput): Tree {
  switch (mount.type) {
    case "bind":
      return treeOfBind(mount, input);
    case "volume":
      return treeOfVolume(mount, input);
    case "image":
      return treeOfImage(mount, input);
  }
}

function treeOfBind(mount: BindMount, { devices }: FilesInput): Tree {
  const { source, isReadOnly, propagation, recursion = "enabled" } = mount;
  // Who names /dev or a device in it wants devices; elsewhere the container could make any with CAP_MKNOD
  const hasDevices = !areDevicesLeftToMounts(devices) || `${source}/`.startsWith("/dev/");
  const isWritableBelow = recursion === "writable";
  const readOnly = isReadOnly ? MOUNT_ATTR.RDONLY : 0;
  return {
    source,
    subpath: "",
    flags: (recursion === "disabled" ? 0 : TREE_IS_RECURSIVE) |
      (mount.createsSource ? TREE_SOURCE_IS_CREATED : 0) |
      (mount.isIdMapped === true ? TREE_IS_ID_MAPPED : 0) |
      (propagation === "shared" || propagation === "slave" ? TREE_TOP_IS_IN_GROUP : 0),
    isStrict: recursion === "readonly",
    attributes: (hasDevices ? 0 : MOUNT_ATTR.NODEV) | (isWritableBelow ? 0 : readOnly),
    topAttributes: isWritableBelow ? readOnly : 0,
    propagation,
  };
}

/** What belongs to 0, 1, 2 ... in a volume belongs to the same ids inside, as in the container's own layers. */
function treeOfVolume(
  { name, subpath, isReadOnly }: VolumeMount,
  { config, devices, volumeSources }: FilesInput,
): Tree {
  const source = volumeSources.get(name);
  if (source === undefined) throw new TypeError(`Cannot plan the volume "${name}": no source`);
  const isMapped = config.namespaces.idRange !== null;
  return {
    source,
    subpath,
    flags: TREE_IS_RECURSIVE | (isMapped ? TREE_IS_ID_MAPPED : 0),
    isStrict: false,
    attributes: (areDevicesLeftToMounts(devices) ? MOUNT_ATTR.NODEV : 0) |
      (isReadOnly ? MOUNT_ATTR.RDONLY : 0),
    topAttributes: 0,
    propagation: "rprivate",
  };
}

/** Links of an image are those of a root file system: an absolute one begins at the image. */
function treeOfImage(
  mount: ImageMount,
  { config, paths: { merged }, layersDirectory }: FilesInput,
): Tree {
  const isMapped = config.namespaces.idRange !== null && !isStacked(mount);
  return {
    source: isStacked(mount) ? merged : `${layersDirectory}/${mount.layers[0]}`,
    subpath: mount.subpath,
    flags: TREE_LINKS_ARE_IN_ROOT | (isMapped ? TREE_IS_ID_MAPPED : 0),
    isStrict: false,
    attributes: MOUNT_ATTR.RDONLY | MOUNT_ATTR.NODEV,
    topAttributes: 0,
    propagation: "rprivate",
  };
}
