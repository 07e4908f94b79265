/** One more process in a running container. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import { type ContainerConfig, mergeEnv, processEnv } from "../../container/record/config.ts";
import type { Identity } from "../../container/record/identity.ts";
import type { TerminalSize } from "../../container/launch/launch_input.ts";
import type { ContainerCgroups } from "../../container/launch/plan_cgroup.ts";
import { planExecIn } from "../../container/launch/plan_process.ts";
import {
  type Attachment,
  MonitorConnection,
  startMonitor,
} from "../../container/launch/monitor.ts";
import type { ContainerStatus } from "../../container/record/state.ts";
import { WherryError } from "../../errors.ts";
import { isPresent } from "../../kernel/entry.ts";
import { newId } from "../../store/id.ts";
import { readTextIfPresent } from "../../store/record.ts";
import { readContainerCgroups } from "../record/cgroup.ts";
import type { Engine } from "../base/engine.ts";
import { eventTarget, recordContainerEvent } from "../base/events.ts";
import { type Container, findContainer } from "../record/find.ts";
import { withFilter } from "../security/seccomp.ts";
import { containerSecurity, execSecurity } from "../security/security.ts";
import { awaitStart, readIdentity } from "./start.ts";
import { lowerDirectoriesOf, rootDirectoriesOf } from "../base/storage.ts";

const EXIT_CANNOT_INVOKE = 126;
/** Exit status when there is nothing to exec in, as docker's. */
const EXIT_FAILURE = 1;

/** What to run inside. */
export interface ExecRequest {
  /** The exact argument vector; not empty. */
  argv: readonly string[];
  /** `NAME=value`, on top of the container's own. */
  env?: readonly string[];
  /** Absolute path inside. @default {the container's} */
  workingDirectory?: string;
  /** `user[:group]`. @default {the container's} */
  user?: string;
  /** Whether all three streams are one pseudo terminal. @default {false} */
  hasTerminal?: boolean;
  /** Whether there is a stdin. @default {false} */
  hasStdin?: boolean;
  /** Whether it may do all that wherry may. @default {false: what the container may} */
  isPrivileged?: boolean;
  /** Size of the attached terminal. @default {unknown} */
  terminalSize?: TerminalSize;
  /** This process's streams to hand over, if any. */
  attachment?: Attachment;
}

/**
 * Starts a process in a running container's namespaces.
 *
 * @returns The connection to its own monitor, on which `exited` arrives.
 * @throws {WherryError} `conflict` if the container does not run; `exitCode` 126 or 127 for the command.
 */
export async function execInContainer(
  engine: Engine,
  wanted: string,
  request: ExecRequest,
): Promise<MonitorConnection> {
  const { config, paths, state } = findContainer(engine, wanted);
  if (state.status !== "running") throw notRunning(wanted, state.status);
  using init = await requestPidfd(paths.runDirectory, wanted);
  const execId = newId();
  const target = eventTarget(engine, config);
  const steps = planExecIn({
    argv: request.argv,
    env: mergeEnv(processEnv(config, request.hasTerminal ?? false), request.env ?? []),
    workingDirectory: request.workingDirectory ?? config.workingDirectory,
    identity: readExecIdentity(engine, config, request),
    security: await withFilter(config.security, execSecurity(config, request), {
      // As docker does: what is privileged passes the container's filter, too
      capabilities: containerSecurity(config).capabilities,
    }),
    idRange: config.namespaces.idRange,
    hasTerminal: request.hasTerminal ?? false,
    hasStdin: request.hasStdin ?? false,
    cgroups: findExistingCgroups({ config, paths, state }, wanted),
    events: { ...target, attributes: { ...target.attributes, execID: execId } },
    terminalSize: request.terminalSize ?? { rows: 0, columns: 0 },
  });
  const record = (action: string): void =>
    recordContainerEvent(engine, { config, action, attributes: { execID: execId } });
  // Docker puts a blank after the program, also when no arguments follow
  const [program = "", ...args] = request.argv;
  record(`exec_create: ${program} ${args.join(" ")}`);
  record(`exec_start: ${program} ${args.join(" ")}`);
  const connection = startMonitor({
    steps,
    target: init,
    ...(config.namespaces.idRange === null ? {} : { userNamespace: init }),
    ...(request.attachment === undefined ? {} : { attachment: request.attachment }),
    observer: {
      onEvent: ({ type }) => {
        if (type === "detached") record("exec_detach");
      },
    },
  });
  return await awaitStart(connection, steps, request);
}

function notRunning(wanted: string, status: ContainerStatus): WherryError {
  if (status === "paused") {
    return new WherryError(
      "conflict",
      `Container ${wanted} is paused, unpause the container before exec`,
      { exitCode: EXIT_FAILURE },
    );
  }
  if (status === "restarting") {
    return new WherryError(
      "conflict",
      `Container ${wanted} is restarting, wait until the container is running`,
      { exitCode: EXIT_FAILURE },
    );
  }
  return new WherryError("conflict", `Container ${wanted} is not running`, {
    hint: `Start it with "wherry start ${wanted}"`,
    exitCode: EXIT_FAILURE,
  });
}

/**
 * A container that started before this host had a cgroup2 file system has none there, and one that was recorded for an
 * update may not be made yet.
 *
 * @throws {WherryError} `unsupported` if it has one that cannot be seen from here: outside of it a process would have
 * neither its limits nor what keeps devices from it.
 */
function findExistingCgroups(
  { config: { id }, paths, state: { pid } }: Container,
  wanted: string,
): ContainerCgroups {
  const { unified, v1: recorded } = readContainerCgroups(paths);
  const v1 = Object.fromEntries(Object.entries(recorded).filter(([, path]) => isPresent(path)));
  if (unified !== undefined && isPresent(unified)) return { unified, v1 };
  if (!isInCgroup(pid, id)) return { unified: undefined, v1 };
  throw new WherryError(
    "unsupported",
    `Cannot run a command in container "${wanted}": its cgroup is not mounted here`,
    { hint: "Mount one: mount -t cgroup2 none /sys/fs/cgroup/unified", exitCode: EXIT_FAILURE },
  );
}

/** Whether a process is in the cgroup of the unified hierarchy that has a container's name, or below. */
function isInCgroup(pid: number, id: string): boolean {
  const membership = readTextIfPresent(`/proc/${pid}/cgroup`) ?? "";
  return membership.split("\n").some((line) =>
    line.startsWith("0::") && `${line}/`.includes(`/${id}/`)
  );
}

/** Init's pidfd from its own monitor, so that no reused pid can ever be meant. */
async function requestPidfd(runDirectory: string, wanted: string): Promise<Descriptor> {
  using monitor = MonitorConnection.connect(runDirectory);
  monitor.requestPidfd();
  const answer = await monitor.nextOf("pidfd", "error");
  if (answer?.type === "pidfd") return answer.pidfd;
  throw notRunning(wanted, "exited");
}

/** As with docker, a command that cannot be run as this user is one that cannot be invoked. */
function readExecIdentity(
  engine: Engine,
  config: ContainerConfig,
  { user = config.user }: ExecRequest,
): Identity {
  try {
    const paths = engine.paths.container(config.id);
    const lowerDirectories = lowerDirectoriesOf(engine, config);
    return readIdentity({ ...config, user }, rootDirectoriesOf(config, paths, lowerDirectories));
  } catch (error) {
    throw error instanceof WherryError ? error.withExitCode(EXIT_CANNOT_INVOKE) : error;
  }
}
