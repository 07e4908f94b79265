/** Programs of BPF that decide for a cgroup. @see bpf(2), Linux' Documentation/bpf/ @module */

import { files } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { openDirectory } from "./open.ts";

const BPF_PROG_QUERY = 16;
const BPF_CGROUP_DEVICE = 6;
/** More than the kernel asks for; the rest must be zeros. */
const ATTRIBUTE_BYTES = 64;

/**
 * Whether the kernel lets a program decide which devices the processes of a cgroup may use. Only asks which ones do.
 *
 * @param path Directory of a cgroup of version 2.
 * @throws {SystemError} If there is no such directory.
 */
export function canFilterDevices(path: string): boolean {
  using cgroup = openDirectory(path);
  const query = new Uint8Array(ATTRIBUTE_BYTES);
  const view = new DataView(query.buffer);
  view.setUint32(0, cgroup.number, true);
  view.setUint32(4, BPF_CGROUP_DEVICE, true);
  return files().nbn(SYSCALL.bpf, BPF_PROG_QUERY, query, query.length) >= 0;
}
