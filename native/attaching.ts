/** What tests of attached clients have in common. @module */

import { cString } from "../ffi/c_string.ts";
import { Descriptor } from "../ffi/descriptor.ts";
import { checked } from "../ffi/errno.ts";
import { core } from "../ffi/native.ts";
import { SYSCALL } from "../ffi/syscalls.ts";
import { openForReading, openReadWrite } from "../mod/kernel/open.ts";
import { run } from "./testing.ts";

const AT_FDCWD = -100;
const O_WRONLY = 1;

/** A flag of `attach`: it gives the container's stdin. */
export const INPUT = 1;
/** A flag of `attach`: it takes the container's stdout. */
export const OUTPUT = 2;
/** A flag of `attach`: it takes the container's stderr. */
export const ERRORS = 4;
/** A flag of `attach`: the container's stdin ends with what was given. */
export const ENDS_INPUT = 8;

/** A file that the monitor can write to. */
export function createFile(path: string): Descriptor {
  Deno.writeFileSync(path, new Uint8Array());
  return openReadWrite(path);
}

/** Makes a FIFO that is open for both reading and writing. */
export async function createFifo(path: string): Promise<Descriptor> {
  await run("mkfifo", path);
  return openReadWrite(path);
}

/** Opens the end of a pipe or a FIFO into which is written. */
export function openForWriting(path: string): Descriptor {
  const result = core.nbnn(SYSCALL.openat, AT_FDCWD, cString(path), O_WRONLY, 0);
  return new Descriptor(checked(result, "openat", path));
}

/** Reads a FIFO to its end, once `writer` is closed. */
export function drainFifo(path: string, writer: Descriptor): number {
  using reader = openForReading(path);
  writer[Symbol.dispose]();
  const chunk = new Uint8Array(65536);
  let size = 0;
  for (let got = 1; got > 0; size += got) {
    got = core.nbnn(SYSCALL.read, reader.number, chunk, chunk.length, 0);
  }
  return size;
}
