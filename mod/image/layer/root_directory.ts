/** Directories below a root that no path leads out of. @module */

import { SystemError } from "../../../ffi/errno.ts";
import {
  AT_FDCWD,
  closeDescriptor,
  makeDirectoryAt,
  openDirectoryAt,
  openDirectoryInRoot,
  setModeAt,
} from "../../kernel/file.ts";
import { bytesOf, type ByteString } from "../tar/byte_string.ts";

/** Descriptors kept open; far below the usual limit of 1,024. */
const MAX_OPEN = 256;
/** Mode of directories that the archive does not mention; docker uses the same. */
const IMPLIED_MODE = 0o755;

/** The bytes of a path and the NUL that ends it. */
export function kernelPathOf(path: ByteString): Uint8Array<ArrayBuffer> {
  return bytesOf(`${path}\0` as ByteString);
}

/** Splits the last component off; a path without `/` is in the root, `""`. */
export function splitPath(path: ByteString): [parent: ByteString, name: ByteString] {
  const slash = path.lastIndexOf("/");
  return [path.slice(0, Math.max(slash, 0)) as ByteString, path.slice(slash + 1) as ByteString];
}

/**
 * A directory that stands for `/`, and descriptors of the directories in it.
 *
 * Paths are resolved by the kernel as if the directory were the root, so
 * symbolic links and `..` work as they will in the container and never lead
 * out. Descriptors are kept: whoever replaces a directory or a link calls
 * {@linkcode RootDirectory.forget}.
 */
export class RootDirectory implements Disposable {
  readonly #root: number;
  /** Least recently used first. */
  readonly #open = new Map<ByteString, number>();

  /**
   * @param path Must exist.
   * @throws {SystemError} If it is not a directory.
   */
  constructor(path: string) {
    this.#root = openDirectoryAt(AT_FDCWD, path);
  }

  /** Descriptor of the root itself. */
  get descriptor(): number {
    return this.#root;
  }

  /**
   * Opens a directory, and makes it and its parents (mode 0755) if they are missing.
   *
   * @param path Relative, normalised; `""` is the root.
   * @returns A descriptor that stays open at least until the call after the next.
   * @throws {SystemError} `ENOTDIR` if a file is in the way.
   */
  ensure(path: ByteString): number {
    return this.#cached(path) ?? this.#keep(path, this.#openOrMake(path));
  }

  /**
   * Opens a directory that should exist.
   *
   * @param path Relative, normalised; `""` is the root.
   * @returns A descriptor that stays open at least until the call after the next.
   * @throws {SystemError} `ENOENT` or `ENOTDIR` if there is no such directory.
   */
  find(path: ByteString): number {
    return this.#cached(path) ??
      this.#keep(path, openDirectoryInRoot(this.#root, kernelPathOf(path)));
  }

  /** Closes all kept descriptors, because what they were opened by may lead elsewhere now. */
  forget(): void {
    for (const fd of this.#open.values()) closeDescriptor(fd);
    this.#open.clear();
  }

  [Symbol.dispose](): void {
    this.forget();
    closeDescriptor(this.#root);
  }

  #cached(path: ByteString): number | undefined {
    if (path === "") return this.#root;
    const fd = this.#open.get(path);
    if (fd === undefined) return undefined;
    this.#open.delete(path);
    this.#open.set(path, fd);
    return fd;
  }

  #keep(path: ByteString, fd: number): number {
    const [oldest] = this.#open;
    if (oldest !== undefined && this.#open.size >= MAX_OPEN) {
      closeDescriptor(oldest[1]);
      this.#open.delete(oldest[0]);
    }
    this.#open.set(path, fd);
    return fd;
  }

  /** Opens without keeping, so that a deep path does not push out what the caller uses. */
  #openOrMake(path: ByteString): number {
    const bytes = kernelPathOf(path);
    try {
      return openDirectoryInRoot(this.#root, bytes);
    } catch (error) {
      if (!(error instanceof SystemError && error.code === "ENOENT")) throw error;
    }
    this.#make(path);
    return openDirectoryInRoot(this.#root, bytes);
  }

  #make(path: ByteString): void {
    const [parent, name] = splitPath(path);
    const parentFd = parent === "" ? this.#root : this.#openOrMake(parent);
    try {
      const bytes = kernelPathOf(name);
      makeDirectoryAt(parentFd, bytes, IMPLIED_MODE);
      setModeAt(parentFd, bytes, IMPLIED_MODE);
    } finally {
      if (parentFd !== this.#root) closeDescriptor(parentFd);
    }
  }
}
