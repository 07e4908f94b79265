/** Which cgroups systemd has handed on. @see systemd.resource-control(5), "Delegate=" @module */

import { cString } from "../../ffi/c_string.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { openForReading } from "./open.ts";

/** What systemd marks a cgroup with below which it touches nothing; the first one since version 251. */
const MARKS = ["user.delegate", "trusted.delegate"] as const;

const ONE = "1".charCodeAt(0);

/**
 * Whether a manager has delegated a cgroup to us: one that belongs to another user goes with that user's session.
 *
 * @param path Absolute; a missing one is not.
 */
export function isDelegatedCgroup(path: string): boolean {
  try {
    if (Deno.statSync(path).uid !== Deno.uid()) return false;
    using directory = openForReading(path);
    return MARKS.some((name) => isMarked(directory.number, name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A kernel without such attributes for cgroups, and one without a mark, both answer with an error. */
function isMarked(fd: number, name: string): boolean {
  const value = new Uint8Array(1);
  const size = core.nbbn(SYSCALL.fgetxattr, fd, cString(name), value, value.length);
  return size === 1 && value[0] === ONE;
}
