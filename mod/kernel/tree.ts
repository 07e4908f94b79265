/** Directory trees as a whole. @module */

import { cString } from "../../ffi/c_string.ts";
import type { Descriptor } from "../../ffi/descriptor.ts";
import { checked, SystemError } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { openDirectory } from "./open.ts";

/**
 * Removes a file or a whole directory tree; a missing one is fine.
 *
 * Never follows a link and never goes into a mount point. Works on trees of any depth and
 * with any names, because what is in a container is its own choice.
 *
 * @param path Absolute; its parent directories must not be under somebody else's control.
 * @throws {SystemError} EBUSY if something is mounted in it; what lies outside the mount may be gone by then.
 */
export function removeTree(path: string): void {
  const at = path.lastIndexOf("/");
  // Up to here the path may well cross mount points: the native part refuses them
  using parent = openParent(path.slice(0, at + 1));
  if (parent === undefined) return;
  checked(core.removeTree(parent.number, cString(path.slice(at + 1))), "remove", path);
}

function openParent(path: string): Descriptor | undefined {
  try {
    return openDirectory(path);
  } catch (error) {
    if (error instanceof SystemError && error.code === "ENOENT") return undefined;
    throw error;
  }
}
