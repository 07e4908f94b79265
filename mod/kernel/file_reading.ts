/**
 * Reading directory trees by descriptor: what is there, and all that the kernel knows about it.
 *
 * Nothing here follows a symbolic link, and nothing opens a device or waits for a FIFO: whoever has written the tree
 * may be changing it meanwhile. Deno's file API cannot do that, and has no names that are not UTF-8.
 *
 * @module
 */

import { cString } from "../../ffi/c_string.ts";
import { checked } from "../../ffi/errno.ts";
import { reading } from "../../ffi/native.ts";
import { OPEN_FLAG, SYSCALL } from "../../ffi/syscalls.ts";
import { AT_FDCWD, type KernelPath } from "./file.ts";
import { untilResolved } from "./open.ts";

const O_NOATIME = 0o1000000;
const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;

const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_BENEATH = 0x08n;
const RESOLVE_IN_ROOT = 0x10n;

const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 1;

const ENOENT = 2;
const ENOTDIR = 20;
const ELOOP = 40;
const ENODATA = 61;
const EOPNOTSUPP = 95;

/** `struct open_how` of openat2(2) for a directory whose names are to be read. */
const HOW_DIRECTORY_BENEATH = new Uint8Array(
  new BigUint64Array([
    BigInt(OPEN_FLAG.directory | OPEN_FLAG.nofollow | O_CLOEXEC),
    0n,
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  ]).buffer,
);

const NOTHING = new Uint8Array([0]);
const decoder = new TextDecoder();

function bytesOf(path: KernelPath): Uint8Array<ArrayBuffer> {
  return typeof path === "string" ? cString(path) : path;
}

function textOf(path: KernelPath): string {
  return typeof path === "string" ? path : decoder.decode(path.subarray(0, -1));
}

/**
 * Opens a directory by itself, without what is mounted below it, as overlayfs sees it. The caller closes it.
 *
 * @param path May be a symbolic link.
 * @throws {SystemError} If it is missing, or `EPERM` without CAP_SYS_ADMIN.
 * @see open_tree(2), since Linux 5.2
 */
export function openWithoutMounts(path: string): number {
  const flags = OPEN_TREE_CLONE | O_CLOEXEC;
  const result = reading().nbn(SYSCALL.open_tree, AT_FDCWD, cString(path), flags);
  return checked(result, "open_tree", path);
}

/** What {@linkcode findDirectoryBeneath} found: a descriptor, or why there is none. */
export type FoundDirectory = number | "missing" | "other";

/**
 * Opens the directory `path` for reading its names. The caller closes it.
 *
 * @param path Relative; `.` is `rootFd` itself. None of its components may be a symbolic link.
 * @returns `"other"` if the name is that of something else than a directory.
 * @throws {SystemError} For example `ENAMETOOLONG`.
 * @see openat2(2), since Linux 5.6
 */
export function findDirectoryBeneath(rootFd: number, path: KernelPath): FoundDirectory {
  const how = HOW_DIRECTORY_BENEATH;
  const name = bytesOf(path);
  const result = untilResolved(() =>
    reading().nbbn(SYSCALL.openat2, rootFd, name, how, how.length)
  );
  if (result === -ENOENT) return "missing";
  if (result === -ENOTDIR || result === -ELOOP) return "other";
  return result < 0 ? checked(result, "openat2", textOf(path)) : result;
}

/** Bytes of directory entries that are read at once. */
const LISTING_SIZE = 1 << 16;
/** Where a name begins in `struct linux_dirent64`, and where the entry's length stands. */
const NAME_OFFSET = 19;
const LENGTH_OFFSET = 16;

/**
 * The names in a directory but for `.` and `..`, in no order.
 *
 * @returns Bytes without a NUL at the end.
 * @throws {SystemError} If the file system fails.
 * @see getdents64(2)
 */
export function listDirectory(fd: number): Uint8Array<ArrayBuffer>[] {
  const names: Uint8Array<ArrayBuffer>[] = [];
  const buffer = new Uint8Array(LISTING_SIZE);
  for (;;) {
    const length = reading().nbn(SYSCALL.getdents64, fd, buffer, buffer.length);
    // A directory that has been removed meanwhile has no names any more
    if (length === -ENOENT || length === 0) return names;
    collectNames(buffer.subarray(0, checked(length, "getdents64", "")), names);
  }
}

function collectNames(entries: Uint8Array<ArrayBuffer>, names: Uint8Array<ArrayBuffer>[]): void {
  for (let at = 0; at < entries.length;) {
    const size = (entries[at + LENGTH_OFFSET] ?? 0) | (entries[at + LENGTH_OFFSET + 1] ?? 0) << 8;
    const start = at + NAME_OFFSET;
    const name = entries.slice(start, entries.indexOf(0, start));
    if (!isDots(name)) names.push(name);
    at += size;
  }
}

function isDots([first, second, ...rest]: Uint8Array): boolean {
  const dot = 0x2e;
  return first === dot && (second === undefined || second === dot && rest.length === 0);
}

