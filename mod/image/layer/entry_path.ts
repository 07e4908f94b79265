/** Where an entry of a layer goes, by its name. @module */

import { ArchiveError } from "../tar/archive_error.ts";
import { type ByteString, quoted } from "../tar/byte_string.ts";
import type { TarEntry } from "../tar/tar_entry.ts";

/** NAME_MAX of every Linux file system in use, in bytes. */
const MAX_COMPONENT_LENGTH = 255;

/** What the names of whiteouts begin with. */
export const WHITEOUT_PREFIX = ".wh.";

/** Where an entry goes. */
export interface Place {
  /** Normalised path below the root. */
  path: ByteString;
  /** Open directory that the entry is in. */
  parent: number;
  /** Last component, as the kernel takes it. */
  name: Uint8Array<ArrayBuffer>;
}

/** What nearly all names of archives look like: no component begins with a dot, but for `./` in front of all. */
const PLAIN_NAME = /^(?:\.\/)?([^./][^/]*(?:\/[^./][^/]*)*)\/?$/;

/**
 * Makes a name of the archive relative to the root, without `.`, `..` and doubled slashes.
 *
 * @param root What the root is, for messages.
 * @throws {ArchiveError} If it leads above the root, or a component is too long for any file system.
 */
export function normaliseName(
  entry: TarEntry,
  name: ByteString,
  root: "image" | "destination" = "image",
): ByteString {
  if (name.length <= MAX_COMPONENT_LENGTH) {
    // Several times faster than component by component
    const plain = PLAIN_NAME.exec(name)?.[1];
    if (plain !== undefined) return plain as ByteString;
  }
  const components: string[] = [];
  for (const component of name.split("/")) {
    if (component === "" || component === ".") continue;
    if (component !== "..") {
      components.push(component);
    } else if (components.pop() === undefined) {
      const what = name === entry.name ? "entry" : `hard link ${quoted(entry.name)} to`;
      throw new ArchiveError(`${what} ${quoted(name)} leads out of the ${root}`);
    }
    // The file that a whiteout hides is what has to have a name of no more
    const hidden = component.startsWith(WHITEOUT_PREFIX) ? WHITEOUT_PREFIX.length : 0;
    if (component.length > MAX_COMPONENT_LENGTH + hidden) {
      throw new ArchiveError(
        `entry ${
          quoted(name)
        } has a name of ${component.length} bytes: file systems take at most ${MAX_COMPONENT_LENGTH}`,
      );
    }
  }
  return components.join("/") as ByteString;
}
