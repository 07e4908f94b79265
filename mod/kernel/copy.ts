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

/** Bytes read at once. */
const BUFFER_SIZE = 1 << 20;

let sharedBuffer: Uint8Array<ArrayBuffer> | undefined;

/** Nothing is awaited while it is in use; making a new one for each file would take longer than copying most files. */
function bufferForCopies(): Uint8Array<ArrayBuffer> {
  return sharedBuffer ??= new Uint8Array(BUFFER_SIZE);
}

/**
 * Gives an empty file the content of another, holes included.
 *
 * @param from Open for reading; its position changes.
 * @param to Open for writing.
 * @param path Of the new file, for messages.
 * @throws {SystemError} For example `ENOSPC`.
 */
export function copyContent(from: number, to: number, path: string): void {
  // Where blocks cannot be shared, each file system has an errno of its own for that
  if (copying().nnn(SYSCALL.ioctl, to, FICLONE, from) === 0) return;
  const buffer = bufferForCopies();
  let end = 0;
  for (let start = findData(from, 0); start >= 0; start = findData(from, end)) {
    end = seek(from, start, SEEK_HOLE);
    copyRange({ from, to, path, buffer }, start, end);
  }
  // The end of the last hole
  setFileSize(to, seek(from, 0, SEEK_END), path);
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
  buffer: Uint8Array<ArrayBuffer>;
}

function copyRange({ from, to, path, buffer }: Copy, start: number, end: number): void {
  seek(from, start, SEEK_SET);
  for (let at = start; at < end;) {
    const room = buffer.subarray(0, Math.min(buffer.length, end - at));
    const count = checked(copying().nbn(SYSCALL.read, from, room, room.length), "read", path);
    // Shorter than it was a moment ago
    if (count === 0) return;
    writeAllAt(to, room.subarray(0, count), at, path);
    at += count;
  }
}
