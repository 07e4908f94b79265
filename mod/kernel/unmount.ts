/** Unmounting. @see umount2(2) @module */

import { cString } from "../../ffi/c_string.ts";
import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

const ENOENT = 2;
const EINVAL = 22;

/**
 * Takes the topmost mount away from `path` at once, with what is mounted below it. Who uses the file system keeps it
 * until he is done, and a server that does not answer is not waited for.
 *
 * @returns Whether there was one.
 * @throws {SystemError} `EPERM` without CAP_SYS_ADMIN.
 */
export function detachMount(path: string): boolean {
  const result = core.bn(SYSCALL.umount2, cString(path), MNT_DETACH | UMOUNT_NOFOLLOW);
  if (result === -EINVAL || result === -ENOENT) return false;
  checked(result, "umount2", path);
  return true;
}
