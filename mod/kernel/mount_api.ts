/** Which of the newer mount calls there are. @see open_tree(2), mount_setattr(2) @module */

import { cString } from "../../ffi/c_string.ts";
import { files } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";

const NO_DESCRIPTOR = -1;
/** No call has it. */
const WRONG_FLAG = 0x4000_0000;
const EINVAL = 22;

/** What is wrong with the arguments the kernel sees before it asks who calls; a filter of system calls sees nothing. */
function isOffered(result: number): boolean {
  return result === -EINVAL;
}

/** Whether the kernel has open_tree(2), since Linux 5.2; nothing is opened. */
export function hasOpenTree(): boolean {
  return isOffered(files().nbnn(SYSCALL.open_tree, NO_DESCRIPTOR, cString("."), WRONG_FLAG, 0));
}

/** Whether the kernel has mount_setattr(2), since Linux 5.12; nothing is changed. */
export function hasMountSetattr(): boolean {
  const nothing = new Uint8Array(1);
  return isOffered(
    files().nbnbn(SYSCALL.mount_setattr, NO_DESCRIPTOR, cString("."), 0, nothing, 0),
  );
}
