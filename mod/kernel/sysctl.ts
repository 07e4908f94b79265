/** Settings of the kernel below `/proc/sys`; those below `net` are the calling thread's network namespace's own. @module */

import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { openReadWrite } from "./open.ts";

const encoder = new TextEncoder();

function pathOf(name: string): string {
  return `/proc/sys/${name}`;
}

/**
 * What a setting is.
 *
 * @param name With slashes, for example `"net/ipv4/ip_forward"`.
 * @returns Without the newline; `undefined` if this kernel does not have it.
 */
export function readSysctl(name: string): string | undefined {
  try {
    return Deno.readTextFileSync(pathOf(name)).trimEnd();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Changes a setting.
 *
 * @param name With slashes, for example `"net/ipv4/ip_forward"`.
 * @throws {SystemError} ENOENT if this kernel does not have it, EINVAL for a value it cannot have, EROFS where
 * `/proc/sys` is read-only.
 */
export function writeSysctl(name: string, value: string): void {
  const path = pathOf(name);
  using file = openReadWrite(path);
  const bytes = encoder.encode(value);
  checked(core.nbnn(SYSCALL.write, file.number, bytes, bytes.length, 0), "write", path);
}
