/** Files that no disk holds. @see proc(5), sysfs(5) @module */

import { readFileSystem } from "./file_reading.ts";

/**
 * File systems that hold no files but what the kernel has to say, some of it without an end.
 *
 * @see statfs(2) and `include/uapi/linux/magic.h`
 */
const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x1cd1, // devpts
  0x19800202, // mqueue
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0xcafe4a11, // bpf
  0x62656570, // configfs
  0x42494e4d, // binfmt_misc
  0x6165676c, // pstore
  0xde5e81e4, // efivarfs
  0x65735543, // fusectl
  0xf97cff8c, // selinux
]);

/** Whether something is on a file system of the kernel's own. */
export function isKernelFile(location: number): boolean {
  return KERNEL_FILE_SYSTEMS.has(readFileSystem(location).type);
}
