/**
 * Unpacks a layer's tar into a directory that overlayfs can use.
 *
 * The archive is hostile: nothing it says touches a byte outside of the
 * directory. Where archives disagree with what is there already, wherry does
 * as docker does:
 *
 * - `/x` and `a/../x` mean `x`; a name or hard link that leads above the root is refused
 * - symbolic links may say anything; they are followed as in a container, where the layer is `/`
 * - an entry replaces what has its name, also a directory with all it holds; a directory on a directory merges
 * - missing parents are made, mode 0755, owned by root
 *
 * @module
 */

import { SystemError } from "../../../ffi/errno.ts";
import { copyContent } from "../../kernel/copy.ts";
import {
  closeDescriptor,
  createFileAt,
  createMembersAt,
  createWholeFileAt,
  deviceNumber,
  makeDirectoryAt,
  makeLinkAt,
  makeNodeAt,
  makeSymlinkAt,
  type NewFile,
  NODE_TYPE,
  renameAt,
  setAttribute,
  setAttributeAt,
  setFileSize,
  setMode,
  setModeAt,
  setOwner,
  setOwnerAt,
  setTimes,
  setTimesAt,
  unlinkAt,
  writeAll,
  writeAllAt,
} from "../../kernel/file.ts";
import { removeTree } from "../../kernel/tree.ts";
import { ArchiveError } from "../tar/archive_error.ts";
import { bytesOf, type ByteString, quoted, textOf } from "../tar/byte_string.ts";
import { normaliseName, type Place, WHITEOUT_PREFIX } from "./entry_path.ts";
import type { ExtendedAttribute, FileTime } from "../tar/pax.ts";
import { kernelPathOf, RootDirectory, splitPath } from "./root_directory.ts";
import type { TarEntry } from "../tar/tar_entry.ts";
import type { TarSink } from "../tar/tar_reader.ts";
import { isCode, isDirectoryAt, type LayerOptions, Whiteouts } from "./whiteouts.ts";

/** PATH_MAX without the terminating NUL: the longest symbolic link, in bytes. */
const MAX_LINK_LENGTH = 4095;

/** Takes the place of a directory that is being replaced; no entry can have this name. */
const REPLACED_NAME = ".wh..wh.replaced";

const SET_ID_BITS = 0o7000;
const SETGID = 0o2000;

/** Puts the entries of a {@linkcode TarReader} on disk. Needs root; stops the event loop while it writes. */
export class LayerUnpacker implements TarSink, Disposable {
  readonly #root: RootDirectory;
  readonly #whiteouts: Whiteouts;
  readonly #hasPlainNames: boolean;
  readonly #keepsOverlayAttributes: boolean;
  readonly #umask = Deno.umask();
  /** Set last of all, since making a file changes its directory's time. */
  readonly #directoryTimes = new Map<ByteString, FileTime>();
  readonly #skippedAttributes = new Set<string>();
  /** New files inherit group and setgid bit from such a directory. */
  #hasSetgidDirectory = false;
  #entry: TarEntry | undefined;
  /** Where a file goes that waits for its data, which is often there at once. */
  #waiting: Place | undefined;
  /** The file that is being written in pieces; -1 if there is none. */
  #fd = -1;
  /** Where the last entry went, if it was a file: the next ones are mostly its neighbours. */
  #folder: Folder | undefined;

  /**
   * @param directory Must exist and be empty.
   * @throws {SystemError} If it cannot be opened.
   */
  constructor(directory: string, options: LayerOptions) {
    this.#root = new RootDirectory(directory);
    this.#whiteouts = new Whiteouts(this.#root, options);
    this.#hasPlainNames = options.hasPlainNames ?? false;
    this.#keepsOverlayAttributes = options.keepsOverlayAttributes ?? false;
  }

  /** Names of extended attributes that the file system would not take. */
  get skippedAttributes(): ReadonlySet<string> {
    return this.#skippedAttributes;
  }

  /**
   * Makes the file, directory or link that `entry` describes.
   *
   * @throws {ArchiveError} If the entry may not or cannot be unpacked.
   * @throws {SystemError} If the kernel refuses, for example `ENOSPC`; it names the entry.
   */
  entry(entry: TarEntry): void {
    this.#entry = entry;
    this.#folder = undefined;
    this.#naming(entry, () => this.#make(entry));
  }

