/**
 * System calls on files below a directory descriptor, one function for each.
 *
 * They exist because Deno's file API works on path strings only: it cannot
 * open relative to a directory, stay inside a root, make devices, set extended
 * attributes or keep names that are not UTF-8.
 *
 * @module
 */

import { cString } from "../../ffi/c_string.ts";
import { checked } from "../../ffi/errno.ts";
import { files } from "../../ffi/native.ts";
import { OPEN_FLAG, SYSCALL } from "../../ffi/syscalls.ts";
import { untilResolved } from "./open.ts";

/** A path: text, or the bytes as the kernel wants them, ended by a NUL byte. */
export type KernelPath = string | Uint8Array<ArrayBuffer>;

/** Stands for the current directory where a directory descriptor is wanted. */
export const AT_FDCWD = -100;

const AT_SYMLINK_NOFOLLOW = 0x100;

const EEXIST = 17;

const O_WRONLY = 1;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;

const AT_EMPTY_PATH = 0x1000;

const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_BENEATH = 0x08n;
const RESOLVE_IN_ROOT = 0x10n;

/** `S_IFIFO` and so on: the type bits of a file mode, for {@linkcode makeNodeAt}. */
export const NODE_TYPE = { fifo: 0o010000, character: 0o020000, block: 0o060000 } as const;

/** `struct open_how` of openat2(2): an `O_PATH` directory, resolved as if `dirFd` were `/`. */
const HOW_DIRECTORY_IN_ROOT = new Uint8Array(
  new BigUint64Array([
    BigInt(O_PATH | OPEN_FLAG.directory | O_CLOEXEC),
    0n,
    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
  ]).buffer,
);

/** The same for a directory that no symbolic link may be on the way to. */
const HOW_DIRECTORY_BENEATH = new Uint8Array(
  new BigUint64Array([
    BigInt(O_PATH | OPEN_FLAG.directory | OPEN_FLAG.nofollow | O_CLOEXEC),
    0n,
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  ]).buffer,
);

const NO_PATH = new Uint8Array([0]);
const decoder = new TextDecoder();

function bytesOf(path: KernelPath): Uint8Array<ArrayBuffer> {
  return typeof path === "string" ? cString(path) : path;
}

/** The path for an error message. */
function textOf(path: KernelPath): string {
  if (typeof path === "string") return path;
  const end = path.indexOf(0);
  return decoder.decode(end < 0 ? path : path.subarray(0, end));
}

/** Passes on a result; the message is only put together when there is one to give. */
function onPath(result: number, syscall: string, path: KernelPath): number {
  return result < 0 ? checked(result, syscall, textOf(path)) : result;
}

/**
 * Opens the directory `path` as a mere location (`O_PATH`). The caller closes it.
 *
 * @throws {SystemError} `ENOENT` if it is missing, `ENOTDIR` if it is not a directory but, for example, a
 * symbolic link to one.
 * @see openat(2)
 */
export function openDirectoryAt(dirFd: number, path: KernelPath): number {
  const flags = O_PATH | OPEN_FLAG.directory | OPEN_FLAG.nofollow | O_CLOEXEC;
  return onPath(files().nbnn(SYSCALL.openat, dirFd, bytesOf(path), flags, 0), "openat", path);
}

/**
 * Opens the directory `path` as if `rootFd` were `/`: neither `..` nor any
 * symbolic link leads out, and links of `/proc` are not followed. The caller closes it.
 *
 * @throws {SystemError} If it is missing or not a directory, or `ELOOP` for too many links.
 * @see openat2(2), since Linux 5.6
 */
export function openDirectoryInRoot(rootFd: number, path: KernelPath): number {
  const how = HOW_DIRECTORY_IN_ROOT;
  const name = bytesOf(path);
  const result = untilResolved(() => files().nbbn(SYSCALL.openat2, rootFd, name, how, how.length));
  return onPath(result, "openat2", path);
}

/**
 * Opens the directory `path` below `rootFd`. The caller closes it.
 *
 * @param path Relative; `.` is `rootFd` itself.
 * @throws {SystemError} If it is missing, `ENOTDIR` or `ELOOP` if one of its components is no directory but, for example,
 * a symbolic link to one.
 * @see openat2(2), since Linux 5.6
 */
