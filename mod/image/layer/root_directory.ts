/** Directories below a root that no path leads out of. @module */

import { SystemError } from "../../../ffi/errno.ts";
import {
  AT_FDCWD,
  closeDescriptor,
  makeDirectoryAt,
  openDirectoryAt,
  openDirectoryInRoot,
  setLocationMode,
  setLocationOwner,
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

/** How directories are found by their paths. */
export interface PathResolution {
  /** The directory that `""` stands for; closed with the {@linkcode RootDirectory}. */
  descriptor: number;
  /**
   * Opens a directory as a mere location; the caller closes it.
   *
   * @param path Relative, ended by a NUL byte, not empty.
   * @throws {SystemError} If there is no such directory, or the way to it may not be gone.
   */
  open: (path: Uint8Array<ArrayBuffer>) => number;
  /** Who owns directories that are made because nobody speaks of them. @default {whoever makes them} */
  owner?: { uid: number; gid: number };
}

function inDirectory(path: string): PathResolution {
  const descriptor = openDirectoryAt(AT_FDCWD, path);
  return { descriptor, open: (bytes) => openDirectoryInRoot(descriptor, bytes) };
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
  readonly #resolution: PathResolution;
  /** Least recently used first. */
  readonly #open = new Map<ByteString, number>();
  /** The most recently used one: files of one directory come one after the other. */
  #last: { path: ByteString; fd: number } | undefined;

  /**
   * @param place A path that must exist, or another way to find directories.
   * @throws {SystemError} If it is not a directory.
   */
  constructor(place: string | PathResolution) {
    this.#resolution = typeof place === "string" ? inDirectory(place) : place;
  }

  /** Descriptor of the root itself. */
  get descriptor(): number {
    return this.#resolution.descriptor;
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
      this.#keep(path, this.#resolution.open(kernelPathOf(path)));
  }

  /** Closes all kept descriptors, because what they were opened by may lead elsewhere now. */
  forget(): void {
    for (const fd of this.#open.values()) closeDescriptor(fd);
    this.#open.clear();
    this.#last = undefined;
  }

  [Symbol.dispose](): void {
    this.forget();
    closeDescriptor(this.descriptor);
  }

  #cached(path: ByteString): number | undefined {
    if (path === "") return this.descriptor;
    if (path === this.#last?.path) return this.#last.fd;
    const fd = this.#open.get(path);
    if (fd === undefined) return undefined;
    this.#open.delete(path);
    this.#open.set(path, fd);
    this.#last = { path, fd };
    return fd;
  }

  #keep(path: ByteString, fd: number): number {
    const [oldest] = this.#open;
    if (oldest !== undefined && this.#open.size >= MAX_OPEN) {
      closeDescriptor(oldest[1]);
      this.#open.delete(oldest[0]);
    }
    this.#open.set(path, fd);
    this.#last = { path, fd };
    return fd;
  }

  /** Opens without keeping, so that a deep path does not push out what the caller uses. */
  #openOrMake(path: ByteString): number {
    const bytes = kernelPathOf(path);
    try {
      return this.#resolution.open(bytes);
    } catch (error) {
      if (!(error instanceof SystemError && error.code === "ENOENT")) throw error;
    }
    this.#make(path);
    return this.#resolution.open(bytes);
  }

  #make(path: ByteString): void {
    const [parent, name] = splitPath(path);
    const parentFd = parent === "" ? this.descriptor : this.#openOrMake(parent);
    try {
      const bytes = kernelPathOf(name);
      makeDirectoryAt(parentFd, bytes, IMPLIED_MODE);
      this.#describe(parentFd, bytes);
    } finally {
      if (parentFd !== this.descriptor) closeDescriptor(parentFd);
    }
  }

  /** By a descriptor: whoever shares the directory may have put a link in its place by now. */
  #describe(parent: number, name: Uint8Array<ArrayBuffer>): void {
    const location = openDirectoryAt(parent, name);
    try {
      const { owner } = this.#resolution;
      if (owner !== undefined) setLocationOwner(location, owner, name);
      setLocationMode(location, IMPLIED_MODE, name);
    } finally {
      closeDescriptor(location);
    }
  }
}
