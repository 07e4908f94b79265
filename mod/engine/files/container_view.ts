/** The files of a container with what is mounted in it, whether it runs or not. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import { errnoText } from "../../../ffi/errno.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import { describeStep } from "../../container/launch/monitor.ts";
import type { Step } from "../../container/launch/plan.ts";
import type { IdRange } from "../../container/record/namespaces.ts";
import { createOwnNamespaces } from "../../container/launch/own_namespaces.ts";
import { MANAGED_ETC_FILES } from "../../container/launch/plan_mounts.ts";
import { openView, planView, type View, type ViewFailure } from "../../container/launch/view.ts";
import { WherryError } from "../../errors.ts";
import { isPresent } from "../../kernel/entry.ts";
import { openProcessRoot, type ProcessRoot } from "../../kernel/process_root.ts";
import { checkStillThere } from "../record/container_files.ts";
import type { Engine } from "../base/engine.ts";
import { type Container, findContainer, readContainer } from "../record/find.ts";
import { checkMountSources } from "../mount/mount_checks.ts";
import { mountFailure } from "../mount/mount_failure.ts";
import { releaseVolumes } from "../record/mounted_volumes.ts";
import { delay } from "../base/polling.ts";
import { openInit } from "../network/sandbox.ts";
import { lockStopped } from "../record/settle.ts";
import { etcDirectoryOf } from "../lifecycle/start.ts";
import { lowerDirectoriesOf } from "../base/storage.ts";
import { finishVolumes } from "../mount/volume_copy_support.ts";
import { mountVolumes, prepareVolumes } from "../mount/volume_sources.ts";

/**
 * The root file system of a container with all that is mounted in it.
 *
 * Of a container that runs it is what the container sees, and stays whole when that ends meanwhile. One that does not
 * run has its volumes and bind mounts there, but no tmpfs, which is empty until it runs, and nothing of the kernel's;
 * it can neither be started nor removed until this is disposed of, or this process has ended.
 */
export interface ContainerRoot extends Disposable {
  /**
   * Absolute path of the directory, valid in this process until this is disposed of. What is in the files was chosen by
   * the container: open nothing below but with openat2(2) and `RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS` on a descriptor
   * of this directory.
   */
  readonly path: string;
  /**
   * The ids of the host by which files of the container's 0, 1, 2 ... belong to it here; `null` if its ids are the
   * host's. Nothing can be made here by a file system user or group that is not one of them.
   */
  readonly idRange: IdRange | null;
  /** Whether the container runs. */
  readonly isRunning: boolean;
  /**
   * Makes sure that all was there until now.
   *
   * @throws {WherryError} `not_found` if the container has been removed meanwhile.
   */
  checkStillThere(): void;
}

/** As long as others take to start it, to end it, or to start it again. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 20;

/**
 * Opens the files of a container.
 *
 * @throws {WherryError} `not_found` if the container is gone, or a volume of it; `conflict` if it is being restarted, or
 * another command keeps working on it; `invalid_argument` if something cannot be mounted.
 */
export async function openContainerRoot(
  engine: Engine,
  { config: { id } }: Pick<Container, "config">,
): Promise<ContainerRoot> {
  for (const startedAt = performance.now();;) {
    const container = findContainer(engine, id);
    const root = container.state.isRunning
      ? await openRunning(container)
      : await openStopped(engine, id);
    if (root !== undefined) return root;
    if (performance.now() - startedAt > PATIENCE_MS) throw busy(container);
    await delay(PAUSE_MS);
  }
}

function busy({ config: { id, name }, state }: Container): WherryError {
  if (state.status === "restarting") {
    return new WherryError(
      "conflict",
      `Container ${id} is restarting, wait until the container is running`,
      { hint: `Stop it first with "wherry stop ${name}"` },
    );
  }
  return new WherryError(
    "conflict",
    `Cannot open the files of container "${name}": another command is working on it`,
    { hint: "Try again" },
  );
}

/** @returns `undefined` if it does not run at this moment. */
async function openRunning(container: Container): Promise<ContainerRoot | undefined> {
  using init = await openInit(container.paths);
  const root = init === undefined ? undefined : openProcessRoot(init);
  return root === undefined ? undefined : rootOf(container, { root, isRunning: true });
}

/** @returns `undefined` if it runs, or another command has it. */
async function openStopped(engine: Engine, id: string): Promise<ContainerRoot | undefined> {
  using undo = new DisposableStack();
  const lock = await lockStopped(engine, id);
  if (lock === undefined) return undefined;
  undo.use(lock);
  const container = readContainer(engine, id);
  if (container === undefined) return undefined;
  await finishVolumes(engine, container.config);
  await mountVolumes(engine, container.config);
  undo.defer(() => releaseVolumes(engine, id));
  const view = undo.use(await openViewOf(engine, container, lock));
  const root = openProcessRoot(view.process);
  if (root === undefined) {
    throw new WherryError(
      "unavailable",
      `Cannot open the files of container "${container.config.name}": what shows them was killed`,
    );
  }
  undo.use(root);
  const held = undo.move();
  return rootOf(container, {
    root: { ...root, [Symbol.dispose]: () => held.dispose() },
    isRunning: false,
  });
}

async function openViewOf(
  engine: Engine,
  { config, paths }: Container,
  lock: Descriptor,
): Promise<View> {
  checkMountSources(config.mounts);
  const etc = etcDirectoryOf(engine, config);
  const steps = planView({
    config,
    paths: { ...paths, etc },
    etcFiles: MANAGED_ETC_FILES.filter((name) => isPresent(`${etc}/${name}`)),
    lowerDirectories: lowerDirectoriesOf(engine, config),
    layersDirectory: engine.paths.layers,
    volumeSources: prepareVolumes(engine, config),
    // None of the container's is to be opened by whoever looks at its files
    devices: { control: { type: "mounts" }, nodes: [] },
  });
  const { idRange } = config.namespaces;
  using own = idRange === null ? undefined : await createOwnNamespaces(idRange);
  const view = await openView({
    steps,
    lock,
    ...(own === undefined ? {} : { userNamespace: own.user }),
  });
  if ("errno" in view) throw viewError(config, steps, view);
  return view;
}

function rootOf(
  container: Container,
  { root, isRunning }: { root: ProcessRoot; isRunning: boolean },
): ContainerRoot {
  return {
    path: `/proc/self/fd/${root.directory.number}`,
    idRange: container.config.namespaces.idRange,
    isRunning,
    checkStillThere: () => checkStillThere(container),
    [Symbol.dispose]: () => root[Symbol.dispose](),
  };
}

function viewError(
  { name, mounts }: ContainerConfig,
  steps: readonly Step[],
  failure: ViewFailure,
): WherryError {
  const { stepIndex, errno } = failure;
  const step = steps[stepIndex];
  const what = step === undefined ? errnoText(errno) : `the step ${describeStep(step, errno)}`;
  return mountFailure(steps, failure, mounts) ??
    new WherryError("unavailable", `Cannot open the files of container "${name}": ${what}`);
}
