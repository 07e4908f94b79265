/** Starting a program from a descriptor. @see clone(2), execveat(2) @module */

import { cStringBlock } from "../../ffi/c_string.ts";
import { Descriptor } from "../../ffi/descriptor.ts";
import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";

/** What to start, and what it inherits. */
export interface ProgramOptions {
  /** The program file: a sealed memfd or an open executable. */
  executable: number;
  /** All arguments, the program's own name first. */
  argv: readonly string[];
  /** The whole environment, as `NAME=value`. */
  env: readonly string[];
  /** Element i becomes descriptor i of the new process; -1 leaves it closed. All others are closed. */
  descriptors: readonly number[];
  /** Soft limit of open files for the new process. @default {the caller's} */
  openFilesLimit?: number;
}

/** A started program. */
export interface StartedProgram {
  /** Process id in the caller's pid namespace. */
  pid: number;
  /** Readable when the process has ended. */
  pidfd: Descriptor;
}

/**
 * Starts a program in a session of its own, with signals reset and no descriptor but those listed.
 *
 * Does not copy the caller's memory, so it costs the same whatever the heap's size. Needs Linux 5.9.
 *
 * @throws {SystemError} If the process cannot be made or the file cannot be executed.
 */
export function startProgram(options: ProgramOptions): StartedProgram {
  const descriptors = new Int32Array(options.descriptors);
  const pidfd = new Int32Array(1);
  const pid = checked(
    core.spawn(
      options.executable,
      cStringBlock(options.argv),
      options.argv.length,
      cStringBlock(options.env),
      options.env.length,
      new Uint8Array(descriptors.buffer),
      descriptors.length,
      BigInt(options.openFilesLimit ?? -1),
      new Uint8Array(pidfd.buffer),
    ),
    "start",
    options.argv[0] ?? "",
  );
  return { pid, pidfd: new Descriptor(pidfd[0] ?? -1) };
}