export function openDirectoryBeneath(rootFd: number, path: KernelPath): number {
  const how = HOW_DIRECTORY_BENEATH;
  const name = bytesOf(path);
  const result = untilResolved(() => files().nbbn(SYSCALL.openat2, rootFd, name, how, how.length));
  return onPath(result, "openat2", path);
}

/**
 * Makes a new regular file and opens it for writing. The caller closes it.
 *
 * @param mode Permission bits; the umask applies.
 * @throws {SystemError} `EEXIST` if anything has that name, be it a dangling link.
 * @see openat(2)
 */
export function createFileAt(dirFd: number, path: KernelPath, mode: number): number {
  const flags = O_WRONLY | O_CREAT | O_EXCL | OPEN_FLAG.nofollow | O_CLOEXEC;
  return onPath(files().nbnn(SYSCALL.openat, dirFd, bytesOf(path), flags, mode), "openat", path);
}

/** What {@linkcode createWholeFileAt} gives a file besides its bytes. */
export interface NewFile {
  /** Permission bits; the umask applies. */
  mode: number;
  /** User and group; `undefined` for those that the kernel gives. */
  owner: { uid: number; gid: number } | undefined;
  /** Permission bits, setuid, setgid and sticky, whatever the umask; `undefined` if those of `mode` will do. */
  exactMode: number | undefined;
  /** Access and modification time in seconds since the epoch; may be negative. */
  seconds: bigint;
  /** 0 to 999,999,999, added to `seconds`. */
  nanoseconds: bigint;
}

/** `struct wherry_new_file` of `native/wherry.h`. */
const newFileBytes = new Uint8Array(32);
const newFileTimes = new BigInt64Array(newFileBytes.buffer, 0, 2);
const newFileNumbers = new Uint32Array(newFileBytes.buffer, 16, 4);
/** `WHERRY_KEEP` */
const KEEP = 0xffffffff;

const failedCall = new Int32Array(1);
const failedCallBytes = new Uint8Array(failedCall.buffer);

/**
 * Makes a new regular file with all its bytes in one native call, several times faster than step by step.
 *
 * @throws {SystemError} `EEXIST` if anything has that name, be it a dangling link; after any other failure,
 * for example `ENOSPC`, a part of the file may be there.
 */
export function createWholeFileAt(
  dirFd: number,
  path: KernelPath,
  bytes: Uint8Array<ArrayBuffer>,
  file: NewFile,
): void {
  newFileTimes[0] = file.seconds;
  newFileTimes[1] = file.nanoseconds;
  newFileNumbers[0] = file.mode;
  newFileNumbers[1] = file.owner?.uid ?? KEEP;
  newFileNumbers[2] = file.owner?.gid ?? KEEP;
  newFileNumbers[3] = file.exactMode ?? KEEP;
  const name = bytesOf(path);
  const result = files().createFile(
    dirFd,
    name,
    bytes,
    bytes.length,
    newFileBytes,
    failedCallBytes,
  );
  if (result < 0) checked(result, nameOfCall(failedCall[0]), textOf(path));
}

/** Which members of a tar archive {@linkcode createMembersAt} makes, and how. */
export interface MemberFiles {
  /** The open directory that they go into. */
  directory: number;
  /** What their names begin with; the rest is the name in the directory. */
  prefix: Uint8Array<ArrayBuffer>;
  /** Permission bits that open(2) does not give a file; `undefined`: owner and mode are always set once more. */
  specialBits: number | undefined;
}

/** `WHERRY_ALWAYS` */
const ALWAYS = 0xffffffff;

const memberCount = new Uint32Array(1);
const memberCountBytes = new Uint8Array(memberCount.buffer);

/**
 * Makes the plain files that `archive` begins with, for as long as their names are in one directory, nothing has them
 * yet, and their bytes are all there; many times faster than one by one. See `native/wherry.h`.
 *
 * @param archive Begins with a header of a tar archive; nothing is expected of it.
 * @returns How many were made, and how many bytes of the archive they are. What comes next is the caller's, who finds
 * out what is wrong with it, if anything is; a part of that file may be there then.
 */
export function createMembersAt(
  { directory, prefix, specialBits = ALWAYS }: MemberFiles,
  archive: Uint8Array<ArrayBuffer>,
): { count: number; bytes: number } {
  const bytes = files().createMembers(
    directory,
    prefix,
    prefix.length,
    archive,
    archive.length,
    specialBits,
    memberCountBytes,
  );
  return { count: memberCount[0] ?? 0, bytes };
}

