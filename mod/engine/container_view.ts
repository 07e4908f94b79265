/** The files of a container with what is mounted in it. @module */

import type { IdRange } from "../container/namespaces.ts";
import { WherryError } from "../errors.ts";
import { openProcessRoot } from "../kernel/process_root.ts";
import { checkStillThere } from "./container_files.ts";
import type { Engine } from "./engine.ts";
import type { Container } from "./find.ts";
import { openInit } from "./sandbox.ts";

/** The root file system of a container with all that is mounted in it. */
export interface ContainerRoot extends Disposable {
  /** Absolute path of the directory, valid in this process until this is disposed of. */
  readonly path: string;
  /** The ids of the host by which files of the container's 0, 1, 2 ... belong to it here. */
  readonly idRange: IdRange | null;
  /** Whether the container runs. */
  readonly isRunning: boolean;
  /** Makes sure that all was there until now. */
  checkStillThere(): void;
}

/**
 * Opens the files of a container.
 *
 * @throws {WherryError} `conflict` if it does not run.
 */
export async function openContainerRoot(
  _engine: Engine,
  container: Container,
): Promise<ContainerRoot> {
  using init = await openInit(container.paths);
  const root = init === undefined ? undefined : openProcessRoot(init);
  if (root === undefined) {
    throw new WherryError(
      "conflict",
      `Cannot open the files of container "${container.config.name}": it does not run`,
    );
  }
  return {
    path: `/proc/self/fd/${root.directory.number}`,
    idRange: container.config.namespaces.idRange,
    isRunning: true,
    checkStillThere: () => checkStillThere(container),
    [Symbol.dispose]: () => root[Symbol.dispose](),
  };
}
