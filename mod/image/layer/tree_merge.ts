/**
 * Moves what is in one directory into another, which others may be changing meanwhile.
 *
 * Nothing here follows a symbolic link: whatever they put in the way, nothing outside of the directory is touched.
 *
 * @module
 */

import {
  AT_FDCWD,
  closeDescriptor,
  openDirectoryAt,
  renameBetween,
  setAttribute,
  setMode,
  setOwner,
  setTimes,
} from "../../kernel/file.ts";
import {
  type FileStatus,
  findAttribute,
  findDirectoryBeneath,
  findLocationAt,
  listAttributes,
  listDirectory,
  readStatus,
} from "../../kernel/file_reading.ts";
import { SystemError } from "../../../ffi/errno.ts";
import { type ByteString, byteStringOf, textOf } from "../tar/byte_string.ts";
import { kernelPathOf } from "./root_directory.ts";
import { isCode } from "./whiteouts.ts";

/** How to merge. */
export interface MergeOptions {
  /** An empty directory of the same file system, for what makes way; the caller removes it. */
  replaced: string;
  /** Whether a directory is given the owner, mode, attributes and times of the one that comes; `""` is the top one. */
  isDescribed: (path: ByteString) => boolean;
}

/**
 * Moves all that is in `from` to `to`: what has the same name makes way, but directories that both have are merged.
 *
 * @param from Must not be in anybody else's reach.
 * @param to On the same file system.
 * @throws {SystemError} `EBUSY` if something is mounted in the way, for example; part of it has been moved by then.
 */
export function mergeTree(from: string, to: string, options: MergeOptions): void {
  using merge = new Merge(from, to, options);
  const pending: ByteString[] = ["" as ByteString];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    pending.push(...merge.mergeDirectory(path));
  }
}

class Merge implements Disposable {
  readonly #from: number;
  readonly #to: number;
  readonly #replaced: number;
  readonly #isDescribed: MergeOptions["isDescribed"];
  readonly #stack: DisposableStack;
  #replacedCount = 0;

  constructor(from: string, to: string, { replaced, isDescribed }: MergeOptions) {
    using undo = new DisposableStack();
    const [fromFd, toFd, replacedFd] = [from, to, replaced].map((path) =>
      undo.adopt(openDirectoryAt(AT_FDCWD, path), closeDescriptor)
    );
    this.#from = fromFd ?? -1;
    this.#to = toFd ?? -1;
    this.#replaced = replacedFd ?? -1;
    this.#isDescribed = isDescribed;
    this.#stack = undo.move();
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  /** @returns Paths of the directories in it that both sides have. */
  mergeDirectory(path: ByteString): ByteString[] {
    using pair = this.#open(path);
    // Moving changes the times of both
    const status = readStatus(pair.from);
    const shared: ByteString[] = [];
    for (const bytes of listDirectory(pair.from)) {
      const name = byteStringOf(bytes, 0, bytes.length);
      const kernelName = kernelPathOf(name);
      const child = (path === "" ? name : `${path}/${name}`) as ByteString;
      if (isDirectoryIn(pair.from, kernelName) && isDirectoryIn(pair.to, kernelName)) {
        shared.push(child);
      } else {
        this.#move(pair, kernelName, child);
      }
    }
    if (this.#isDescribed(path)) describe(pair, status, textOf(path));
    return shared;
  }

  #open(path: ByteString): DirectoryPair {
    const name = path === "" ? "." : kernelPathOf(path);
    using undo = new DisposableStack();
    const [from, to] = [this.#from, this.#to].map((root) => {
      const fd = findDirectoryBeneath(root, name);
      // Somebody has moved it away just now
      if (typeof fd === "string") throw new SystemError("openat2", textOf(path), ENOENT);
      return undo.adopt(fd, closeDescriptor);
    });
    const stack = undo.move();
    return { from: from ?? -1, to: to ?? -1, [Symbol.dispose]: () => stack.dispose() };
  }

  #move({ from, to }: DirectoryPair, name: Uint8Array<ArrayBuffer>, path: ByteString): void {
    try {
      renameBetween(from, name, to, name);
    } catch (error) {
      if (!isCode(error, "EISDIR", "ENOTDIR", "ENOTEMPTY", "EEXIST")) throw named(error, path);
      this.#clear(to, name, path);
      renameBetween(from, name, to, name);
    }
  }

  #clear(to: number, name: Uint8Array<ArrayBuffer>, path: ByteString): void {
    try {
      renameBetween(to, name, this.#replaced, String(this.#replacedCount++));
    } catch (error) {
      throw named(error, path);
    }
  }
}

const ENOENT = 2;

/** One directory on both sides. */
interface DirectoryPair extends Disposable {
  from: number;
  to: number;
}

/** Puts the whole path into what the kernel says. */
function named(error: unknown, path: ByteString): unknown {
  return error instanceof SystemError
    ? new SystemError(error.syscall, textOf(path), error.errno)
    : error;
}

function isDirectoryIn(directory: number, name: Uint8Array<ArrayBuffer>): boolean {
  const fd = findLocationAt(directory, name);
  if (fd === undefined) return false;
  try {
    return readStatus(fd).type === "directory";
  } finally {
    closeDescriptor(fd);
  }
}

function describe({ from, to }: DirectoryPair, status: FileStatus, path: string): void {
  const { uid, gid, mode, modifiedAt } = status;
  setOwner(to, uid, gid, path);
  setMode(to, mode, path);
  for (const name of listAttributes(from)) {
    const value = findAttribute(from, name);
    if (value !== undefined) setAttribute(to, name, value, path);
  }
  setTimes(to, modifiedAt.seconds, modifiedAt.nanoseconds, path);
}