/**
 * Opens whatever has the name as a mere location (`O_PATH`), a symbolic link itself. The caller closes it.
 *
 * @returns `undefined` if there is nothing.
 * @throws {SystemError} If the file system fails.
 */
export function findLocationAt(dirFd: number, name: KernelPath): number | undefined {
  const flags = O_PATH | OPEN_FLAG.nofollow | O_CLOEXEC;
  const result = reading().nbnn(SYSCALL.openat, dirFd, bytesOf(name), flags, 0);
  return result === -ENOENT ? undefined : checked(result, "openat", textOf(name));
}

/** How {@linkcode findLocationInRoot} treats a link. */
export interface LocationOptions {
  /** Whether the path may be that of a symbolic link, which is followed then; with a `/` at its end it always is. */
  followsLink: boolean;
}

/**
 * Opens whatever has a path as a mere location (`O_PATH`), as if `rootFd` were `/`: neither links nor `..` lead out of
 * it. The caller closes it.
 *
 * @returns `undefined` if it is missing.
 * @throws {SystemError} For example `ENOTDIR` if a parent is no directory, `ELOOP` for too many links.
 * @see openat2(2), since Linux 5.6
 */
export function findLocationInRoot(
  rootFd: number,
  path: KernelPath,
  { followsLink }: LocationOptions,
): number | undefined {
  const how = new Uint8Array(
    new BigUint64Array([
      BigInt(O_PATH | (followsLink ? 0 : OPEN_FLAG.nofollow) | O_CLOEXEC),
      0n,
      RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    ]).buffer,
  );
  const name = bytesOf(path);
  const result = untilResolved(() =>
    reading().nbbn(SYSCALL.openat2, rootFd, name, how, how.length)
  );
  return result === -ENOENT ? undefined : checked(result, "openat2", textOf(path));
}

/** Where something is in the tree of mounts. */
export interface MountPlace {
  /** Tells mounts from each other. */
  mountId: number;
  /** Whether it is what has been mounted, and hides what has its name. */
  isMountRoot: boolean;
}

const STATX_MNT_ID = 0x1000;
const STATX_ATTR_MOUNT_ROOT = 0x2000;

/**
 * Where an open file or location is in the tree of mounts.
 *
 * @throws {SystemError} If the file system fails.
 * @see statx(2), since Linux 5.8
 */
export function readMountPlace(fd: number): MountPlace {
  const [flags, mask] = [AT_EMPTY_PATH, STATX_MNT_ID];
  checked(reading().nbnnb(SYSCALL.statx, fd, NOTHING, flags, mask, statusBytes), "statx", "");
  return {
    mountId: Number(statusView.getBigUint64(144, true)),
    isMountRoot: (statusView.getUint32(8, true) & STATX_ATTR_MOUNT_ROOT) !== 0,
  };
}

/** `struct statfs` of 64-bit machines. */
const fileSystemBytes = new Uint8Array(120);
const fileSystemView = new DataView(fileSystemBytes.buffer);
const ST_RDONLY = 1;

/** What the kernel knows about the file system that a file is on. */
export interface FileSystemKind {
  /** Its magic number, see statfs(2). */
  type: number;
  /** Whether it cannot be written to, at least not by this mount. */
  isReadOnly: boolean;
}

/**
 * What an open file or location is on.
 *
 * @throws {SystemError} If it cannot be asked.
 * @see statfs(2)
 */
export function readFileSystem(fd: number): FileSystemKind {
  checked(reading().nbn(SYSCALL.fstatfs, fd, fileSystemBytes, 0), "fstatfs", "");
  return {
    type: Number(fileSystemView.getBigInt64(0, true) & 0xffff_ffffn),
    isReadOnly: (fileSystemView.getUint32(80, true) & ST_RDONLY) !== 0,
  };
}

/** What a file is. */
export type FileType =
  | "file"
  | "directory"
  | "symlink"
  | "character"
  | "block"
  | "fifo"
  | "socket";

const FILE_TYPES: Readonly<Record<number, FileType>> = {
  0o010000: "fifo",
  0o020000: "character",
  0o040000: "directory",
  0o060000: "block",
  0o100000: "file",
  0o120000: "symlink",
  0o140000: "socket",
};

/** What the kernel knows about a file. */
export interface FileStatus {
  type: FileType;
  /** Permission bits, with setuid, setgid and sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** In bytes; not a safe integer for an absurdly large sparse file. */
  size: number;
  /** How many names it has. */
  linkCount: number;
  /** The same for all names of one file, different for different files. */
  identity: string;
  modifiedAt: { seconds: bigint; nanoseconds: bigint };
  /** Of a device. */
  deviceMajor: number;
  deviceMinor: number;
}

const STATX_BASIC_STATS = 0x7ff;
const S_IFMT = 0o170000;
/** `struct statx` */
const statusBytes = new Uint8Array(256);
const statusView = new DataView(statusBytes.buffer);

/**
 * What the kernel knows about an open file or location.
 *
 * @throws {SystemError} If the file system fails.
 * @see statx(2)
 */
