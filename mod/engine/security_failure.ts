/** What it means when a step fails that gives a process its rights. @module */

import { errnoText } from "../../ffi/errno.ts";
import type { Step } from "../container/plan.ts";
import { WherryError } from "../errors.ts";

const EPERM = 1;
const ENOENT = 2;
const EACCES = 13;
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
      return errno !== ELOOP ? undefined : new WherryError(
        "invalid_argument",
        `Cannot ${
          word === "mask" ? "hide" : "protect"
        } "${first}": there is a symbolic link on the way`,
      );
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
