/** Which of the newer mount calls there are. @see open_tree(2), mount_setattr(2) @module */

import { cString } from "../../ffi/c_string.ts";
import { files } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";

const NO_DESCRIPTOR = -1;
const EPERM = 1;
const ENOSYS = 38;

/** Neither missing nor kept away by a filter: what else is wrong with the arguments is meant to be. */
function isOffered(result: number): boolean {
  return result !== -ENOSYS && result !== -EPERM;
}

/** Whether the kernel has open_tree(2), since Linux 5.2; nothing is opened. */
export function hasOpenTree(): boolean {
  return isOffered(files().nbnn(SYSCALL.open_tree, NO_DESCRIPTOR, cString("."), 0, 0));
}

/** Whether the kernel has mount_setattr(2), since Linux 5.12; nothing is changed. */
export function hasMountSetattr(): boolean {
  const attributes = new Uint8Array(32); // struct mount_attr
  const { length } = attributes;
  return isOffered(
    files().nbnbn(SYSCALL.mount_setattr, NO_DESCRIPTOR, cString("."), 0, attributes, length),
  );
}
