/** Acting on files as another user. @see setfsuid(2), credentials(7) @module */

import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";

const PR_GET_SECUREBITS = 27;
const PR_SET_SECUREBITS = 28;
/** A change of the file system user takes no capabilities. */
const SECBIT_NO_SETUID_FIXUP = 1 << 2;

/**
 * Does something as a file system user and group of other numbers, with all the power over files that this process has.
 *
 * In a mount whose ids are mapped, nothing can be made by whom it has no number for, root of the host included.
 *
 * @param action Must not wait: other work of this thread would be done as that user, too.
 * @throws {SystemError} `EPERM` without CAP_SETPCAP.
 */
export function asFileOwner<T>({ uid, gid }: { uid: number; gid: number }, action: () => T): T {
  const bits = checked(core.nnn(SYSCALL.prctl, PR_GET_SECUREBITS, 0, 0), "prctl", "");
  setSecureBits(bits | SECBIT_NO_SETUID_FIXUP);
  const oldUid = core.nnn(SYSCALL.setfsuid, uid | 0, 0, 0);
  const oldGid = core.nnn(SYSCALL.setfsgid, gid | 0, 0, 0);
  try {
    return action();
  } finally {
    core.nnn(SYSCALL.setfsgid, oldGid, 0, 0);
    core.nnn(SYSCALL.setfsuid, oldUid, 0, 0);
    setSecureBits(bits);
  }
}

function setSecureBits(bits: number): void {
  checked(core.nnn(SYSCALL.prctl, PR_SET_SECUREBITS, bits, 0), "prctl", "PR_SET_SECUREBITS");
}