function nameOfCall(number: number | undefined): string {
  return Object.entries(SYSCALL).find(([, value]) => value === number)?.[0] ?? `call ${number}`;
}

/** Closes a descriptor; it is gone whatever the kernel answers. */
export function closeDescriptor(fd: number): void {
  files().nnn(SYSCALL.close, fd, 0, 0);
}

/**
 * Writes all of `bytes` at the file's position.
 *
 * @throws {SystemError} For example `ENOSPC`; a part may have been written then.
 * @see write(2)
 */
export function writeAll(fd: number, bytes: Uint8Array<ArrayBuffer>, path: KernelPath): void {
  for (let at = 0; at < bytes.length;) {
    const rest = at === 0 ? bytes : bytes.subarray(at);
    at += onPath(files().nbn(SYSCALL.write, fd, rest, rest.length), "write", path);
  }
}

/**
 * Writes all of `bytes` at `offset`, leaving a hole before it if the file is shorter.
 *
 * @param offset In bytes from the start of the file.
 * @throws {SystemError} For example `ENOSPC`; a part may have been written then.
 * @see pwrite(2)
 */
export function writeAllAt(
  fd: number,
  bytes: Uint8Array<ArrayBuffer>,
  offset: number,
  path: KernelPath,
): void {
  for (let at = 0; at < bytes.length;) {
    const rest = at === 0 ? bytes : bytes.subarray(at);
    const result = files().nbnl(SYSCALL.pwrite64, fd, rest, rest.length, BigInt(offset + at));
    at += onPath(result, "pwrite", path);
  }
}

/**
 * Sets a file's size; what is added reads as zeros and takes no space.
 *
 * @param size In bytes.
 * @throws {SystemError} For example `EFBIG`.
 * @see ftruncate(2)
 */
export function setFileSize(fd: number, size: number, path: KernelPath): void {
  onPath(files().nl(SYSCALL.ftruncate, fd, BigInt(size)), "ftruncate", path);
}

/**
 * Makes a directory.
 *
 * @param mode Permission bits; the umask applies.
 * @throws {SystemError} `EEXIST` if anything has that name.
 * @see mkdirat(2)
 */
export function makeDirectoryAt(dirFd: number, path: KernelPath, mode: number): void {
  onPath(files().nbn(SYSCALL.mkdirat, dirFd, bytesOf(path), mode), "mkdirat", path);
}

/**
 * Makes a device node or a FIFO.
 *
 * @param mode One of {@linkcode NODE_TYPE} and permission bits; the umask applies.
 * @param device Of {@linkcode deviceNumber}; 0 for a FIFO.
 * @throws {SystemError} `EEXIST` if anything has that name, `EPERM` without CAP_MKNOD.
 * @see mknodat(2)
 */
export function makeNodeAt(dirFd: number, path: KernelPath, mode: number, device: number): void {
  const result = files().nbnn(SYSCALL.mknodat, dirFd, bytesOf(path), mode, device | 0);
  onPath(result, "mknodat", path);
}

/**
 * A device number as mknod(2) takes it.
 *
 * @param major 0 to 4,095.
 * @param minor 0 to 1,048,575.
 * @throws {RangeError} If either is out of its range.
 */
export function deviceNumber(major: number, minor: number): number {
  if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff) {
    throw new RangeError(`Cannot make device number "${major}:${minor}": it is out of range`);
  }
  return (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
}

/**
 * Makes a symbolic link.
 *
 * @param content What it says; not looked at.
 * @throws {SystemError} `EEXIST` if anything has that name.
 * @see symlinkat(2)
 */
export function makeSymlinkAt(content: KernelPath, dirFd: number, path: KernelPath): void {
  const result = files().bnb(SYSCALL.symlinkat, bytesOf(content), dirFd, bytesOf(path));
  onPath(result, "symlinkat", path);
}

/**
 * Gives an existing file one more name. A symbolic link is linked itself, not followed.
 *
 * @throws {SystemError} `EEXIST` if anything has the new name, `EPERM` for a directory.
 * @see linkat(2)
 */