export function readStatus(fd: number): FileStatus {
  const [flags, mask] = [AT_EMPTY_PATH, STATX_BASIC_STATS];
  checked(reading().nbnnb(SYSCALL.statx, fd, NOTHING, flags, mask, statusBytes), "statx", "");
  const number = (offset: number): number => statusView.getUint32(offset, true);
  const mode = statusView.getUint16(28, true);
  const inode = statusView.getBigUint64(32, true);
  return {
    type: FILE_TYPES[mode & S_IFMT] ?? "socket",
    mode: mode & 0o7777,
    uid: number(20),
    gid: number(24),
    size: Number(statusView.getBigUint64(40, true)),
    linkCount: number(16),
    identity: `${number(136)}:${number(140)}:${inode}`,
    modifiedAt: {
      seconds: statusView.getBigInt64(112, true),
      nanoseconds: BigInt(number(120)),
    },
    deviceMajor: number(128),
    deviceMinor: number(132),
  };
}

/** Longest content of a symbolic link, in bytes; the kernel's PATH_MAX. */
const MAX_LINK_LENGTH = 4096;

/**
 * The content of a symbolic link.
 *
 * @param location Of {@linkcode findLocationAt}.
 * @throws {SystemError} If it is no symbolic link.
 * @see readlinkat(2)
 */
export function readLink(location: number): Uint8Array<ArrayBuffer> {
  const buffer = new Uint8Array(MAX_LINK_LENGTH);
  const length = reading().nbbn(SYSCALL.readlinkat, location, NOTHING, buffer, buffer.length);
  return buffer.subarray(0, checked(length, "readlinkat", ""));
}

/**
 * Opens a file for reading, without changing its access time. Call it for regular files only: any other may not
 * even be opened safely. Needs `/proc`. The caller closes it.
 *
 * @param location Of {@linkcode findLocationAt}; stays open.
 * @throws {SystemError} If the file system fails.
 */
export function openLocation(location: number): number {
  const flags = O_NOATIME | O_CLOEXEC;
  const path = magicLink(location);
  return checked(reading().nbnn(SYSCALL.openat, AT_FDCWD, path, flags, 0), "openat", textOf(path));
}

/**
 * What an open file or location is called now, by its names from the top of its mount namespace. Needs `/proc`.
 *
 * @returns Not to be used to find it again; of one that has been removed, with a remark of the kernel's at its end.
 */
export function pathOf(fd: number): string {
  return Deno.readLinkSync(`/proc/self/fd/${fd}`);
}

/** A path by which the kernel finds what is open, whatever its name is by now. */
function magicLink(fd: number): Uint8Array<ArrayBuffer> {
  return cString(`/proc/self/fd/${fd}`);
}

/**
 * Reads at the file's position.
 *
 * @returns How many bytes; 0 at the end.
 * @throws {SystemError} `EIO` for example.
 * @see read(2)
 */
export function readSome(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
  return checked(reading().nbn(SYSCALL.read, fd, buffer, buffer.length), "read", "");
}

/** Most bytes of all names of a file's extended attributes, and of one value; limits of the kernel. */
const MAX_ATTRIBUTE_SIZE = 1 << 16;

const attributeBytes = new Uint8Array(MAX_ATTRIBUTE_SIZE);

/**
 * Names of a file's extended attributes, sorted; none if its file system has no such thing. Needs `/proc`.
 *
 * @param fd Open file or location.
 * @throws {SystemError} If the file system fails.
 * @see listxattr(2)
 */
export function listAttributes(fd: number): string[] {
  const path = magicLink(fd);
  const length = reading().bbn(SYSCALL.listxattr, path, attributeBytes, MAX_ATTRIBUTE_SIZE);
  return splitAttributes(length, "listxattr");
}

/**
 * The same of a file that is open for reading, without a look at `/proc`: three times faster.
 *
 * @throws {SystemError} If the file system fails.
 * @see flistxattr(2)
 */
export function listOpenAttributes(fd: number): string[] {
  const length = reading().nbn(SYSCALL.flistxattr, fd, attributeBytes, MAX_ATTRIBUTE_SIZE);
  return splitAttributes(length, "flistxattr");
}

function splitAttributes(length: number, syscall: string): string[] {
  if (length === -EOPNOTSUPP || length === 0) return [];
  checked(length, syscall, "");
  return decoder.decode(attributeBytes.subarray(0, length - 1)).split("\0").toSorted();
}

/**
 * The value of an extended attribute. Needs `/proc`.
 *
 * @param fd Open file or location.
 * @returns `undefined` if the file does not have it.
 * @throws {SystemError} If the file system fails.
 * @see getxattr(2)
 */
export function findAttribute(fd: number, name: string): Uint8Array<ArrayBuffer> | undefined {
  const [path, key] = [magicLink(fd), cString(name)];
  const length = reading().bbbn(SYSCALL.getxattr, path, key, attributeBytes, MAX_ATTRIBUTE_SIZE);
  if (length === -ENODATA || length === -EOPNOTSUPP) return undefined;
  return attributeBytes.slice(0, checked(length, `getxattr ${name}`, ""));
}
