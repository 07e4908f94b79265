/** Where overlayfs can keep what changes. @module */

import { cString } from "../../ffi/c_string.ts";
import { SystemError } from "../../ffi/errno.ts";
import { reading } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { AT_FDCWD, closeDescriptor, openDirectoryAt, setAttributeAt } from "./file.ts";
import { fileSystemOf } from "./host.ts";

/**
 * File systems that overlayfs refuses an upper directory on, because names or files may change there without its
 * knowledge, or are compared in another way. @see `ovl_dentry_remote` and `ovl_dentry_weird` of Linux
 */
const REFUSED = /^(?:overlay|aufs|ecryptfs|nfs4?|cifs|smb3|9p|ceph|afs|v?fat|exfat|ntfs3?|fuse.*)$/;

/** Harmless, and of the class that overlayfs keeps its marks in. */
const TRIAL_ATTRIBUTE = "trusted.wherry";

const ENODATA = 61;

/** Whether overlayfs takes an upper directory on a file system of this type, such as `ext4`. */
export function canHoldUpper(type: string): boolean {
  return !REFUSED.test(type);
}

/**
 * Why an overlay cannot have its upper directory below `directory`, as far as can be told without mounting one.
 *
 * Leaves an extended attribute on the directory.
 *
 * @param directory Absolute; exists.
 * @param mountInfo Content of `/proc/self/mountinfo`.
 * @returns A part of a sentence, or `undefined` if nothing speaks against it.
 * @throws {SystemError} If the directory cannot be opened.
 */
export function overlayObstacle(directory: string, mountInfo: string): string | undefined {
  const type = fileSystemOf(directory, mountInfo);
  if (!canHoldUpper(type)) return `overlayfs cannot write to the file system ${type}`;
  return keepsTrustedAttributes(directory)
    ? undefined
    : `the file system ${type} keeps no trusted attributes`;
}

/**
 * Whether the file system of a directory knows extended attributes of the class that overlayfs keeps its marks in;
 * nothing is written.
 *
 * @param directory Absolute; exists.
 */
export function hasTrustedAttributes(directory: string): boolean {
  const value = new Uint8Array(1);
  const [path, name] = [cString(directory), cString(TRIAL_ATTRIBUTE)];
  const result = reading().bbbn(SYSCALL.getxattr, path, name, value, value.length);
  return result >= 0 || result === -ENODATA;
}

function keepsTrustedAttributes(directory: string): boolean {
  const fd = openDirectoryAt(AT_FDCWD, directory);
  try {
    setAttributeAt(fd, ".", TRIAL_ATTRIBUTE, new Uint8Array([1]));
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.code === "EOPNOTSUPP") return false;
    throw error;
  } finally {
    closeDescriptor(fd);
  }
}
