/** The files that a process sees. @see proc_pid_root(5), mount_namespaces(7) @module */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { SystemError } from "../../ffi/errno.ts";
import { openDirectory, openForReading } from "./open.ts";
import { isPresentProcess } from "./process.ts";

/** More than any directory is deep that a process has chosen for its root; at the top `..` is the top itself. */
const TO_THE_TOP = "/..".repeat(256);

/**
 * The top directory of a process's mount namespace. All that is mounted there stays until this is disposed of, also
 * when the process ends.
 */
export interface ProcessRoot extends Disposable {
  /** A mere location (`O_PATH`). */
  readonly directory: Descriptor;
}

/**
 * Opens the top directory of a process's mount namespace, whatever directory the process has taken for its root.
 *
 * @param pidfd The process.
 * @returns `undefined` if it has ended.
 * @throws {SystemError} `EACCES` if this process may not look at it.
 */
export function openProcessRoot(pidfd: Descriptor): ProcessRoot | undefined {
  using undo = new DisposableStack();
  const pid = readPid(pidfd);
  if (pid === undefined) return undefined;
  try {
    undo.use(openForReading(`/proc/${pid}/ns/mnt`));
    const directory = undo.use(openDirectory(`/proc/${pid}/root${TO_THE_TOP}`));
    // Nobody else has had its pid meanwhile
    if (!isPresentProcess(pidfd)) return undefined;
    const held = undo.move();
    return { directory, [Symbol.dispose]: () => held.dispose() };
  } catch (error) {
    if (error instanceof SystemError && ["ENOENT", "ESRCH"].includes(error.code)) return undefined;
    throw error;
  }
}

/** @returns `undefined` if nobody is called by it any more. */
function readPid(pidfd: Descriptor): number | undefined {
  const text = Deno.readTextFileSync(`/proc/self/fdinfo/${pidfd.number}`);
  const pid = Number(/^Pid:\t(-?\d+)$/m.exec(text)?.[1] ?? -1);
  return pid > 0 ? pid : undefined;
}
