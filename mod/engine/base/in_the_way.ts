/** What keeps directories from being removed. @module */

import { SystemError } from "../../../ffi/errno.ts";
import { WherryError } from "../../errors.ts";
import { mountPointsBelow } from "../../kernel/mount.ts";
import { systemFailure } from "./engine.ts";

/**
 * Makes sure that nothing is mounted in a directory, before any of it is removed: what is in a mount is somebody
 * else's.
 *
 * What is mounted later is not removed either, see `removeTree()`; but by then the rest may be gone.
 *
 * @param action What is to be done and to what, for example `remove volume "data"`.
 * @param directory Absolute; its last name needs no escapes in `/proc/self/mountinfo`.
 * @throws {WherryError} `conflict` if there is a mount, which it names.
 */
export function checkNothingMounted(action: string, directory: string): void {
  const text = Deno.readTextFileSync("/proc/self/mountinfo");
  // Nearly always this is all there is to find out
  if (!text.includes(directory.slice(directory.lastIndexOf("/")))) return;
  const found = mountPointsBelow(Deno.realPathSync(directory), text);
  const [first] = found;
  if (first === undefined) return;
  const others = found.length === 1 ? "" : `, and on ${found.length - 1} more in its directory`;
  throw new WherryError(
    "conflict",
    `Cannot ${action}: something is mounted on "${first}"${others}`,
    { hint: `Nothing of it was removed. First ${formatUnmount(found)}` },
  );
}

/** Most paths that a hint has room for. */
const MAX_NAMED = 5;

function formatUnmount(mountPoints: readonly string[]): string {
  const named = mountPoints.slice(0, MAX_NAMED).map((path) => `"umount ${path}"`).join(", ");
  return mountPoints.length > MAX_NAMED ? `${named}, and so on` : named;
}

/**
 * Words the failure of a removal.
 *
 * @param action What was being done and to what, for example `remove volume "data"`.
 * @param directory What could not be removed, or not all of it.
 * @param nextStep What removes the rest: the end of a sentence.
 * @returns A {@linkcode WherryError}, or `cause` itself if it is something else.
 */
export function removalFailure(
  action: string,
  { directory, nextStep }: { directory: string; nextStep: string },
  cause: unknown,
): unknown {
  if (!(cause instanceof SystemError) || cause.code !== "EPERM") {
    return systemFailure(action, cause);
  }
  return new WherryError(
    "unavailable",
    `Cannot ${action}: ${cause.message}; a file in it is immutable or append-only, it seems`,
    { cause, hint: `Clear that with "chattr -R -ia ${directory}", then ${nextStep}` },
  );
}
