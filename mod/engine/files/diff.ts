/** What containers have changed in their files. @module */

import { bytesOf, type ByteString } from "../../image/tar/byte_string.ts";
import { checkStillThere, containerChanges } from "../record/container_files.ts";
import { type Engine, systemFailure } from "../base/engine.ts";
import { findContainer } from "../record/find.ts";

/** A path in a container that is not what its image has there. */
export interface ContainerChange {
  /** What has become of it. */
  kind: "added" | "changed" | "deleted";
  /** Absolute; the bytes as the container has them, in no encoding. */
  path: Uint8Array<ArrayBuffer>;
}

/**
 * All paths that are not as the container's image has them. What is mounted inside is not looked at.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @returns Directories before what is in them, sorted by name.
 * @throws {WherryError} `not_found` if there is no such container.
 */
export function diffContainer(engine: Engine, wanted: string): ContainerChange[] {
  const container = findContainer(engine, wanted);
  try {
    const changes = containerChanges(engine, container);
    checkStillThere(container);
    return changes.map(({ kind, path }) => ({ kind, path: bytesOf(`/${path}` as ByteString) }));
  } catch (error) {
    throw systemFailure(`compare container "${wanted}" with its image`, error);
  }
}
