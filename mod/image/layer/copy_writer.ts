/**
 * Puts entries into a directory that is in use: of a container that runs, or of the host.
 *
 * A layer goes into an empty directory that nobody else knows (`layer.ts`). Here somebody may be at work meanwhile,
 * with bad intentions: what has been made is described by its descriptor and never by its name, which may be
 * that of a link by then. What is there already is treated as docker does it:
 *
 * - a directory on a directory merges, also with one that is a mount point
 * - anything else replaces what has its name, a link itself and not what it leads to
 * - a directory never replaces anything else, nor anything else a directory
 *
 * @module
 */

import { SystemError } from "../../../ffi/errno.ts";
import { dockerError, WherryError } from "../../errors.ts";
import { copyContent } from "../../kernel/copy.ts";
import {
  closeDescriptor,
  createFileAt,
  createWholeFileAt,
  deviceNumber,
  makeDirectoryAt,
  makeLinkAt,
  makeNodeAt,
  makeSymlinkAt,
  NODE_TYPE,
  setAttribute,
  setFileSize,
  setLocationMode,
  setLocationOwner,
  setMode,
  setOwner,
  setTimes,
  setTimesAt,
  unlinkAt,
  writeAll,
  writeAllAt,
} from "../../kernel/file.ts";
import {
  findDirectoryBeneath,
  findLocationAt,
  readMountPlace,
  readSome,
  readStatus,
} from "../../kernel/file_reading.ts";
import { ArchiveError } from "../tar/archive_error.ts";
import { type ByteString, quoted, textOf } from "../tar/byte_string.ts";
import type { FileTime } from "../tar/pax.ts";
import type { TarEntry } from "../tar/tar_entry.ts";
import type { TarSink } from "../tar/tar_reader.ts";
import { normaliseName, type Place } from "./entry_path.ts";
import { kernelPathOf, type RootDirectory, splitPath } from "./root_directory.ts";
import { isCode } from "./whiteouts.ts";

/** PATH_MAX without the terminating NUL: the longest symbolic link, in bytes. */
const MAX_LINK_LENGTH = 4095;
/** Files of no more bytes are read and made at once, larger ones copied by the kernel. */
const SMALL_FILE = 1 << 17;

const SET_ID_BITS = 0o7000;
const DOT = kernelPathOf("." as ByteString);

/** User and group. */
export interface Owner {
  uid: number;
  gid: number;
}

/** How to write a copy. */
export interface CopyWriterOptions {
  /** The directory, as messages name it. */
  directoryName: string;
  /** Who is to own what an entry describes; `undefined` leaves that to the kernel. */
  ownerOf: (entry: TarEntry) => Owner | undefined;
  /** Told of bytes of large files as they are copied. @default {nobody} */
  onBytes?: (count: number) => void;
}

/** Puts entries into a directory, one by one. Needs root; stops the event loop while it writes. */
export class CopyWriter implements TarSink, Disposable {
  readonly #root: RootDirectory;
  readonly #options: CopyWriterOptions;
  readonly #umask = Deno.umask();
  /** Set last of all, since making a file changes its directory's time. */
  readonly #directoryTimes = new Map<ByteString, FileTime>();
  readonly #skippedAttributes = new Set<string>();
  readonly #buffer = new Uint8Array(SMALL_FILE);
  #entry: TarEntry | undefined;
  #owner: Owner | undefined;
  /** Where a file goes that waits for its data, which is often there at once. */
  #waiting: Place | undefined;
  /** The file that is being written in pieces; -1 if there is none. */
  #fd = -1;

  /** @param root Closed with this. */
  constructor(root: RootDirectory, options: CopyWriterOptions) {
    this.#root = root;
    this.#options = options;
  }

  /** Names of extended attributes that the file system would not take. */
  get skippedAttributes(): ReadonlySet<string> {
    return this.#skippedAttributes;
  }

