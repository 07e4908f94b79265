/** Directory trees as a whole. @module */

import { cString } from "../../ffi/c_string.ts";
import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";

const AT_FDCWD = -100;

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
  checked(core().wherry_remove_tree(AT_FDCWD, cString(path)), "remove", path);
}
