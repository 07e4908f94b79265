/** Which files of a container a copy takes along. @module */

import { WherryError } from "../../errors.ts";
import type { TreeEntry } from "../../image/layer/tree_walk.ts";
import { AT_FDCWD, closeDescriptor } from "../../kernel/file.ts";
import {
  type FileStatus,
  findLocationAt,
  findLocationInRoot,
  readStatus,
} from "../../kernel/file_reading.ts";
import { isKernelFile } from "../../kernel/kernel_files.ts";
import type { Found, OpenContainer } from "./copy_container.ts";
import type { CopyPlan } from "./copy_path.ts";

/**
 * Makes sure that what is to be copied is a file of the container, or made of such.
 *
 * @throws {WherryError} `unsupported` if it is the kernel's, or a socket.
 */
export function checkCopiable({ wanted }: OpenContainer, path: string, found: Found): void {
  const action = `Cannot copy "${path}" from container "${wanted}"`;
  if (isKernelFile(found.location)) {
    throw new WherryError("unsupported", `${action}: it is no file but the kernel's`, {
      hint: `Read it inside: wherry exec ${wanted} cat ${path}`,
    });
  }
  if (found.status.type === "socket") {
    throw new WherryError("unsupported", `${action}: it is a socket`);
  }
}

/**
 * Which directories a copy of a container's files goes into: not into what the kernel has to say, nor the devices that
 * every container gets when it starts.
 *
 * @param path What is copied; absolute.
 */
export function entersFiles(
  { root }: OpenContainer,
  path: string,
): (directory: TreeEntry) => boolean {
  const isWhole = path === "/" || path === "/.";
  const rootDevice = deviceOf(readStatus(root.number));
  const known = new Map<string, boolean>();
  return ({ path: below, status, location }) => {
    const device = deviceOf(status);
    const isKernel = known.get(device) ?? isKernelFile(location);
    known.set(device, isKernel);
    return !isKernel && !(isWhole && below === "dev" && device !== rootDevice);
  };
}

/** Which file system something is on. */
function deviceOf({ identity }: FileStatus): string {
  return identity.slice(0, identity.lastIndexOf(":"));
}

/**
 * Refuses to copy a directory into itself, which would not end: on the host and in a container it may have different
 * names.
 *
 * @param identity Of what is being made.
 */
export function refusingItself(
  identity: () => string | undefined,
  isEntered: (directory: TreeEntry) => boolean = () => true,
): (directory: TreeEntry) => boolean {
  return (directory) => {
    if (directory.status.identity !== identity()) return isEntered(directory);
    throw new WherryError("conflict", "Cannot copy a directory into itself", {
      hint: "What has been made of the copy is there: remove it, and choose another destination",
    });
  };
}

/** What a plan makes on the host, once it is there; for {@linkcode refusingItself}. */
export function copyOf({ directory, name }: CopyPlan): () => string | undefined {
  return lazily(() => findLocationAt(AT_FDCWD, `${directory}/${name}`));
}

/** What a plan makes in a container, once it is there; for {@linkcode refusingItself}. */
export function copyIn(
  { root }: OpenContainer,
  { directory, name }: CopyPlan,
): () => string | undefined {
  const path = `${directory}/${name}`;
  return lazily(() => findLocationInRoot(root.number, path, { followsLink: false }));
}

/** Tells what has been found from its first call on. */
function lazily(find: () => number | undefined): () => string | undefined {
  let identity: string | undefined;
  return () => {
    if (identity !== undefined) return identity;
    const location = find();
    if (location === undefined) return undefined;
    identity = readStatus(location).identity;
    closeDescriptor(location);
    return identity;
  };
}
