/** What it means that a step of a launch plan has failed. @module */

import { errnoText } from "../../../ffi/errno.ts";
import { describeStep } from "../../container/launch/monitor.ts";
import type { ContainerMount } from "../../container/record/mounts.ts";
import type { Step } from "../../container/launch/plan.ts";
import { WherryError } from "../../errors.ts";
import { limitError } from "../resource/limit_errors.ts";
import { mountFailure } from "../mount/mount_failure.ts";
import { cannotJoin, type NamespaceKind } from "../security/namespaces.ts";
import { securityFailure } from "../security/security_failure.ts";

const ENOENT = 2;
const ESRCH = 3;
const ENOMEM = 12;
/** Of `exec` in a container that does not run, as docker's. */
const EXIT_FAILURE = 1;
const EXIT_NOT_FOUND = 127;
const EXIT_CANNOT_INVOKE = 126;

/** What a plan is to start. */
export interface Launched {
  /** The command. */
  argv: readonly string[];
  /** What was asked to be mounted. @default {nothing} */
  mounts?: readonly ContainerMount[];
}

/**
 * Puts the failure of a step into words.
 *
 * @param steps The whole plan.
 * @returns `exitCode` 127 if the command does not exist, 126 if it cannot be executed.
 */
export function launchError(
  steps: readonly Step[],
  failure: { stepIndex: number; errno: number },
  { argv, mounts = [] }: Launched,
): WherryError {
  const { stepIndex, errno } = failure;
  const step = steps[stepIndex];
  if (step === undefined) {
    return new WherryError("internal", `Cannot start the container: ${errnoText(errno)}`);
  }
  return commandFailure(step, errno, argv) ?? joinFailure(step, errno) ??
    mountFailure(steps, failure, mounts) ?? kernelFailure(step, errno) ??
    limitError(step, errno) ?? securityFailure(step, errno) ??
    new WherryError(
      "internal",
      `Cannot start the container: the step ${describeStep(step, errno)}`,
    );
}

/** Of a command that is not there, or cannot be executed where it is to be. */
function commandFailure(
  [word, ...args]: Step,
  errno: number,
  argv: readonly string[],
): WherryError | undefined {
  const command = argv[0] ?? "";
  if (word === "exec" && errno === ENOENT) {
    const where = command.includes("/") ? "no such file or directory" : "not found in $PATH";
    return new WherryError("not_found", `Cannot execute "${command}": ${where}`, {
      exitCode: EXIT_NOT_FOUND,
    });
  }
  if (word === "exec") {
    return new WherryError("invalid_argument", `Cannot execute "${command}": ${errnoText(errno)}`, {
      exitCode: EXIT_CANNOT_INVOKE,
    });
  }
  if (word !== "chdir") return undefined;
  return new WherryError(
    "invalid_argument",
    `Cannot enter the working directory "${args[0]}": ${errnoText(errno)}`,
    { exitCode: EXIT_CANNOT_INVOKE },
  );
}

/** Of another container, or the one itself, that is gone. */
function joinFailure([word]: Step, errno: number): WherryError | undefined {
  if (word === "join" && errno === ESRCH) {
    return new WherryError("conflict", "Cannot exec in the container: it has just ended", {
      exitCode: EXIT_FAILURE,
    });
  }
  const lost = lostNamespace(word, errno);
  if (lost === undefined) return undefined;
  return new WherryError(
    "conflict",
    cannotJoin(lost, "the container it belongs to has just ended"),
  );
}

/** Of a kernel that cannot do what every container needs. */
function kernelFailure(step: Step, errno: number): WherryError | undefined {
  if (isOverlay(step)) {
    return new WherryError(
      "unsupported",
      `Cannot start the container: the step ${describeStep(step, errno)}`,
      {
        hint:
          "Where the kernel mounts no overlay, containers can be made with --storage-driver copy",
      },
    );
  }
  if (step[0] !== "device-filter") return undefined;
  return new WherryError(
    "unsupported",
    `Cannot keep the host's devices from the container: ${errnoText(errno)}`,
    { hint: "Programs of type BPF_PROG_TYPE_CGROUP_DEVICE must be allowed in its cgroup" },
  );
}

/** Which namespace has gone while it was being joined: no process can be made in a pid namespace that ends. */
function lostNamespace(word: string, errno: number): NamespaceKind | undefined {
  if (word === "fork") return errno === ENOMEM ? "PID" : undefined;
  if (errno !== ESRCH) return undefined;
  if (word === "join-pid") return "PID";
  return word === "take-shm" || word === "join-ipc" ? "IPC" : undefined;
}

function isOverlay([word, ...args]: Step): boolean {
  return word === "overlay" || (word === "mount" && args.includes("overlay"));
}
