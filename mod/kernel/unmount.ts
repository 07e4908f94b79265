/** Unmounting. @see umount2(2), mount_namespaces(7) @module */

import { cString } from "../../ffi/c_string.ts";
import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { MS } from "./mount.ts";

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

const ENOENT = 2;
const EINVAL = 22;

/**
 * Takes the topmost mount away from `path` at once, with what is mounted below it. Who uses the file system keeps it,
 * and a server that does not answer is not waited for.
 *
 * Where `path` is a bind mount, nothing is unmounted where it comes from.
 *
 * @returns Whether there was one.
 * @throws {SystemError} `EPERM` without CAP_SYS_ADMIN.
 */
export function detachMount(path: string): boolean {
  const target = cString(path);
  // An unmount is passed on to the mounts that this one shares its own with: the host's, below a directory that is bound
  const isolated = core.bbbnb(SYSCALL.mount, null, target, null, MS.REC | MS.PRIVATE, null);
  if (isolated === -EINVAL || isolated === -ENOENT) return false;
  checked(isolated, "mount", path);
  const result = core.bn(SYSCALL.umount2, target, MNT_DETACH | UMOUNT_NOFOLLOW);
  if (result === -EINVAL) return false;
  checked(result, "umount2", path);
  return true;
}