export function makeLinkAt(
  oldDirFd: number,
  oldPath: KernelPath,
  newDirFd: number,
  newPath: KernelPath,
): void {
  const [from, to] = [bytesOf(oldPath), bytesOf(newPath)];
  onPath(files().nbnbn(SYSCALL.linkat, oldDirFd, from, newDirFd, to, 0), "linkat", oldPath);
}

/**
 * Gives a file or directory another name in the same directory, in place of what has it.
 *
 * @throws {SystemError} `ENOTEMPTY` if a directory with entries has the new name.
 * @see renameat2(2)
 */
export function renameAt(dirFd: number, oldPath: KernelPath, newPath: KernelPath): void {
  const [from, to] = [bytesOf(oldPath), bytesOf(newPath)];
  onPath(files().nbnbn(SYSCALL.renameat2, dirFd, from, dirFd, to, 0), "renameat2", oldPath);
}

const RENAME_NOREPLACE = 1;

/**
 * Moves something to another directory of the same file system, under the same name.
 *
 * @returns False if something has the name there.
 * @throws {SystemError} `EINVAL` if the file system cannot tell, as NFS cannot.
 * @see renameat2(2)
 */
export function moveUnlessPresent(fromFd: number, toFd: number, name: KernelPath): boolean {
  const bytes = bytesOf(name);
  const flags = RENAME_NOREPLACE;
  const result = files().nbnbn(SYSCALL.renameat2, fromFd, bytes, toFd, bytes, flags);
  return result !== -EEXIST && onPath(result, "renameat2", name) === 0;
}

/**
 * Moves something to another directory of the same file system, in place of what has its new name.
 *
 * @throws {SystemError} `EISDIR`, `ENOTDIR`, `ENOTEMPTY` or `EEXIST` if that cannot be replaced, `EBUSY` if it is a
 * mount point.
 * @see renameat2(2)
 */
export function renameBetween(
  oldDirFd: number,
  oldPath: KernelPath,
  newDirFd: number,
  newPath: KernelPath,
): void {
  const [from, to] = [bytesOf(oldPath), bytesOf(newPath)];
  onPath(files().nbnbn(SYSCALL.renameat2, oldDirFd, from, newDirFd, to, 0), "renameat2", newPath);
}

/**
 * Removes a name that is not a directory's.
 *
 * @throws {SystemError} `EISDIR` for a directory.
 * @see unlinkat(2)
 */
export function unlinkAt(dirFd: number, path: KernelPath): void {
  onPath(files().nbn(SYSCALL.unlinkat, dirFd, bytesOf(path), 0), "unlinkat", path);
}

/**
 * Sets owner and group of an open file. This clears setuid, setgid and capabilities.
 *
 * @throws {SystemError} `EPERM` without CAP_CHOWN.
 * @see fchown(2)
 */
export function setOwner(fd: number, uid: number, gid: number, path: KernelPath): void {
  onPath(files().nnn(SYSCALL.fchown, fd, uid | 0, gid | 0), "fchown", path);
}

/**
 * Sets owner and group of what is at `path`, of a symbolic link itself.
 *
 * @throws {SystemError} `EPERM` without CAP_CHOWN.
 * @see fchownat(2)
 */
export function setOwnerAt(dirFd: number, path: KernelPath, uid: number, gid: number): void {
  const flags = AT_SYMLINK_NOFOLLOW;
  const result = files().nbnnn(SYSCALL.fchownat, dirFd, bytesOf(path), uid | 0, gid | 0, flags);
  onPath(result, "fchownat", path);
}

/**
 * Sets owner and group of whatever has been opened as a mere location.
 *
 * @throws {SystemError} `EPERM` without CAP_CHOWN.
 * @see fchownat(2), `AT_EMPTY_PATH`
 */
export function setLocationOwner(
  location: number,
  { uid, gid }: { uid: number; gid: number },
  path: KernelPath,
): void {
  const flags = AT_EMPTY_PATH;
  const result = files().nbnnn(SYSCALL.fchownat, location, NO_PATH, uid | 0, gid | 0, flags);
  onPath(result, "fchownat", path);
}

/**
 * Sets the permission bits of what has been opened as a mere location and is no symbolic link, whatever the umask.
 * Needs `/proc`.
 *
 * @throws {SystemError} If the file system refuses.
 */
