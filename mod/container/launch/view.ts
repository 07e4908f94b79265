/**
 * The files of a container that does not run, with what is mounted in it: in a mount namespace that lasts as long as
 * its caller looks at it. The protocol stands in `docs/monitor.md`, "Views".
 *
 * @module
 */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import { WherryError } from "../../errors.ts";
import { createSealedMemfd } from "../../kernel/memfd.ts";
import { CLONE_NEW, MS } from "../../kernel/mount.ts";
import { openReadWrite } from "../../kernel/open.ts";
import { startProgram } from "../../kernel/program.ts";
import { socketPair } from "../../kernel/socket.ts";
import { endConversation } from "../../kernel/socket_end.ts";
import type { FilesInput } from "./launch_input.ts";
import { MonitorConnection, monitorProgram } from "./monitor.ts";
import type { ContainerMount } from "../record/mounts.ts";
import { encodePlan, type Step } from "./plan.ts";
import { planOwner } from "./plan_ids.ts";
import { planContents, planRoot } from "./plan_mounts.ts";
import { SIGKILL } from "./plan_process.ts";
import { planImageTrees } from "./plan_requested_mounts.ts";

/** What a view depends on. */
export interface ViewInput extends FilesInput {
  /** Those of the files that wherry keeps for `/etc` that there are. */
  etcFiles: readonly string[];
}

/** The steps that show a container's files: as at a start, but for what is empty then or the kernel's. */
export function planView(input: ViewInput): Step[] {
  const config = { ...input.config, mounts: input.config.mounts.flatMap(shownMount) };
  const shown = { ...input, config };
  return [
    ["clone", String(CLONE_NEW.NS)],
    ...planOwner(config.namespaces.idRange),
    ["mount", "", "/", "", String(MS.REC | MS.SLAVE), ""],
    ...planImageTrees(shown),
    ...planRoot(shown),
    ["root", input.paths.merged],
    ...planContents(config.mounts, shown),
    ["pivot-root"],
    ...(config.isReadOnly ? [["remount-root-readonly"] as const] : []),
    ["parent-death", String(SIGKILL)],
    ["show"],
  ];
}

/** Nothing that is mounted below a view's own mounts reaches the host. */
function shownMount(mount: ContainerMount): ContainerMount[] {
  if (mount.type === "tmpfs") return [];
  return [mount.type === "bind" ? { ...mount, propagation: "rprivate" } : mount];
}

/** Who shows the files. */
export interface View extends Disposable {
  /** The process in whose root they are. */
  readonly process: Descriptor;
}

/** A step of a view's plan that failed. */
export interface ViewFailure {
  /** Its number. */
  stepIndex: number;
  /** Its error. */
  errno: number;
}

/** What a view is given. */
export interface ViewOptions {
  /** As {@linkcode planView} makes them. */
  steps: readonly Step[];
  /** The container's lock, held; the view goes on holding it until nothing is mounted any more. */
  lock: Descriptor;
  /** For a container that has ids of its own. */
  userNamespace?: Descriptor;
}

/**
 * Shows the files of a container.
 *
 * @returns The view; disposing of it waits until all is unmounted. When this process ends, however it does, so does
 * the view.
 * @throws {SystemError} If there are no resources for one more process.
 */
export async function openView(options: ViewOptions): Promise<View | ViewFailure> {
  const [socket, theirs] = socketPair();
  using undo = new DisposableStack();
  undo.use(socket);
  startView(theirs, options);
  undo.defer(() => endConversation(socket));
  const answer = await new MonitorConnection(socket).nextOf("pidfd", "failed");
  if (answer === undefined) {
    throw new WherryError("internal", "Cannot show the container's files: their view ended");
  }
  if (answer.type === "failed") return answer;
  const process = undo.use(answer.pidfd);
  const held = undo.move();
  return { process, [Symbol.dispose]: () => held.dispose() };
}

/** @param control Closed here. */
function startView(control: Descriptor, { steps, lock, userNamespace }: ViewOptions): void {
  using socket = control;
  using nothing = openReadWrite("/dev/null");
  using plan = createSealedMemfd("wherry-plan", encodePlan(steps));
  const none = -1;
  const { pidfd } = startProgram({
    executable: monitorProgram(),
    argv: ["wherry-monitor", "--view"],
    env: [],
    descriptors: [
      ...[nothing, nothing, nothing, plan, socket, lock].map(({ number }) => number),
      ...[none, none, none, none, none],
      userNamespace?.number ?? none,
    ],
  });
  pidfd[Symbol.dispose]();
}
