/**
 * The steps by which a container has ids of its own.
 *
 * Its files belong on the disk to the ids 0, 1, 2 ..., as those of any container, and are mounted so that they belong to
 * its range. All mounts are made by the host's root, which joins the user namespace when everything is in place.
 *
 * @module
 */

import { CLONE_NEW, MOUNT_ATTR, MS } from "../../kernel/mount.ts";
import type { FilesInput } from "./launch_input.ts";
import type { IdRange, Namespaces } from "../record/namespaces.ts";
import type { Step } from "./plan.ts";
import type { OverlayDirectories } from "./plan_overlay.ts";

/** Bit of `attach-tree`: what belongs to 0, 1, 2 ... there belongs to the container's ids. */
export const TREE_IS_ID_MAPPED = 4;

/** The host's id that a container knows as `id`. */
export function hostId(range: IdRange | null, id: number): number {
  return range === null ? id : range.first + id;
}

/** Has what is made from here on, and the standard streams, belong to the container's root. */
export function planOwner(range: IdRange | null): Step[] {
  if (range === null) return [];
  const root = String(hostId(range, 0));
  return [["owner", root, root]];
}

/**
 * Leaves the host's root behind, for the first process.
 *
 * Namespaces of mounts and of names can be copied late, so that whoever gives the container CAP_SYS_ADMIN gives it power
 * over copies of its own. Those of processes and of IPC cannot, and stay the host's.
 */
export function planUserNamespace({ idRange, uts }: Namespaces): Step[] {
  const own = CLONE_NEW.NS | (uts === "private" ? CLONE_NEW.UTS : 0);
  return idRange === null ? [] : [["join-user", String(own)]];
}

/** Leaves the host's root behind, for a process that is in the other namespaces of the first one. */
export function planUserJoin(range: IdRange | null): Step[] {
  return range === null ? [] : [["join-user", "0"]];
}

/** Attaches a directory of the host in the new root, as the container's ids see it. */
function planMappedTree(source: string, target: string): Step {
  return [
    "attach-tree",
    source,
    target,
    String(TREE_IS_ID_MAPPED),
    String(MOUNT_ATTR.NODEV),
    String(MS.PRIVATE),
  ];
}

/** A root file system that is a copy, at `merged`. Nothing is attached to a root itself. */
export function planMappedCopy({ paths: { directory, merged } }: FilesInput): Step[] {
  return [["root", directory], planMappedTree(merged, merged.slice(directory.length))];
}

/** Where an overlay's directories are attached, in a file system that the overlay then covers. */
const OWN = "/own";
const LAYERS = "/layers";

/**
 * Attaches the layers of images as the container's ids see them, in a file system at `merged` that an overlay then
 * covers. They lie side by side, so that one mount shows them all.
 *
 * @param layers Absolute path of the directory that holds them.
 * @returns The steps, and where that directory is then.
 */
export function planMappedLayers(
  merged: string,
  layers: string,
): { steps: Step[]; directory: string } {
  const strict = String(MS.NOSUID | MS.NODEV | MS.NOEXEC);
  return {
    steps: [
      ["mount", "tmpfs", merged, "tmpfs", strict, "mode=700,size=64k"],
      ["root", merged],
      planMappedTree(layers, LAYERS),
    ],
    directory: merged + LAYERS,
  };
}

/**
 * Attaches an overlay's directories below `merged` as the container's ids see them.
 *
 * @returns The steps, and where the directories are then.
 */
export function planMappedDirectories(
  { config, paths: { directory, merged }, lowerDirectories }: FilesInput,
  { upper, work, lowers }: OverlayDirectories,
): { steps: Step[]; directories: OverlayDirectories } {
  const [first = ""] = lowerDirectories;
  const layers = config.root.type === "image" ? first.slice(0, first.lastIndexOf("/")) : first;
  const mapped = planMappedLayers(merged, layers);
  return {
    steps: [...mapped.steps, planMappedTree(directory, OWN)],
    directories: {
      merged,
      upper: merged + OWN + upper.slice(directory.length),
      work: merged + OWN + work.slice(directory.length),
      lowers: lowers.map((lower) => mapped.directory + lower.slice(layers.length)),
    },
  };
}

/** Options of a tmpfs that name owners, in ids of the host. */
export function mapTmpfsOwners(data: string, range: IdRange | null): string {
  if (range === null) return data;
  return data.replace(
    /(^|,)([ug]id)=(\d+)/g,
    (_, before: string, name: string, id: string) =>
      `${before}${name}=${hostId(range, Number(id))}`,
  );
}