  /** @throws {SystemError} For example `ENOSPC`; it names the entry. */
  data(bytes: Uint8Array<ArrayBuffer>, offset: number): void {
    const entry = this.#entry;
    if (entry !== undefined) this.#naming(entry, () => this.#write(entry, bytes, offset));
  }

  /**
   * Gives the current file, from which nothing has come yet, the content of another one.
   *
   * @param fd Open for reading; its position changes.
   * @throws {SystemError} For example `ENOSPC`; it names the entry.
   */
  copyData(fd: number): void {
    const [entry, place] = [this.#entry, this.#waiting];
    if (entry === undefined || place === undefined) return;
    this.#waiting = undefined;
    this.#naming(entry, () => {
      this.#open(entry, place);
      copyContent(fd, this.#fd, "");
    });
  }

  /** @throws {SystemError} If owner, mode, attributes or times cannot be set; it names the entry. */
  endEntry(): void {
    const entry = this.#entry;
    if (entry !== undefined) this.#naming(entry, () => this.#finishFile(entry));
  }

  /** Makes files that are in the last one's directory, and of which nothing special is to be said. */
  takeWhole(archive: Uint8Array<ArrayBuffer>): { count: number; bytes: number } {
    if (this.#folder === undefined) return { count: 0, bytes: 0 };
    const { path, prefix } = this.#folder;
    // After an entry that was a file nothing has been made that the whiteouts should know of
    return createMembersAt({
      directory: this.#root.ensure(path),
      prefix,
      specialBits: this.#hasSetgidDirectory ? undefined : SET_ID_BITS | this.#umask,
    }, archive);
  }

  /**
   * Hides the lower layers if the archive says so, and sets the times of directories; call it after the last entry.
   *
   * @throws {SystemError} If the file system refuses.
   */
  finish(): void {
    this.#whiteouts.finish();
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
    const path = this.#normalise(entry, entry.name);
    if (path === "") {
      this.#makeRoot(entry);
      return;
    }
    const [parentPath, baseName] = splitPath(path);
    if (baseName.startsWith(WHITEOUT_PREFIX) && !this.#hasPlainNames) {
      this.#whiteouts.apply(entry, parentPath, baseName);
      return;
    }
    const parent = this.#ensureParent(entry, parentPath);
    this.#makeAt(entry, { path, parent, name: kernelPathOf(baseName) });
  }

  #normalise(entry: TarEntry, name: ByteString): ByteString {
    return normaliseName(entry, name, this.#hasPlainNames ? "destination" : "image");
  }

  #ensureParent(entry: TarEntry, path: ByteString): number {
    try {
      this.#whiteouts.makeVisible(path);
      return this.#root.ensure(path);
    } catch (error) {
      if (!isCode(error, "EEXIST", "ENOTDIR", "ELOOP")) throw error;
      // Where the name exists and yet cannot be opened there is a link to nothing
      const what = isCode(error, "ENOTDIR")
        ? "neither a directory nor a link to one"
        : "a link that leads nowhere";
      throw new ArchiveError(
        `entry ${quoted(entry.name)}: ${quoted(this.#findObstacle(path))} is in the way, ${what}`,
        "corrupt",
        { cause: error },
      );
    }
  }

  /** The shortest part of a path that is no directory. */
  #findObstacle(path: ByteString): ByteString {
    const components = path.split("/");
    const prefixes = components.map((_, index) =>
      components.slice(0, index + 1).join("/") as ByteString
    );
    return prefixes.find((prefix) => !this.#isDirectory(prefix)) ?? path;
  }