  /**
   * Makes the file, directory or link that `entry` describes.
   *
   * @throws {WherryError} `conflict` if something is in the way that is not replaced.
   * @throws {ArchiveError} If the entry may not or cannot be made.
   * @throws {SystemError} If the kernel refuses, for example `ENOSPC`; it names the entry.
   */
  entry(entry: TarEntry): void {
    this.#entry = entry;
    this.#owner = this.#options.ownerOf(entry);
    this.#naming(entry, () => this.#make(entry));
  }

  /** @throws {SystemError} For example `ENOSPC`; it names the entry. */
  data(bytes: Uint8Array<ArrayBuffer>, offset: number): void {
    const entry = this.#entry;
    if (entry !== undefined) this.#naming(entry, () => this.#write(entry, bytes, offset));
  }

  /**
   * Gives the current file, from which nothing has come yet, the content of another one, and no more than the entry's
   * size of it.
   *
   * @param fd Open for reading; its position changes.
   * @throws {SystemError} For example `ENOSPC`; it names the entry.
   */
  copyData(fd: number): void {
    const [entry, place] = [this.#entry, this.#waiting];
    if (entry === undefined || place === undefined) return;
    this.#naming(entry, () => this.#copy(entry, place, fd));
  }

  /** @throws {SystemError} If owner, mode, attributes or times cannot be set; it names the entry. */
  endEntry(): void {
    const entry = this.#entry;
    if (entry !== undefined) this.#naming(entry, () => this.#finishFile(entry));
  }

  /**
   * Sets the times of directories; call it after the last entry.
   *
   * @throws {SystemError} If the file system refuses.
   */
  finish(): void {
    for (const [path, time] of this.#directoryTimes) this.#setDirectoryTime(path, time);
  }

  [Symbol.dispose](): void {
    this.#closeFile();
    this.#root[Symbol.dispose]();
  }

  /** Runs `action` and puts the entry's whole name into what the kernel says. */
  #naming(entry: TarEntry, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      throw new SystemError(error.syscall, textOf(entry.name), error.errno);
    }
  }

