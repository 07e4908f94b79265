/** What an engine takes of the disk, and how much of that nothing needs. @module */

import { listBlobs } from "../../image/store/blob_store.ts";
import { type ChainId, digestFromHex } from "../../image/spec/digest.ts";
import { ImageDocuments } from "../../image/store/image_documents.ts";
import { lockImages, readIndex } from "../../image/store/image_index.ts";
import {
  type ListedImage,
  sizeOf,
  sortOut,
  type StoredImage,
} from "../../image/store/image_list.ts";
import { ImagePaths } from "../../image/store/image_paths.ts";
import { findGarbage, type Garbage } from "../../image/store/image_sweep.ts";
import { LayerSizes } from "../../image/store/layer_sizes.ts";
import { listNames } from "../../kernel/entry.ts";
import { treeBytes } from "../../kernel/tree_size.ts";
import type { Volume } from "../../volume/volume.ts";
import type { Engine } from "../base/engine.ts";
import type { Container } from "../record/find.ts";
import { ContainersUse } from "../image/image_use.ts";
import { describeDamage, timeOf } from "../image/images.ts";
import { listContainers } from "../lifecycle/list.ts";
import { readVolumes } from "../volume/list_volumes.ts";
import { ownDirectoryOf } from "../base/storage.ts";
import { VolumesUse } from "../mount/volume_use.ts";

/** How much one image takes. */
export interface ImageUsage {
  image: ListedImage;
  /** Bytes of its layers that other images have, too. */
  sharedBytes: number;
  /** Bytes of its other layers. */
  uniqueBytes: number;
  /** How many containers were made from it. */
  containerCount: number;
}

/** How much one container has written. */
export interface ContainerUsage {
  container: Container;
  /** In bytes; with the storage driver `copy`, of all its files. */
  writtenBytes: number;
}

/** How much one volume takes. */
export interface VolumeUsage {
  volume: Volume;
  /** Where its files are on the host. */
  mountpoint: string;
  /** How many containers have it, running or not. */
  linkCount: number;
  /** `undefined` if what is in it is elsewhere, because it has options. */
  bytes: number | undefined;
}

/** What there is of everything, {@linkcode readDiskUsage}. */
export interface DiskUsage {
  /** The newest first. */
  images: ImageUsage[];
  /** Bytes of all unpacked layers, each once, and of all blobs, also those of which there is only the beginning. */
  imageBytes: number;
  /** Bytes of those that no container stands on: what `image prune -a` would give. */
  reclaimableImageBytes: number;
  containers: ContainerUsage[];
  volumes: VolumeUsage[];
}

/**
 * Finds out what images, containers and volumes take.
 *
 * Walks through volumes, through what containers have written and through layers that were never measured, which takes milliseconds for
 * each thousand files. Nothing is locked meanwhile but for reading the list of images.
 */
export function readDiskUsage(engine: Engine): DiskUsage {
  const paths = new ImagePaths(engine.paths.root);
  using sizes = new LayerSizes(paths);
  const { containers, warnings } = listContainers(engine);
  for (const warning of warnings) engine.notices.add(warning);
  const { images, use, unused } = look(engine, paths);
  const measure = new StoreMeter(paths, sizes);
  const partialBytes = listNames(paths.partial)
    .reduce((sum, name) => sum + treeBytes(`${paths.partial}/${name}`), 0);
  return {
    images: describeImages(images, use, sizes).toSorted((a, b) =>
      timeOf(b.image.config.created) - timeOf(a.image.config.created)
    ),
    imageBytes: measure.all() + partialBytes,
    reclaimableImageBytes: measure.some(unused) + partialBytes,
    containers: containers.map((container) => ({
      container,
      writtenBytes: treeBytes(ownDirectoryOf(container.config, container.paths)),
    })),
    volumes: measureVolumes(engine),
  };
}

function measureVolumes(engine: Engine): VolumeUsage[] {
  const { volumes, damaged, warnings } = readVolumes(engine);
  for (const warning of warnings) engine.notices.add(warning);
  const use = new VolumesUse(engine);
  return [...volumes, ...damaged].map((volume) => {
    const mountpoint = engine.paths.volume(volume.name).data;
    const isElsewhere = Object.keys(volume.options).length > 0;
    const linkCount = use.usersOf(volume.name).length;
    return {
      volume,
      mountpoint,
      linkCount,
      bytes: isElsewhere ? undefined : treeBytes(mountpoint),
    };
  });
}

interface StoreLook {
  images: StoredImage[];
  use: ContainersUse;
  /** What is garbage once all unused images are gone. */
  unused: Garbage;
}

function look(engine: Engine, paths: ImagePaths): StoreLook {
  const use = new ContainersUse(engine);
  const documents = new ImageDocuments(paths);
  const none: Garbage = { blobs: [], layers: [], damaged: [] };
  // Before its first image a store has no lock, and looking makes none
  if (listNames(paths.blobs).length === 0) return { images: [], use, unused: none };
  using _lock = lockImages(paths, "shared");
  const index = readIndex(paths);
  const { images, damaged } = sortOut(index, documents);
  for (const image of damaged) engine.notices.add(describeDamage(image));
  const used = images.filter(({ id }) => use.usersOf(id).length > 0);
  const kept = new Set(used.flatMap(({ entries }) => entries));
  const manifests = index.manifests.filter((entry) => kept.has(entry));
  return { images, use, unused: findGarbage(paths, { index: { manifests }, use, documents }) };
}

function describeImages(
  images: readonly StoredImage[],
  use: ContainersUse,
  sizes: LayerSizes,
): ImageUsage[] {
  const owners = new Map<ChainId, number>();
  for (const id of images.flatMap(({ layers }) => layers)) {
    owners.set(id, (owners.get(id) ?? 0) + 1);
  }
  return images.map((image) => {
    const sizeBytes = sizeOf(image, sizes);
    const sharedBytes = image.layers.filter((id) => (owners.get(id) ?? 0) > 1)
      .reduce((sum, id) => sum + (sizes.find(id) ?? 0), 0);
    return {
      image: { ...image, sizeBytes },
      sharedBytes,
      uniqueBytes: sizeBytes - sharedBytes,
      containerCount: use.usersOf(image.id).length,
    };
  });
}

/** Adds up sizes of layers and blobs. */
class StoreMeter {
  readonly #paths: ImagePaths;
  readonly #sizes: LayerSizes;

  constructor(paths: ImagePaths, sizes: LayerSizes) {
    this.#paths = paths;
    this.#sizes = sizes;
  }

  /** Everything that is there. */
  all(): number {
    const names = listNames(this.#paths.layers).filter((name) => /^[0-9a-f]{64}$/.test(name));
    return this.some({ layers: names, blobs: listBlobs(this.#paths) });
  }

  /** Some of it. */
  some({ layers, blobs }: Pick<Garbage, "layers" | "blobs">): number {
    const layerBytes = layers.map((name) => this.#layerBytes(name));
    const blobBytes = blobs.map((digest) => treeBytes(this.#paths.blob(digest)));
    return [...layerBytes, ...blobBytes].reduce((sum, bytes) => sum + bytes, 0);
  }

  #layerBytes(name: string): number {
    const id = digestFromHex(name) as string as ChainId;
    return this.#sizes.find(id) ?? 0;
  }
}
