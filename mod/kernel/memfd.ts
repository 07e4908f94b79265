/** Anonymous files in memory. @see memfd_create(2) @module */

import { cString } from "../../ffi/c_string.ts";
import { Descriptor } from "../../ffi/descriptor.ts";
import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_WRITE: nobody can change a byte any more. */
const ALL_SEALS = 15;

/**
 * Makes a sealed file in memory: nobody, not even root, can change it afterwards.
 *
 * @param label Shown in `/proc/PID/fd`; at most 249 bytes.
 * @param content The whole content.
 * @throws {SystemError} If memory is short.
 */
export function createSealedMemfd(label: string, content: Uint8Array<ArrayBuffer>): Descriptor {
  const { nnn, nbnn } = core;
  const memfd = new Descriptor(checked(
    core.bn(SYSCALL.memfd_create, cString(label), MFD_CLOEXEC | MFD_ALLOW_SEALING),
    "memfd_create",
    label,
  ));
  try {
    for (let at = 0; at < content.length;) {
      const rest = content.subarray(at);
      at += checked(
        nbnn(SYSCALL.write, memfd.number, rest, rest.length, 0),
        "write",
        label,
      );
    }
    checked(nnn(SYSCALL.fcntl, memfd.number, F_ADD_SEALS, ALL_SEALS), "fcntl", "F_ADD_SEALS");
  } catch (error) {
    memfd[Symbol.dispose]();
    throw error;
  }
  return memfd;
}