  #make(entry: TarEntry): void {
    const path = normaliseName(entry, entry.name, "destination");
    if (path === "") {
      // The directory is there, and keeps its owner, mode and time as with docker
      if (entry.type === "directory") return;
      throw new ArchiveError(`entry ${quoted(entry.name)} would replace the directory itself`);
    }
    const [parentPath, baseName] = splitPath(path);
    const parent = this.#ensureParent(entry, parentPath);
    this.#makeAt(entry, { path, parent, name: kernelPathOf(baseName) });
  }

  #ensureParent(entry: TarEntry, path: ByteString): number {
    try {
      return this.#root.ensure(path);
    } catch (error) {
      if (!isCode(error, "EEXIST", "ENOTDIR", "ELOOP")) throw error;
      throw new WherryError(
        "conflict",
        `Cannot copy ${quoted(entry.name)}: what has the name ${quoted(path)} is no directory`,
        { cause: error },
      );
    }
  }

  #makeAt(entry: TarEntry, place: Place): void {
    switch (entry.type) {
      case "file":
        this.#waiting = place;
        return;
      case "directory":
        this.#makeDirectory(entry, place);
        return;
      case "symlink":
        this.#makeSymlink(entry, place);
        return;
      case "hardlink":
        this.#makeHardLink(entry, place);
        return;
      case "character":
      case "block":
      case "fifo":
        this.#makeNode(entry, place, NODE_TYPE[entry.type]);
    }
  }

  #makeDirectory(entry: TarEntry, place: Place): void {
    try {
      makeDirectoryAt(place.parent, place.name, entry.mode & 0o777);
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
    }
    const fd = findDirectoryBeneath(place.parent, place.name);
    if (typeof fd === "string") throw this.#notReplaced(place, { isDirectory: false });
    try {
      this.#describe(entry, fd);
    } finally {
      closeDescriptor(fd);
    }
    this.#directoryTimes.set(place.path, entry.modifiedAt);
  }

  /** Owner, mode and attributes of an open file or directory. */
  #describe(entry: TarEntry, fd: number): void {
    if (this.#owner !== undefined) setOwner(fd, this.#owner.uid, this.#owner.gid, "");
    // After the owner, since a change of owner takes setuid and setgid away
    setMode(fd, entry.mode, "");
    for (const { name, value } of entry.attributes) {
      try {
        setAttribute(fd, name, value, "");
      } catch (error) {
        // Not every file system keeps every class of attributes
        if (!isCode(error, "EOPNOTSUPP", "EPERM")) throw error;
        this.#skippedAttributes.add(name);
      }
    }
  }

  #makeSymlink(entry: TarEntry, place: Place): void {
    const { linkName } = entry;
    if (linkName.length > MAX_LINK_LENGTH || linkName === "") {
      throw new ArchiveError(
        `symbolic link ${
          quoted(entry.name)
        } has a target of ${linkName.length} bytes: 1 to ${MAX_LINK_LENGTH} are possible`,
      );
    }
    const content = kernelPathOf(linkName);
    this.#replacing(place, () => makeSymlinkAt(content, place.parent, place.name));
    this.#describeLocation(entry, place);
  }

  #makeNode(entry: TarEntry, place: Place, type: number): void {
    const { deviceMajor, deviceMinor } = entry;
    const device = type === NODE_TYPE.fifo ? 0 : checkedDevice(entry, deviceMajor, deviceMinor);
    const mode = type | (entry.mode & 0o777);
    this.#replacing(place, () => makeNodeAt(place.parent, place.name, mode, device));
    this.#describeLocation(entry, place);
  }

  /** Owner, mode and times of what cannot be opened without side effects. */
  #describeLocation(entry: TarEntry, { parent, name }: Place): void {
    const location = findLocationAt(parent, name);
    // Gone again: somebody else's doing
    if (location === undefined) return;
    try {
      const { type } = readStatus(location);
      if (type !== entry.type) return;
      if (this.#owner !== undefined) setLocationOwner(location, this.#owner, "");
      if (type !== "symlink") setLocationMode(location, entry.mode, "");
    } finally {
      closeDescriptor(location);
    }
    setTimesAt(parent, name, entry.modifiedAt.seconds, entry.modifiedAt.nanoseconds);
  }

  #makeHardLink(entry: TarEntry, place: Place): void {
    const target = normaliseName(entry, entry.linkName, "destination");
    if (target === place.path) return;
    const [targetParent, targetName] = splitPath(target);
    const targetBytes = kernelPathOf(targetName);
    try {
      this.#replacing(place, () => {
        const targetFd = this.#root.find(targetParent);
        makeLinkAt(targetFd, targetBytes, place.parent, place.name);
      });
    } catch (error) {
      if (!isCode(error, "ENOENT", "ENOTDIR", "EPERM", "ELOOP")) throw error;
      const state = isCode(error, "EPERM") ? "is a directory" : "is not there";
      throw new ArchiveError(
        `hard link ${quoted(entry.name)}: its target ${quoted(entry.linkName)} ${state}`,
        "corrupt",
        { cause: error },
      );
    }
  }

  #copy(entry: TarEntry, place: Place, fd: number): void {
    if (entry.size <= SMALL_FILE && entry.attributes.length === 0) {
      this.#waiting = undefined;
      this.#createWhole(entry, place, this.#readSmall(fd, entry.size));
      return;
    }
    this.#open(entry, place);
    const { onBytes = () => {} } = this.#options;
    copyContent(fd, this.#fd, "", { limit: entry.size, onBytes });
  }

  /** Fewer bytes if the file has been made shorter meanwhile. */
  #readSmall(fd: number, size: number): Uint8Array<ArrayBuffer> {
    let length = 0;
    while (length < size) {
      const count = readSome(fd, this.#buffer.subarray(length, size));
      if (count === 0) break;
      length += count;
    }
    return this.#buffer.subarray(0, length);
  }

  #write(entry: TarEntry, bytes: Uint8Array<ArrayBuffer>, offset: number): void {
    const place = this.#waiting;
    if (place !== undefined) {
      const isWhole = bytes.length === entry.size && entry.attributes.length === 0;
      if (isWhole && !entry.isSparse) {
        this.#waiting = undefined;
        this.#createWhole(entry, place, bytes);
        return;
      }
      this.#open(entry, place);
    }
    if (this.#fd < 0) return;
    if (entry.isSparse) writeAllAt(this.#fd, bytes, offset, "");
    else writeAll(this.#fd, bytes, "");
  }

  #open(entry: TarEntry, place: Place): void {
    this.#waiting = undefined;
    const make = (): number => createFileAt(place.parent, place.name, entry.mode & 0o777);
    this.#fd = this.#replacing(place, make);
  }

  #createWhole(entry: TarEntry, place: Place, bytes: Uint8Array<ArrayBuffer>): void {
    const needsMode = (entry.mode & (SET_ID_BITS | this.#umask)) !== 0;
    const file = {
      mode: entry.mode & 0o777,
      owner: this.#owner,
      exactMode: needsMode ? entry.mode : undefined,
      seconds: entry.modifiedAt.seconds,
      nanoseconds: entry.modifiedAt.nanoseconds,
    };
    this.#replacing(place, () => createWholeFileAt(place.parent, place.name, bytes, file));
  }

  #finishFile(entry: TarEntry): void {
    if (this.#waiting !== undefined) this.#open(entry, this.#waiting);
    const fd = this.#fd;
    if (fd < 0) return;
    if (entry.isSparse) setFileSize(fd, entry.size, "");
    this.#describe(entry, fd);
    setTimes(fd, entry.modifiedAt.seconds, entry.modifiedAt.nanoseconds, "");
    this.#closeFile();
  }

  #closeFile(): void {
    if (this.#fd < 0) return;
    closeDescriptor(this.#fd);
    this.#fd = -1;
  }

  /** Does what makes `place`, a second time without what has its name if that is in the way. */
  #replacing<T>(place: Place, make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
    }
    this.#clear(place);
    return make();
  }

  #clear(place: Place): void {
    const location = findLocationAt(place.parent, place.name);
    if (location === undefined) return;
    try {
      if (readStatus(location).type === "directory") {
        throw this.#notReplaced(place, { isDirectory: true });
      }
      // To remove the name would take the mount away from whoever uses it
      if (readMountPlace(location).isMountRoot) throw this.#mountedOn(place);
    } finally {
      closeDescriptor(location);
    }
    unlinkAt(place.parent, place.name);
    // Links that have been followed on the way to directories may have gone with it
    this.#root.forget();
    place.parent = this.#root.ensure(splitPath(place.path)[0]);
  }

  #notReplaced({ path }: Place, { isDirectory }: { isDirectory: boolean }): WherryError {
    const [old, added] = isDirectory
      ? ["directory", "non-directory"]
      : ["non-directory", "directory"];
    return dockerError(
      "conflict",
      `cannot overwrite ${old} "${
        this.#fullName(path)
      }" with ${added} "${this.#options.directoryName}"`,
    );
  }

  #fullName(path: ByteString): string {
    return `${this.#options.directoryName.replace(/\/\.?$/, "")}/${textOf(path)}`;
  }

  #mountedOn({ path }: Place): WherryError {
    return new WherryError(
      "conflict",
      `Cannot replace "${this.#fullName(path)}": something is mounted on it`,
      { hint: "Change the file that is mounted there, or write to it from inside" },
    );
  }

  #setDirectoryTime(path: ByteString, { seconds, nanoseconds }: FileTime): void {
    try {
      setTimesAt(this.#root.find(path), DOT, seconds, nanoseconds);
    } catch (error) {
      // Somebody has moved it meanwhile
      if (!isCode(error, "ENOENT", "ENOTDIR", "ELOOP")) throw error;
    }
  }
}

function checkedDevice(entry: TarEntry, major: number, minor: number): number {
  try {
    return deviceNumber(major, minor);
  } catch (cause) {
    throw new ArchiveError(
      `entry ${quoted(entry.name)} has the impossible device number ${major}:${minor}`,
      "corrupt",
      { cause },
    );
  }
}
