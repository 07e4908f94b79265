/** What it means when a step fails that gives a process its rights. @module */

import { errnoText } from "../../../ffi/errno.ts";
import type { Step } from "../../container/launch/plan.ts";
import { WherryError } from "../../errors.ts";

const EPERM = 1;
const ENOENT = 2;
const EACCES = 13;
const ENODEV = 19;
const ELOOP = 40;

/**
 * Says what it means that `step` has failed.
 *
 * @returns `undefined` if the step has nothing to do with rights.
 */
export function securityFailure(
  [word, first = "", second = ""]: Step,
  errno: number,
): WherryError | undefined {
  switch (word) {
    case "sysctl":
      return new WherryError(
        "invalid_argument",
        `Cannot set the sysctl "${first.replaceAll("/", ".")}" to "${second}": ${errnoText(errno)}`,
        errno === ENOENT ? { hint: "This kernel has none of that name for containers" } : {},
      );
    case "oom-score-adj":
      return new WherryError(
        "unsupported",
        `Cannot set the OOM score adjustment to ${first}: ${errnoText(errno)}`,
        errno === EACCES ? { hint: "Lowering it takes CAP_SYS_RESOURCE, which wherry lacks" } : {},
      );
    case "apparmor":
      return new WherryError(
        "not_found",
        `Cannot confine the container by the AppArmor profile "${first}": ${errnoText(errno)}`,
        { hint: "Load it with apparmor_parser, or use --security-opt apparmor=unconfined" },
      );
    case "mask":
    case "readonly":
      return pathFailure(word, first, errno);
    case "seccomp":
      return new WherryError(
        "unsupported",
        `Cannot filter the container's system calls: ${errnoText(errno)}`,
        {
          hint:
            "Where the kernel has no seccomp filters, run it with --security-opt seccomp=unconfined",
        },
      );
    case "capset":
      return errno !== EPERM ? undefined : new WherryError(
        "unsupported",
        "Cannot give the container its capabilities: wherry lacks some of them, or may not choose",
        {
          hint:
            "Take those away with --cap-drop; if a seccomp profile forbids capset or prctl, add " +
            "--security-opt no-new-privileges",
        },
      );
    default:
      return undefined;
  }
}

/** Of a path that is hidden or protected; one that is missing need not be. */
function pathFailure(
  word: "mask" | "readonly",
  path: string,
  errno: number,
): WherryError | undefined {
  const what = `Cannot ${word === "mask" ? "hide" : "protect"} "${path}"`;
  if (errno === ELOOP) {
    return new WherryError("invalid_argument", `${what}: there is a symbolic link on the way`);
  }
  if (word === "readonly" || (errno !== ENOENT && errno !== ENODEV)) return undefined;
  const why = errno === ENOENT ? "is missing" : "is another device";
  return new WherryError("invalid_argument", `${what}: the container's /dev/null ${why}`, {
    hint: "What is mounted on /dev has to have the usual devices, as /dev of the host and " +
      "--tmpfs /dev do",
  });
}