export function setLocationMode(location: number, mode: number, path: KernelPath): void {
  const link = cString(`/proc/self/fd/${location}`);
  onPath(files().nbn(SYSCALL.fchmodat, AT_FDCWD, link, mode), "fchmodat", path);
}

/**
 * Sets the permission bits of an open file, whatever the umask.
 *
 * @throws {SystemError} If the file system refuses.
 * @see fchmod(2)
 */
export function setMode(fd: number, mode: number, path: KernelPath): void {
  onPath(files().nnn(SYSCALL.fchmod, fd, mode, 0), "fchmod", path);
}

/**
 * Sets the permission bits of what is at `path`, whatever the umask. Follows a
 * symbolic link: never call it for one.
 *
 * @throws {SystemError} If the file system refuses.
 * @see fchmodat(2)
 */
export function setModeAt(dirFd: number, path: KernelPath, mode: number): void {
  onPath(files().nbn(SYSCALL.fchmodat, dirFd, bytesOf(path), mode), "fchmodat", path);
}

const timespecs = new BigInt64Array(4);
const timespecBytes = new Uint8Array(timespecs.buffer);

/** Fills in `struct timespec[2]`: access and modification time, both the same. */
function timesOf(seconds: bigint, nanoseconds: bigint): Uint8Array<ArrayBuffer> {
  timespecs[0] = timespecs[2] = seconds;
  timespecs[1] = timespecs[3] = nanoseconds;
  return timespecBytes;
}

/**
 * Sets access and modification time of an open file.
 *
 * @param seconds Since the epoch; may be negative.
 * @param nanoseconds 0 to 999,999,999, added to `seconds`.
 * @throws {SystemError} If the file system refuses.
 * @see utimensat(2)
 */
export function setTimes(
  fd: number,
  seconds: bigint,
  nanoseconds: bigint,
  path: KernelPath,
): void {
  const times = timesOf(seconds, nanoseconds);
  onPath(files().nbbn(SYSCALL.utimensat, fd, null, times, 0), "utimensat", path);
}

/**
 * Sets access and modification time of what is at `path`, of a symbolic link itself.
 *
 * @param seconds Since the epoch; may be negative.
 * @param nanoseconds 0 to 999,999,999, added to `seconds`.
 * @throws {SystemError} If it is missing.
 * @see utimensat(2)
 */
export function setTimesAt(
  dirFd: number,
  path: KernelPath,
  seconds: bigint,
  nanoseconds: bigint,
): void {
  const times = timesOf(seconds, nanoseconds);
  const flags = AT_SYMLINK_NOFOLLOW;
  const result = files().nbbn(SYSCALL.utimensat, dirFd, bytesOf(path), times, flags);
  onPath(result, "utimensat", path);
}

/**
 * Sets an extended attribute of an open file.
 *
 * @param name With its class, for example `"security.capability"`.
 * @throws {SystemError} `EOPNOTSUPP` if the file system does not keep such attributes.
 * @see setxattr(2)
 */
export function setAttribute(
  fd: number,
  name: string,
  value: Uint8Array<ArrayBuffer>,
  path: KernelPath,
): void {
  const result = files().nbbnn(SYSCALL.fsetxattr, fd, cString(name), value, value.length, 0);
  onPath(result, `fsetxattr ${name}`, path);
}

/**
 * Sets an extended attribute of what is at `path`, of a symbolic link itself. Needs `/proc`.
 *
 * @param path One name, without `/`.
 * @param name With its class, for example `"trusted.overlay.opaque"`.
 * @throws {SystemError} `EOPNOTSUPP` if the file system does not keep such attributes.
 * @see setxattr(2)
 */
export function setAttributeAt(
  dirFd: number,
  path: KernelPath,
  name: string,
  value: Uint8Array<ArrayBuffer>,
): void {
  const full = joinBytes(cString(`/proc/self/fd/${dirFd}/`), bytesOf(path));
  const result = files().bbbnn(SYSCALL.lsetxattr, full, cString(name), value, value.length, 0);
  onPath(result, `lsetxattr ${name}`, path);
}

/** Appends a NUL-terminated name to a NUL-terminated prefix. */
function joinBytes(
  prefix: Uint8Array<ArrayBuffer>,
  name: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(prefix.length + name.length);
  joined.set(prefix);
  joined.set(name, prefix.length - 1);
  return joined;
}
