/** File systems as a whole. @see statfs(2) @module */

import { checked } from "../../ffi/errno.ts";
import { files } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { openDirectory } from "./open.ts";

/** Bytes of `struct statfs` on 64-bit machines. */
const STATFS_SIZE = 120;
/** Where its fields are, each of 64 bits. */
const STATFS_FIELD = { blockSize: 8, freeBlocks: 24, fragmentSize: 72 } as const;

/**
 * Room on the file system that holds a directory, what is kept for root included.
 *
 * @param directory Must exist.
 * @returns In bytes; a quota may allow less.
 * @throws {SystemError} If it cannot be asked.
 */
export function freeBytes(directory: string): number {
  using location = openDirectory(directory);
  const struct = new Uint8Array(STATFS_SIZE);
  const result = files().nbn(SYSCALL.fstatfs, location.number, struct, 0);
  checked(result, "fstatfs", directory);
  const view = new DataView(struct.buffer);
  const read = (offset: number): number => Number(view.getBigUint64(offset, isLittleEndian));
  const unit = read(STATFS_FIELD.fragmentSize) || read(STATFS_FIELD.blockSize);
  return read(STATFS_FIELD.freeBlocks) * unit;
}

/** Both architectures that wherry runs on are. */
const isLittleEndian = true;
