/** What little can be found out about a directory without looking at all of it. @module */

import { cString } from "../../ffi/c_string.ts";
import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { openForReading } from "./open.ts";

/** Room for `.`, `..` and at least one of the longest names. */
const LISTING_BYTES = 1024;
/** Where a name begins in `struct linux_dirent64`, and where the entry's length stands. */
const NAME_OFFSET = 19;
const LENGTH_OFFSET = 16;

const DOT = 0x2e;

/**
 * Whether a directory has no entries. However many it has, it reads only a few of them.
 *
 * @throws {SystemError} If it is missing or no directory.
 * @see getdents64(2)
 */
export function isEmptyDirectory(path: string): boolean {
  using directory = openForReading(path);
  const buffer = new Uint8Array(LISTING_BYTES);
  for (;;) {
    const { number } = directory;
    const result = core.nbnn(SYSCALL.getdents64, number, buffer, buffer.length, 0);
    const length = checked(result, "getdents64", path);
    if (length === 0) return true;
    if (holdsName(buffer.subarray(0, length))) return false;
  }
}

function holdsName(entries: Uint8Array): boolean {
  for (let at = 0; at < entries.length;) {
    const [first, second, third] = entries.subarray(at + NAME_OFFSET);
    const isDots = first === DOT && (second === 0 || second === DOT && third === 0);
    if (!isDots) return true;
    at += (entries[at + LENGTH_OFFSET] ?? 0) | (entries[at + LENGTH_OFFSET + 1] ?? 0) << 8;
  }
  return false;
}

/** Most bytes of all names of a file's extended attributes; a limit of the kernel. */
const MAX_NAMES_BYTES = 1 << 16;
const EOPNOTSUPP = 95;

/**
 * Names of the extended attributes of what is at `path`, of a symbolic link itself; none if its file system has no such
 * thing.
 *
 * @throws {SystemError} If it is missing.
 * @see llistxattr(2)
 */
export function attributeNames(path: string): string[] {
  const buffer = new Uint8Array(MAX_NAMES_BYTES);
  const result = core.bbn(SYSCALL.llistxattr, cString(path), buffer, buffer.length);
  if (result === -EOPNOTSUPP || result === 0) return [];
  const length = checked(result, "llistxattr", path);
  return new TextDecoder().decode(buffer.subarray(0, length - 1)).split("\0");
}
