/** The root file system of a container, as it is on disk. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import { MANAGED_ETC_FILES } from "../../container/launch/plan_mounts.ts";
import { type ByteString, byteStringOfText } from "../../image/tar/byte_string.ts";
import { type ChangedTree, type TreeChange, treeChanges } from "../../image/layer/tree_changes.ts";
import { changedMembers, layerMembers } from "../../image/layer/layer_writer.ts";
import type { TarMember } from "../../image/tar/tar_writer.ts";
import type { TreeSource } from "../../image/layer/tree_walk.ts";
import { isPresent } from "../../kernel/entry.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import type { Engine } from "../base/engine.ts";
import { type Container, noSuchContainer } from "./find.ts";
import { lowerDirectoriesOf, ownDirectoryOf } from "../base/storage.ts";

const ETC = byteStringOfText("etc");
const BELOW_ETC = "etc/";

/** Where something is mounted in every container, so that what the image lacks of it is made when one starts. */
const DEFAULT_MOUNT_POINTS: ReadonlySet<ByteString> = new Set(
  ["dev", "proc", "sys", ...MANAGED_ETC_FILES.map((name) => `${BELOW_ETC}${name}`)]
    .map(byteStringOfText),
);

/** Whether a path is there for what is mounted on it in every container: nobody inside can have changed it. */
function isDefaultMountPoint(path: ByteString): boolean {
  return DEFAULT_MOUNT_POINTS.has(path);
}

/**
 * What a container has changed in its files, without what is there only because something is mounted on it in every
 * container.
 *
 * @throws {SystemError} If they cannot be read.
 */
export function containerChanges(engine: Engine, { config, paths }: Container): TreeChange[] {
  return treeChanges(changedTreeOf(config, paths), lowerSources(engine, config), {
    isExcluded: isDefaultMountPoint,
  });
}

function changedTreeOf(config: ContainerConfig, paths: ContainerPaths): ChangedTree {
  return { path: ownDirectoryOf(config, paths), isWhole: config.storageDriver === "copy" };
}

/**
 * What is to be left out of a container's own changes when they become a layer: what is mounted on in every
 * container, and `/etc` if nothing else is in it.
 *
 * @throws {SystemError} If they cannot be read.
 */
function excludedFromLayer(
  engine: Engine,
  { config, paths }: Container,
): (path: ByteString) => boolean {
  const changes = treeChanges(changedTreeOf(config, paths), lowerSources(engine, config), {
    isExcluded: (path) => isDefaultMountPoint(path) || path !== ETC && !path.startsWith(BELOW_ETC),
  });
  if (changes.length > 0) return isDefaultMountPoint;
  return (path) => path === ETC || isDefaultMountPoint(path);
}

/** Directories that a container's root file system is made of below its own changes, the topmost first. */
export function lowerSources(engine: Engine, config: ContainerConfig): TreeSource[] {
  const mayHoldMounts = config.root.type === "directory";
  return lowerDirectoriesOf(engine, config).toReversed()
    .map((path) => ({ path, mayHoldMounts, mayHoldMarkers: !mayHoldMounts }));
}

/** Directories that a container's root file system is made of, the topmost first. */
export function rootSources(engine: Engine, { config, paths }: Container): TreeSource[] {
  const own = { path: ownDirectoryOf(config, paths), mayHoldMounts: false };
  return config.storageDriver === "copy" ? [own] : [own, ...lowerSources(engine, config)];
}

/**
 * Makes sure that all has been there which was read: whoever removes a container removes its record first.
 *
 * @throws {WherryError} `not_found` if the container has been removed meanwhile.
 */
export function checkStillThere({ config: { name }, paths }: Container): void {
  if (!isPresent(paths.config)) throw noSuchContainer(name);
}

/**
 * The members of a layer with what a container has changed on top of its image.
 *
 * @param onUnnameable See `layer_writer.ts`.
 * @throws {WherryError} `unsupported` if something cannot be in a layer.
 * @throws {SystemError} If files cannot be read.
 */
export function* changedLayerMembers(
  engine: Engine,
  container: Container,
  onUnnameable: (path: ByteString) => void,
): Generator<TarMember> {
  const { config, paths } = container;
  const own = ownDirectoryOf(config, paths);
  if (config.storageDriver === "copy") {
    yield* changedMembers(own, containerChanges(engine, container), { onUnnameable });
  } else {
    const isExcluded = excludedFromLayer(engine, container);
    yield* layerMembers(own, { isExcluded, onUnnameable });
  }
}
