/** Opening files as numbers that other processes can inherit. @see open(2), fcntl(2) @module */

import { cString } from "../../ffi/c_string.ts";
import { Descriptor } from "../../ffi/descriptor.ts";
import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { OPEN_FLAG, SYSCALL } from "../../ffi/syscalls.ts";

const AT_FDCWD = -100;
const O_RDWR = 2;
const O_CREAT = 0o100;
const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;

function openAt(path: string, flags: number, mode: number): Descriptor {
  const result = core.nbnn(SYSCALL.openat, AT_FDCWD, cString(path), flags | O_CLOEXEC, mode);
  return new Descriptor(checked(result, "open", path));
}

/**
 * Opens a directory as a mere location (`O_PATH`).
 *
 * @throws {SystemError} If it is missing or not a directory.
 */
export function openDirectory(path: string): Descriptor {
  return openAt(path, O_PATH | OPEN_FLAG.directory, 0);
}

/**
 * Opens a file for reading and writing, for example `/dev/null`.
 *
 * @throws {SystemError} If it is missing or not accessible.
 */
export function openReadWrite(path: string): Descriptor {
  return openAt(path, O_RDWR, 0);
}

/**
 * Opens a file for reading.
 *
 * @throws {SystemError} If it is missing or not accessible.
 */
export function openForReading(path: string): Descriptor {
  return openAt(path, 0, 0);
}

/**
 * Opens a file for reading and writing and makes it, readable by its owner alone, if it is missing.
 *
 * @throws {SystemError} If its directory is missing or not writable.
 */
export function openOrCreate(path: string): Descriptor {
  return openAt(path, O_RDWR | O_CREAT | OPEN_FLAG.nofollow, 0o600);
}

const RESOLVE_NO_XDEV = 0x01n;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_IN_ROOT = 0x10n;

/** How often {@linkcode untilResolved} tries. */
const RESOLVE_TRIES = 128;

/**
 * Calls openat2(2) with `RESOLVE_IN_ROOT` until it can tell where a path with `..` leads. When anything on the
 * host is renamed or mounted meanwhile it cannot, and its answer is `EAGAIN`.
 *
 * @returns What the last try gave.
 */
export function untilResolved(open: () => number): number {
  let result = -EAGAIN;
  for (let tries = 0; result === -EAGAIN && tries < RESOLVE_TRIES; tries++) result = open();
  return result;
}

/**
 * Opens whatever has a path as a mere location (`O_PATH`), as if `root` were `/`: neither links nor `..` can lead out
 * of it. So nothing happens to a device, and a FIFO is not waited for; read by `/proc/self/fd/N`, and regular files
 * only.
 *
 * @param crossesMounts Whether to go into what is mounted below `root`; if not, it counts as missing.
 * @returns `undefined` if it is missing: a common case, and an exception takes half a millisecond.
 * @throws {SystemError} For example `ENOTDIR` if a parent is no directory.
 * @see openat2(2)
 */
export function findInRoot(
  root: Descriptor,
  path: string,
  { crossesMounts = true }: { crossesMounts?: boolean } = {},
): Descriptor | undefined {
  const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (crossesMounts ? 0n : RESOLVE_NO_XDEV);
  const how = new Uint8Array(
    new BigUint64Array([BigInt(O_CLOEXEC | O_PATH), 0n, resolve]).buffer,
  );
  const name = cString(path);
  const result = untilResolved(() =>
    core.nbbn(SYSCALL.openat2, root.number, name, how, how.length)
  );
  const isMissing = result === -ENOENT || !crossesMounts && result === -EXDEV;
  return isMissing ? undefined : new Descriptor(checked(result, "openat2", path));
}

const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_OFD_SETLKW = 38;
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;
const ENOENT = 2;
const EAGAIN = 11;
const EINTR = 4;
const EXDEV = 18;

/** How to lock: `shared` by many readers or `exclusive`. */
export type LockMode = "shared" | "exclusive";

/** `struct flock` over the whole file, as fcntl(2) wants it. */
function flockStruct(mode: LockMode): Uint8Array<ArrayBuffer> {
  const struct = new Uint8Array(32);
  struct[0] = mode === "exclusive" ? F_WRLCK : F_RDLCK;
  return struct;
}

/**
 * Takes a lock on an open file description; whoever inherits or duplicates the descriptor shares it,
 * and it is gone when the last of them is closed.
 *
 * @param wait Whether to wait for other holders; this stops the event loop.
 * @returns Whether the lock was taken; always true when waiting.
 * @throws {SystemError} If the file system does not support locks.
 * @see fcntl(2), "Open file description locks"
 */
export function lockDescription(
  descriptor: Descriptor,
  mode: LockMode,
  { wait }: { wait: boolean },
): boolean {
  const struct = flockStruct(mode);
  for (;;) {
    const command = wait ? F_OFD_SETLKW : F_OFD_SETLK;
    const result = core.nnb(SYSCALL.fcntl, descriptor.number, command, struct);
    if (result === -EAGAIN) return false;
    if (result === -EINTR) continue;
    checked(result, "fcntl", "F_OFD_SETLK");
    return true;
  }
}

/**
 * Whether somebody else holds an exclusive lock on the file; takes none itself, so that asking
 * never disturbs who wants the lock.
 *
 * @throws {SystemError} If the file system does not support locks.
 */
export function isLockedByOthers(descriptor: Descriptor): boolean {
  const struct = flockStruct("shared");
  checked(
    core.nnb(SYSCALL.fcntl, descriptor.number, F_OFD_GETLK, struct),
    "fcntl",
    "F_OFD_GETLK",
  );
  return struct[0] !== F_UNLCK;
}