  #isDirectory(path: ByteString): boolean {
    try {
      this.#root.find(path);
      return true;
    } catch (error) {
      if (isCode(error, "ENOENT", "ENOTDIR", "ELOOP")) return false;
      throw error;
    }
  }

  #makeAt(entry: TarEntry, place: Place): void {
    switch (entry.type) {
      case "file":
        this.#waiting = place;
        this.#folder = folderOf(entry, place);
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

  /** The entry `./` describes the layer's own directory. */
  #makeRoot(entry: TarEntry): void {
    if (entry.type !== "directory") {
      throw new ArchiveError(`entry ${quoted(entry.name)} would replace the root directory`);
    }
    this.#describeDirectory(entry, {
      path: "" as ByteString,
      parent: this.#root.descriptor,
      name: kernelPathOf("." as ByteString),
    });
  }

  #makeDirectory(entry: TarEntry, place: Place): void {
    const wasWhiteout = this.#whiteouts.take(place.path);
    try {
      makeDirectoryAt(place.parent, place.name, entry.mode & 0o777);
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
      if (!isDirectoryAt(place)) {
        this.#clear(place);
        place.parent = this.#root.ensure(splitPath(place.path)[0]);
        makeDirectoryAt(place.parent, place.name, entry.mode & 0o777);
      }
    }
    if (wasWhiteout) this.#whiteouts.markOpaque(place.parent, place.name);
    this.#describeDirectory(entry, place);
  }

  #describeDirectory(entry: TarEntry, { path, parent, name }: Place): void {
    if ((entry.mode & SETGID) !== 0) this.#hasSetgidDirectory = true;
    setOwnerAt(parent, name, entry.uid, entry.gid);
    setModeAt(parent, name, entry.mode);
    this.#setAttributes(entry.attributes, (attribute) => {
      setAttributeAt(parent, name, attribute.name, attribute.value);
    });
    this.#directoryTimes.set(path, entry.modifiedAt);
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
    if (this.#needsOwner(entry)) setOwnerAt(place.parent, place.name, entry.uid, entry.gid);
    this.#describeByName(entry, place);
  }

  #makeNode(entry: TarEntry, place: Place, type: number): void {
    const { deviceMajor, deviceMinor } = entry;
    const device = type === NODE_TYPE.fifo ? 0 : checkedDevice(entry, deviceMajor, deviceMinor);
    const mode = type | (entry.mode & 0o777);
    this.#replacing(place, () => makeNodeAt(place.parent, place.name, mode, device));
    if (this.#needsOwner(entry)) setOwnerAt(place.parent, place.name, entry.uid, entry.gid);
    if (this.#needsMode(entry)) setModeAt(place.parent, place.name, entry.mode);
    this.#describeByName(entry, place);
  }

  /** Attributes and times of what cannot be opened without side effects. */
  #describeByName(entry: TarEntry, { parent, name }: Place): void {
    this.#setAttributes(entry.attributes, (attribute) => {
      setAttributeAt(parent, name, attribute.name, attribute.value);
    });
    setTimesAt(parent, name, entry.modifiedAt.seconds, entry.modifiedAt.nanoseconds);
  }

  #makeHardLink(entry: TarEntry, place: Place): void {
    const target = this.#normalise(entry, entry.linkName);
    if (target === "") {
      throw new ArchiveError(`hard link ${quoted(entry.name)} to the root directory`);
    }
    if (target === place.path) return;
    const [targetParent, targetName] = splitPath(target);
    const targetBytes = kernelPathOf(targetName);
    try {
      this.#replacing(place, () => {
        const targetFd = this.#root.find(targetParent);
        makeLinkAt(targetFd, targetBytes, place.parent, place.name);
      });
    } catch (error) {
      if (!isCode(error, "ENOENT", "ENOTDIR", "EPERM")) throw error;
      const state = isCode(error, "EPERM") ? "is a directory" : "is not in the archive before it";
      throw new ArchiveError(
        `hard link ${quoted(entry.name)}: its target ${quoted(entry.linkName)} ${state}`,
        "corrupt",
        { cause: error },
      );
    }
  }

  #write(entry: TarEntry, bytes: Uint8Array<ArrayBuffer>, offset: number): void {
    const place = this.#waiting;
    if (place !== undefined) {
      this.#waiting = undefined;
      if (bytes.length === entry.size && isPlainFile(entry)) {
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
    const make = (): number => createFileAt(place.parent, place.name, entry.mode & 0o777);
    this.#fd = this.#replacing(place, make);
  }

  #createWhole(entry: TarEntry, place: Place, bytes: Uint8Array<ArrayBuffer>): void {
    const file: NewFile = {
      mode: entry.mode & 0o777,
      owner: this.#needsOwner(entry) ? entry : undefined,
      exactMode: this.#needsMode(entry) ? entry.mode : undefined,
      seconds: entry.modifiedAt.seconds,
      nanoseconds: entry.modifiedAt.nanoseconds,
    };
    this.#replacing(place, () => createWholeFileAt(place.parent, place.name, bytes, file));
  }

  #finishFile(entry: TarEntry): void {
    if (this.#waiting !== undefined) {
      this.#open(entry, this.#waiting);
      this.#waiting = undefined;
    }
    const fd = this.#fd;
    if (fd < 0) return;
    if (entry.isSparse) setFileSize(fd, entry.size, "");
    if (this.#needsOwner(entry)) setOwner(fd, entry.uid, entry.gid, "");
    // After the owner, since a change of owner takes setuid and setgid away
    if (this.#needsMode(entry)) setMode(fd, entry.mode, "");
    this.#setAttributes(entry.attributes, (attribute) => {
      setAttribute(fd, attribute.name, attribute.value, "");
    });
    setTimes(fd, entry.modifiedAt.seconds, entry.modifiedAt.nanoseconds, "");
    this.#closeFile();
  }

  #closeFile(): void {
    if (this.#fd < 0) return;
    closeDescriptor(this.#fd);
    this.#fd = -1;
  }

  #needsOwner({ uid, gid }: TarEntry): boolean {
    return uid !== 0 || gid !== 0 || this.#hasSetgidDirectory;
  }

  #needsMode({ mode }: TarEntry): boolean {
    return (mode & (SET_ID_BITS | this.#umask)) !== 0 || this.#hasSetgidDirectory;
  }

  #setAttributes(
    attributes: readonly ExtendedAttribute[],
    set: (attribute: ExtendedAttribute) => void,
  ): void {
    for (const attribute of attributes) {
      // They would make overlayfs itself look elsewhere (redirect, metacopy)
      if (!this.#keepsOverlayAttributes && /^(trusted|user)\.overlay\./.test(attribute.name)) {
        continue;
      }
      try {
        set(attribute);
      } catch (error) {
        // Docker unpacks such layers too: not every file system keeps every class of attributes
        if (!isCode(error, "EOPNOTSUPP", "EPERM")) throw error;
        this.#skippedAttributes.add(attribute.name);
      }
    }
  }

  /** Does what makes `place`, a second time without what has its name if that is in the way. */
  #replacing<T>(place: Place, make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
    }
    this.#clear(place);
    place.parent = this.#root.ensure(splitPath(place.path)[0]);
    return make();
  }

  /** Removes what has the name, whatever it is; closes `place.parent` in passing. */
  #clear({ path, parent, name }: Place): void {
    try {
      unlinkAt(parent, name);
    } catch (error) {
      if (!isCode(error, "EISDIR")) throw error;
      this.#removeTree(path, parent, name);
    }
    this.#root.forget();
  }

  #removeTree(path: ByteString, parent: number, name: Uint8Array<ArrayBuffer>): void {
    // Its own name need not be UTF-8
    renameAt(parent, name, REPLACED_NAME);
    removeTree(`/proc/self/fd/${parent}/${REPLACED_NAME}`);
    for (const known of this.#directoryTimes.keys()) {
      if (known === path || known.startsWith(`${path}/`)) this.#directoryTimes.delete(known);
    }
  }

  #setDirectoryTime(path: ByteString, { seconds, nanoseconds }: FileTime): void {
    const [parent, name] = path === "" ? ["" as ByteString, "." as ByteString] : splitPath(path);
    try {
      setTimesAt(this.#root.find(parent), kernelPathOf(name), seconds, nanoseconds);
    } catch (error) {
      // A parent that a later entry turned into something else took the directory along
      if (!isCode(error, "ENOENT", "ENOTDIR")) throw error;
    }
  }
}

/** A directory, and what the archive calls it. */
interface Folder {
  /** Normalised path below the root. */
  path: ByteString;
  /** What the names of its files begin with in the archive. */
  prefix: Uint8Array<ArrayBuffer>;
}

/** Of a file. What the rest of its name is does not change what the beginning means: no dots can be in it. */
function folderOf({ name }: TarEntry, { path }: Place): Folder {
  const prefix = name.slice(0, name.lastIndexOf("/") + 1) as ByteString;
  return { path: splitPath(path)[0], prefix: bytesOf(prefix) };
}

/** Whether there is no more to a file than bytes, owner, mode and times. */
function isPlainFile({ attributes, isSparse }: TarEntry): boolean {
  return attributes.length === 0 && !isSparse;
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
