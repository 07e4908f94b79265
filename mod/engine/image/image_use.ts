/** What containers need of the image store. @module */

import {
  type ContainerConfig,
  readContainerConfig,
  type RootSource,
} from "../../container/record/config.ts";
import { readState } from "../../container/record/state.ts";
import { WherryError } from "../../errors.ts";
import { type ChainId, digestFromHex, type ImageId } from "../../image/spec/digest.ts";
import type { ImageUse, ImageUser } from "../../image/store/image_sweep.ts";
import { shortId } from "../../store/id.ts";
import { isLocked } from "../../store/lock.ts";
import type { Engine } from "../base/engine.ts";
import { listIds } from "../record/find.ts";

/** What all containers need, as it is when this is made: with the image store locked, nothing is added to it. */
export class ContainersUse implements ImageUse {
  readonly #engine: Engine;
  readonly #uses: ContainerUse[];

  /** Reads the records of all containers. */
  constructor(engine: Engine) {
    this.#engine = engine;
    this.#uses = listIds(engine).flatMap((id) => readUse(engine, id) ?? []);
  }

  /** As of {@linkcode ImageUse}. */
  usersOf(id: ImageId): ImageUser[] {
    return this.#uses
      .filter(({ images }) => images?.some(({ imageId }) => imageId === id))
      .map((use) => ({
        name: use.name,
        isRunning: readState(this.#engine.paths.container(use.id)).isRunning,
      }));
  }

  /** As of {@linkcode ImageUse}. */
  layers(): ChainId[] | undefined {
    const images: UsedImage[] = [];
    for (const use of this.#uses) {
      if (use.images === undefined) return undefined;
      images.push(...use.images);
    }
    return images.flatMap(({ layers }) => layers)
      .map((hex) => digestFromHex(hex) as string as ChainId);
  }
}

/** An image that a container was made from, or has mounted. */
type UsedImage = Pick<RootSource & { type: "image" }, "imageId" | "layers">;

/** What one container stands on. */
interface ContainerUse {
  id: string;
  name: string;
  /** Not known if its record is damaged. */
  images: readonly UsedImage[] | undefined;
}

function imagesOf({ root, mounts }: Pick<ContainerConfig, "root" | "mounts">): UsedImage[] {
  const mounted = mounts.filter((mount) => mount.type === "image");
  return root.type === "image" ? [root, ...mounted] : mounted;
}

/**
 * Reads what a container stands on.
 *
 * A damaged record is reported by `ps`. Here it must not keep images from being removed, but nobody may take away
 * what its container stands on.
 */
function readUse({ paths }: Engine, id: string): ContainerUse | undefined {
  const unknown = { id, name: shortId(id), images: undefined };
  try {
    const config = readContainerConfig(paths.container(id));
    // An emptied record of a container that runs, and not the start of one that was never finished
    if (config !== undefined) return { id, name: config.name, images: imagesOf(config) };
    return isLocked(paths.container(id).lock) ? unknown : undefined;
  } catch (error) {
    if (error instanceof WherryError && error.kind === "corrupt") return unknown;
    throw error;
  }
}
