/** Reading small files of a root file system that is not mounted, or not to be trusted. @module */

import { SystemError } from "../../../ffi/errno.ts";
import { findInRoot, openDirectory } from "../../kernel/open.ts";

/** No account file of an image is larger; more would be an attack on memory. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * Reads a file as it would appear in an overlay of `directories`, without mounting it.
 *
 * Links are followed inside each layer and can never lead out of it; what is no
 * regular file counts as missing.
 *
 * @param directories The topmost layer first.
 * @param path Relative to the root, for example `"etc/passwd"`.
 * @returns Empty if there is no such file.
 */
export function readRootFile(directories: readonly string[], path: string): string {
  for (const directory of directories) {
    const found = readInLayer(directory, path);
    if (found !== "continue") return found.text;
  }
  return "";
}

function readInLayer(directory: string, path: string): "continue" | { text: string } {
  using root = openDirectory(directory);
  try {
    using file = findInRoot(root, path);
    if (file === undefined) return "continue";
    const self = `/proc/self/fd/${file.number}`;
    const { isFile, size } = Deno.statSync(self);
    // A whiteout is a device: whatever lies below is deleted
    if (!isFile || size > MAX_FILE_BYTES) return { text: "" };
    return { text: Deno.readTextFileSync(self) };
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    // A parent that is no directory, or a link that leads nowhere, hides the layers below
    if (["ENOTDIR", "ELOOP"].includes(error.code)) return { text: "" };
    throw error;
  }
}
