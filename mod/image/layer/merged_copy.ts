/** Root file systems that are copies of an image's layers, for where they cannot be mounted. @module */

import { LayerUnpacker } from "./layer.ts";
import { FileBody, rootfsMembers } from "./layer_writer.ts";
import type { TreeSource } from "./tree_walk.ts";

/**
 * Makes what overlayfs would show of `sources` a directory of its own: with owners, modes, times, extended
 * attributes, links and holes. Files share their blocks with the layers' where the file system can do that.
 *
 * @param sources Directories of the layers, the topmost first.
 * @param target Must exist and be empty; keeps its owner, mode and time. What has been made when this fails, stays.
 * @returns Names of extended attributes that the file system would not take.
 * @throws {WherryError} `unsupported` if a layer holds something that cannot be copied.
 * @throws {SystemError} For example `ENOSPC`; it names the file.
 */
export function copyMerged(sources: readonly TreeSource[], target: string): ReadonlySet<string> {
  using unpacker = new LayerUnpacker(target, { isBase: true, hasPlainNames: true });
  for (const { entry, body } of rootfsMembers(sources)) {
    unpacker.entry({ ...entry, isSparse: false });
    if (body instanceof FileBody) unpacker.copyData(body.descriptor);
    unpacker.endEntry();
  }
  unpacker.finish();
  return unpacker.skippedAttributes;
}
