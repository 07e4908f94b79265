/** Containers in namespaces of others: the host's, or another container's. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import type { JoinedProcesses } from "../../container/launch/monitor.ts";
import { joinedContainer, type Namespaces } from "../../container/record/namespaces.ts";
import type { Step } from "../../container/launch/plan.ts";
import { HOST_SHM } from "../../container/launch/plan_mounts.ts";
import { WherryError } from "../../errors.ts";
import { isPresent } from "../../kernel/entry.ts";
import type { Engine } from "../base/engine.ts";
import { type Container, findContainer } from "../record/find.ts";
import { openInit } from "../network/sandbox.ts";

/** Pidfds of the first processes of the containers that a container joins. */
export interface JoinedInits extends JoinedProcesses, Disposable {}

/**
 * Finds the processes whose namespaces a container is to be in.
 *
 * A pidfd from its own monitor names a process for good: if it ends meanwhile, no other one is joined in its place.
 *
 * @returns Dispose of it once the monitor has them.
 * @throws {WherryError} `conflict` if a container does not run, `not_found` if it is gone, `invalid_argument` if it does
 * not share what is wanted, `unsupported` if this host cannot share it.
 */
export async function openJoinedInits(
  engine: Engine,
  { namespaces: { pid, ipc } }: Pick<ContainerConfig, "namespaces">,
): Promise<JoinedInits> {
  if (ipc === "host" && !isPresent(HOST_SHM)) {
    throw new WherryError(
      "unsupported",
      `${HOST_SHM} is not mounted, but must be for --ipc=host`,
    );
  }
  using undo = new DisposableStack();
  const joined = {
    pid: undo.use(await openJoined(engine, "PID", joinedContainer(pid))),
    ipc: undo.use(await openJoined(engine, "IPC", joinedContainer(ipc))),
  };
  const opened = undo.move();
  return { ...joined, [Symbol.dispose]: () => opened.dispose() };
}

/** Kinds of namespaces that are another container's, as docker writes them. */
export type NamespaceKind = "PID" | "IPC";

async function openJoined(
  engine: Engine,
  kind: NamespaceKind,
  id: string | undefined,
): Promise<Descriptor | undefined> {
  if (id === undefined) return undefined;
  const target = findTarget(engine, kind, id);
  if (kind === "IPC") checkShareable(target);
  const init = await openInit(target.paths);
  if (init === undefined) throw notRunning(kind, target);
  return init;
}

function findTarget(engine: Engine, kind: NamespaceKind, id: string): Container {
  try {
    return findContainer(engine, id);
  } catch (cause) {
    if (!(cause instanceof WherryError)) throw cause;
    // Not the exit status of who looks for a container itself
    throw new WherryError(cause.kind, cannotJoin(kind, cause.message), { cause });
  }
}

/** Says that a namespace is not joined, as docker does. */
export function cannotJoin(kind: NamespaceKind, why: string): string {
  return `failed to join ${kind} namespace: ${why}`;
}

function notRunning(kind: NamespaceKind, { config: { id, name }, state }: Container): WherryError {
  if (state.status === "restarting") {
    const why = `Container ${id} is restarting, wait until the container is running`;
    return new WherryError("conflict", cannotJoin(kind, why));
  }
  return new WherryError("conflict", cannotJoin(kind, `container ${id} is not running`), {
    hint: `Start it first with "wherry start ${name}"`,
  });
}

/** Where somebody has something else mounted on /dev/shm there is nothing that both could have. */
function checkShareable({ config: { id, namespaces: { ipc }, mounts } }: Container): void {
  const isShareable = ipc !== "private" && ipc !== "none" &&
    !mounts.some(({ target }) => target === HOST_SHM);
  if (isShareable) return;
  throw new WherryError(
    "invalid_argument",
    cannotJoin("IPC", `container ${id}: non-shareable IPC`),
    { hint: "Make that container with --ipc shareable" },
  );
}

/**
 * Checks that a container's processes can be ended with the first of them.
 *
 * The kernel does that for those in a pid namespace of the container's own.
 *
 * @param cgroupSteps What makes its cgroups, if it gets any.
 * @throws {WherryError} `unsupported` if they cannot.
 */
export function checkCanBeEnded({ pid }: Namespaces, cgroupSteps: readonly Step[]): void {
  const hasCgroup = cgroupSteps.some(([word]) => word === "cgroup" || word === "controller");
  if (pid === "private" || hasCgroup) return;
  throw new WherryError(
    "unsupported",
    `Cannot start the container with --pid ${pid}: nothing would end its processes with it, since this host has ` +
      "no cgroup file system that can be written to",
    { hint: "Mount one: mount -t cgroup2 none /sys/fs/cgroup/unified" },
  );
}
