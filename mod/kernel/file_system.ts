/** File systems as a whole. @see statfs(2) @module */

import { checked } from "../../ffi/errno.ts";
import { files } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { openDirectory, openForReading } from "./open.ts";

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

/** Room for the first entries of a directory. */
const LISTING_BYTES = 4096;
/** Where `struct linux_dirent64` has its length and the file's type, which is 0 if it is not known. */
const ENTRY = { length: 16, type: 18 } as const;

/**
 * Whether the file system tells what files are where it lists them (`d_type`), without which overlayfs cannot write.
 *
 * @param directory Must exist, and may be read.
 * @throws {SystemError} If it cannot be asked.
 * @see getdents64(2)
 */
export function tellsFileTypes(directory: string): boolean {
  using listed = openForReading(directory);
  const entries = new Uint8Array(LISTING_BYTES);
  const result = files().nbn(SYSCALL.getdents64, listed.number, entries, entries.length);
  const length = checked(result, "getdents64", directory);
  const view = new DataView(entries.buffer);
  for (let at = 0; at < length; at += view.getUint16(at + ENTRY.length, isLittleEndian)) {
    if (view.getUint8(at + ENTRY.type) === 0) return false;
  }
  return true;
}

/** Both architectures that wherry runs on are. */
const isLittleEndian = true;
