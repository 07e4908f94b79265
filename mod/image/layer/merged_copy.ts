/** Copies of directories of an image's layers as overlayfs would show them, without mounting them. @module */

import { readWhole } from "../../kernel/copy.ts";
import { LayerUnpacker } from "./layer.ts";
import { FileBody, rootfsMembers, rootMember } from "./layer_writer.ts";
import type { TarMember } from "../tar/tar_writer.ts";
import type { TreeSource } from "./tree_walk.ts";

/** What of the layers' own directory is copied besides what is in it. */
export interface CopyOptions {
  /** Whether `target` gets its owner, mode, time and attributes, too. @default {false} */
  includesRoot?: boolean;
}

/**
 * Makes what overlayfs would show of `sources` a directory of its own: with owners, modes, times, extended
 * attributes, links and holes. Files share their blocks with the layers' where the file system can do that.
 *
 * @param sources Directories of the layers, the topmost first.
 * @param target Must exist and be empty; keeps its owner, mode and time unless asked otherwise. What has been made when
 * this fails, stays.
 * @returns Names of extended attributes that the file system would not take.
 * @throws {WherryError} `unsupported` if a layer holds something that cannot be copied.
 * @throws {SystemError} For example `ENOSPC`; it names the file.
 */
export function copyMerged(
  sources: readonly TreeSource[],
  target: string,
  { includesRoot = false }: CopyOptions = {},
): ReadonlySet<string> {
  using unpacker = new LayerUnpacker(target, { isBase: true, hasPlainNames: true });
  if (includesRoot) unpackAll(unpacker, rootMember(sources));
  unpackAll(unpacker, rootfsMembers(sources));
  unpacker.finish();
  return unpacker.skippedAttributes;
}

function unpackAll(unpacker: LayerUnpacker, members: Iterable<TarMember>): void {
  for (const { entry, body } of members) {
    unpacker.entry({ ...entry, isSparse: false });
    if (body instanceof FileBody) copyBody(unpacker, body, entry.size);
    unpacker.endEntry();
  }
}

/** A small file is several times faster to make with all its bytes at once. */
function copyBody(unpacker: LayerUnpacker, { descriptor }: FileBody, size: number): void {
  const bytes = readWhole(descriptor, size);
  if (bytes === undefined) unpacker.copyData(descriptor);
  else unpacker.data(bytes, 0);
}
