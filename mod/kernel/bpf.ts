/** What the kernel offers of programs that cgroups have. @see bpf(2) @module */

import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { openDirectory } from "./open.ts";

const BPF_PROG_QUERY = 16;
const BPF_CGROUP_DEVICE = 6;

/** More than the kernel has of `union bpf_attr` for a query; the rest must be 0. */
const ATTRIBUTES_SIZE = 64;

/**
 * Whether a cgroup can have a program that decides which devices its processes use.
 *
 * @param cgroup Absolute path of one of the unified hierarchy.
 * @returns False where the kernel was built without, and where this process may not ask.
 * @throws {SystemError} If there is no such cgroup.
 */
export function canFilterDevices(cgroup: string): boolean {
  using directory = openDirectory(cgroup);
  const attributes = new Uint32Array(ATTRIBUTES_SIZE / 4);
  attributes.set([directory.number, BPF_CGROUP_DEVICE]);
  return core.nbnn(SYSCALL.bpf, BPF_PROG_QUERY, attributes, ATTRIBUTES_SIZE, 0) === 0;
}
