/** Copying the content of files, at no cost where the file system can share it. @module */

import { checked } from "../../ffi/errno.ts";
import { copying } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { setFileSize, writeAllAt } from "./file.ts";

/** The whole file shares its blocks with another one until either changes. @see ioctl_ficlone(2) */
const FICLONE = 0x40049409;

const SEEK_SET = 0;
const SEEK_END = 2;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

const ENXIO = 6;

/** What copy_file_range(2) answers for files of different or unusual file systems: EPERM, EXDEV, EINVAL and so on. */
const NOT_IN_KERNEL: ReadonlySet<number> = new Set([1, 18, 22, 38, 95]);

/** Bytes read at once. */
const BUFFER_SIZE = 1 << 20;

let sharedBuffer: Uint8Array<ArrayBuffer> | undefined;

/** Nothing is awaited while it is in use; making a new one for each file would take longer than copying most files. */
function bufferForCopies(): Uint8Array<ArrayBuffer> {
  return sharedBuffer ??= new Uint8Array(BUFFER_SIZE);
}

/** Bytes that the kernel is asked to copy at once, so that progress can be told of. */
const RANGE_SIZE = 1 << 26;

/** How to copy a file's content. */
export interface CopyOptions {
  /** Nothing behind this is copied, in bytes: a file may grow while it is. @default {no limit} */
  limit?: number;
  /** Told of bytes that have been copied, holes not among them. @default {nobody} */
  onBytes?: (count: number) => void;
}

/**
 * Gives an empty file the content of another, holes included.
 *
 * @param from Open for reading; its position changes.
 * @param to Open for writing.
 * @param path Of the new file, for messages.
 * @throws {SystemError} For example `ENOSPC`.
 */
export function copyContent(
  from: number,
  to: number,
  path: string,
  { limit = Infinity, onBytes = () => {} }: CopyOptions = {},
): void {
  // Where blocks cannot be shared, each file system has an errno of its own for that
  if (copying().nnn(SYSCALL.ioctl, to, FICLONE, from) === 0) return;
  const copy: Copy = { from, to, path, onBytes, buffer: undefined };
  let end = 0;
  for (let start = findData(from, 0); start >= 0 && start < limit; start = findData(from, end)) {
    end = Math.min(seek(from, start, SEEK_HOLE), limit);
    copyRange(copy, start, end);
  }
  // The end of the last hole
  setFileSize(to, Math.min(seek(from, 0, SEEK_END), limit), path);
}

/** Largest file that {@linkcode readWhole} takes, in bytes. */
const MAX_WHOLE_SIZE = 1 << 16;

/**
 * Reads all of a small file without holes, for who can write it in one go.
 *
 * @param fd Open for reading; its position changes.
 * @param size In bytes.
 * @returns Valid until the next call of anything here; `undefined` if the file is not like that.
 * @throws {SystemError} If the file system fails.
 */
export function readWhole(fd: number, size: number): Uint8Array<ArrayBuffer> | undefined {
  if (size === 0 || size > MAX_WHOLE_SIZE || seek(fd, 0, SEEK_HOLE) < size) return undefined;
  seek(fd, 0, SEEK_SET);
  const room = bufferForCopies().subarray(0, size);
  const count = checked(copying().nbn(SYSCALL.read, fd, room, room.length), "read", "");
  return count === size ? room : undefined;
}

/** Where the next data begins; -1 if there is none. */
function findData(fd: number, offset: number): number {
  const result = Number(copying().nln(SYSCALL.lseek, fd, BigInt(offset), SEEK_DATA));
  return result === -ENXIO ? -1 : checked(result, "lseek", "");
}

function seek(fd: number, offset: number, whence: number): number {
  return checked(Number(copying().nln(SYSCALL.lseek, fd, BigInt(offset), whence)), "lseek", "");
}

interface Copy {
  from: number;
  to: number;
  path: string;
  onBytes: (count: number) => void;
  /** Made when the kernel does not copy by itself. */
  buffer: Uint8Array<ArrayBuffer> | undefined;
}

function copyRange(copy: Copy, start: number, end: number): void {
  for (let at = start; at < end;) {
    const count = copy.buffer === undefined
      ? copyInKernel(copy, at, end)
      : copyByHand(copy, copy.buffer, at, end);
    // Shorter than it was a moment ago
    if (count === 0) return;
    if (count < 0) {
      copy.buffer = bufferForCopies();
    } else {
      copy.onBytes(count);
      at += count;
    }
  }
}

const ranges = new BigInt64Array(2);
const rangeFrom = new Uint8Array(ranges.buffer, 0, 8);
const rangeTo = new Uint8Array(ranges.buffer, 8, 8);

/**
 * Copies a part without bringing it here.
 *
 * @returns How many bytes; negative if the kernel does not do that between these files.
 * @see copy_file_range(2)
 */
function copyInKernel({ from, to, path }: Copy, start: number, end: number): number {
  ranges.fill(BigInt(start));
  const size = Math.min(RANGE_SIZE, end - start);
  const number = SYSCALL.copy_file_range;
  const result = copying().nbnbnn(number, from, rangeFrom, to, rangeTo, size, 0);
  return NOT_IN_KERNEL.has(-result) ? -1 : checked(result, "copy_file_range", path);
}

/** @returns How many bytes; 0 at the end of the file. */
function copyByHand(
  { from, to, path }: Copy,
  buffer: Uint8Array<ArrayBuffer>,
  start: number,
  end: number,
): number {
  seek(from, start, SEEK_SET);
  const room = buffer.subarray(0, Math.min(buffer.length, end - start));
  const count = checked(copying().nbn(SYSCALL.read, from, room, room.length), "read", path);
  writeAllAt(to, room.subarray(0, count), start, path);
  return count;
}
