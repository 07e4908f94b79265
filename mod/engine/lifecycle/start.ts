/** Starting a container that exists. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import { containerArgv, processEnv } from "../../container/record/config.ts";
import { type Identity, resolveIdentity } from "../../container/record/identity.ts";
import type {
  CgroupHierarchy,
  NetworkPlace,
  TerminalSize,
  Wake,
} from "../../container/launch/launch_input.ts";
import { planLaunch } from "../../container/launch/launch_plan.ts";
import {
  type Attachment,
  MonitorConnection,
  startMonitor,
} from "../../container/launch/monitor.ts";
import type { OwnNamespaces } from "../../container/launch/own_namespaces.ts";
import type { Step } from "../../container/launch/plan.ts";
import type { ContainerCgroups } from "../../container/launch/plan_cgroup.ts";
import { readRootFile } from "../../container/launch/root_files.ts";
import { recordFailedStart } from "../../container/record/state.ts";
import { systemPathsOf } from "../../container/launch/system_paths.ts";
import { WherryError } from "../../errors.ts";
import { planNextWake } from "../../network/lease_times.ts";
import { tableNameOf } from "../../network/table_state.ts";
import type { Sandbox } from "../../network/sandbox.ts";
import { openForReading } from "../../kernel/open.ts";
import type { HostCgroupHierarchy } from "../../kernel/proc.ts";
import { leaveCgroup, readPlannedResources, recordCgroups } from "../record/cgroup.ts";
import type { CreatedContainer } from "./create.ts";
import { findContainerDevices } from "../security/device_support.ts";
import { type Engine, isOfSystem } from "../base/engine.ts";
import { eventTarget, recordContainerEvent, recordKill } from "../base/events.ts";
import { killLeftovers, readContainer, tryLockContainer } from "../record/find.ts";
import { type Launched, launchError } from "./launch_error.ts";
import { type CgroupPlan, planContainerCgroups } from "../resource/limits.ts";
import { checkMountSources } from "../mount/mount_checks.ts";
import { removeLocked } from "./remove.ts";
import { withFilter } from "../security/seccomp.ts";
import { checkCanBeEnded, openJoinedInits } from "../security/namespaces.ts";
import { containerSecurity } from "../security/security.ts";
import { networkPlaceOf, setUpSandbox } from "../network/sandbox.ts";
import { tearDownSandbox } from "../record/sandbox_removal.ts";
import { lowerDirectoriesOf, rootDirectoriesOf } from "../base/storage.ts";
import { releaseVolumes, usesMountedVolumes } from "../record/mounted_volumes.ts";
import { finishVolumes } from "../mount/volume_copy_support.ts";
import { mountVolumes, prepareVolumes } from "../mount/volume_sources.ts";

/** How a container is started. */
export interface StartOptions {
  /** This process's streams to hand over, if any. */
  attachment?: Attachment;
  /** Size of the terminal that is attached. @default {unknown} */
  terminalSize?: TerminalSize;
  /** Called when the network is there, which may take time, and the command is about to be run. */
  onReady?(): void;
}

const UNKNOWN_SIZE: TerminalSize = { rows: 0, columns: 0 };

/**
 * Starts a container that nobody else can touch, because it is locked.
 *
 * If that fails the container's state says why, or it is removed if it is one that goes with its end (`--rm`).
 *
 * @param container Its lock passes to the monitor; the caller still disposes of its own copy.
 * @returns The connection to its monitor, once the command runs.
 * @throws {WherryError} `exitCode` 127 if the command does not exist, 126 if it cannot be executed.
 */
export async function startContainer(
  engine: Engine,
  container: Pick<CreatedContainer, "config" | "lock">,
  options: StartOptions = {},
): Promise<MonitorConnection> {
  try {
    return await launch(engine, container, options);
  } catch (cause) {
    throw afterwards(cause, () => settleFailedStart(engine, container.config, cause));
  }
}

/** Does what is left to do after `cause`; @returns `cause`, with what went wrong on top if something did. */
function afterwards(cause: unknown, action: () => void): unknown {
  try {
    action();
    return cause;
  } catch (error) {
    return new SuppressedError(error, cause);
  }
}

/** What docker says of a start that failed for another reason than the command. */
const EXIT_NOT_STARTED = 128;

/** The caller holds the container's lock. */
function settleFailedStart(engine: Engine, config: ContainerConfig, cause: unknown): void {
  const paths = engine.paths.container(config.id);
  // Its monitor may have been killed before it could remove what it had made
  killLeftovers(paths);
  if (config.isAutoRemoved) return void removeLocked(engine, config, "removed");
  const exitCode = (cause instanceof WherryError ? cause.exitCode : undefined) ?? EXIT_NOT_STARTED;
  try {
    recordFailedStart(paths, {
      exitCode,
      error: cause instanceof Error ? cause.message : String(cause),
    });
  } catch (error) {
    // On a disk that takes nothing, whoever started it is told all the same
    if (!isOfSystem(error)) throw error;
  }
}

async function launch(
  engine: Engine,
  { config, lock }: Pick<CreatedContainer, "config" | "lock">,
  { attachment, terminalSize = UNKNOWN_SIZE, onReady }: StartOptions,
): Promise<MonitorConnection> {
  using undo = new DisposableStack();
  checkMountSources(config.mounts);
  await finishVolumes(engine, config);
  using joined = await openJoinedInits(engine, config);
  using own = await makeOwnNamespaces(config);
  using network = await setUpSandbox(engine, config, own?.network);
  if (network.sandbox !== undefined) undo.defer(() => tearDownSandbox(engine, config.id));
  await mountVolumes(engine, config);
  undo.defer(() => releaseVolumes(engine, config.id));
  onReady?.();
  using cleanup = openCleanupProgram(engine, config, network.place);
  const cgroups = planContainerCgroups(config);
  const steps = await planStart(engine, config, { ...network, cgroups }, terminalSize);
  if (cgroups.record !== undefined) {
    recordCgroups(engine.paths.container(config.id), cgroups.record);
  }
  if (cgroups.emptied !== "") leaveCgroup(cgroups.emptied);
  if (attachment !== undefined) recordContainerEvent(engine, { config, action: "attach" });
  const connection = startMonitor({
    steps,
    lock,
    ...(cleanup === undefined ? {} : { cleanupProgram: cleanup }),
    ...(network.namespace === undefined ? {} : { networkNamespace: network.namespace }),
    joined,
    ...(own === undefined ? {} : { userNamespace: own.user }),
    ...(attachment === undefined ? {} : { attachment }),
    observer: {
      onEvent: ({ type }) => {
        if (type === "detached") recordContainerEvent(engine, { config, action: "detach" });
      },
      onSignal: (signal) => recordKill(engine, config, signal),
    },
  });
  const started = await awaitStart(connection, steps, launchedBy(config));
  undo.move();
  return started;
}

function launchedBy(config: ContainerConfig): Launched {
  return { argv: containerArgv(config), mounts: config.mounts };
}

/** Of a container that has ids of its own. */
async function makeOwnNamespaces(
  { namespaces: { idRange } }: ContainerConfig,
): Promise<OwnNamespaces | undefined> {
  if (idRange === null) return undefined;
  const { createOwnNamespaces } = await import("../../container/launch/own_namespaces.ts");
  return await createOwnNamespaces(idRange);
}

async function planStart(
  engine: Engine,
  config: ContainerConfig,
  { place, sandbox, cgroups }: {
    place: NetworkPlace;
    sandbox?: Sandbox | undefined;
    cgroups: CgroupPlan;
  },
  terminalSize: TerminalSize,
): Promise<Step[]> {
  const paths = engine.paths.container(config.id);
  const lowerDirectories = lowerDirectoriesOf(engine, config);
  checkCanBeEnded(config.namespaces, cgroups.steps);
  return planLaunch({
    config: { ...config, env: processEnv(config, config.hasTerminal) },
    paths: { ...paths, etc: etcDirectoryOf(engine, config) },
    lowerDirectories,
    identity: readIdentity(config, rootDirectoriesOf(config, paths, lowerDirectories)),
    security: await withFilter(config.security, containerSecurity(config)),
    devices: await findContainerDevices(config, cgroups.devices),
    systemPaths: systemPathsOf(config.security),
    cgroupHierarchies: visibleCgroups(cgroups.hierarchies, {
      own: cgroups.own,
      isVisible: (hierarchy) => showsAllCgroups(config) || hasOwnCgroup(hierarchy, cgroups.steps),
    }),
    cgroupSteps: cgroups.steps,
    layersDirectory: engine.paths.layers,
    volumeSources: prepareVolumes(engine, config),
    events: eventTarget(engine, config),
    terminalSize,
    cleanupArgv: cleanupArgv(engine, config, place),
    network: place,
    ...(place === "sandbox"
      ? { keeper: keeperOf(engine), ...wakeOf(engine, config, sandbox) }
      : {}),
  });
}

/**
 * Has a container's monitor end the command and run it again.
 *
 * @param ask Sends the request.
 * @returns Whether it runs again; false if the monitor has ended meanwhile.
 * @throws {WherryError} As {@linkcode startContainer} does.
 */
export async function restartThroughMonitor(
  engine: Engine,
  config: ContainerConfig,
  ask: (monitor: MonitorConnection) => void,
): Promise<boolean> {
  const { runDirectory } = engine.paths.container(config.id);
  using monitor = MonitorConnection.connectIfRunning(runDirectory);
  if (monitor === undefined || !await retarget(engine, config, monitor)) return false;
  ask(monitor);
  const answer = await monitor.nextOf("ok", "failed", "error");
  if (answer?.type === "failed") {
    // It goes by the plan that was made at its start: the same one again
    const place = networkPlaceOf(engine, config);
    const resources = readPlannedResources(engine.paths.container(config.id)) ?? config.resources;
    const cgroups = planContainerCgroups({ id: config.id, resources });
    const steps = await planStart(engine, config, { place, cgroups }, UNKNOWN_SIZE);
    const cause = launchError(steps, answer, launchedBy(config));
    if (config.restartPolicy.name === "no") {
      await recordFailedRestart(engine, config, { monitor, cause });
    }
    throw cause;
  }
  if (answer?.type !== "error") return answer !== undefined;
  monitor.wait();
  await monitor.nextOf("exited");
  return false;
}

/**
 * Tells a monitor whose namespaces the next run is to join: those containers may have been started again since.
 *
 * @returns False if the monitor has ended meanwhile.
 */
async function retarget(
  engine: Engine,
  config: ContainerConfig,
  monitor: MonitorConnection,
): Promise<boolean> {
  using joined = await openJoinedInits(engine, config);
  if (joined.pid === undefined && joined.ipc === undefined) return true;
  monitor.setTargets(joined);
  return await monitor.nextOf("ok") !== undefined;
}

/** Nothing will start it again, so that its monitor ends and leaves the record to others. */
async function recordFailedRestart(
  engine: Engine,
  config: ContainerConfig,
  { monitor, cause }: { monitor: MonitorConnection; cause: WherryError },
): Promise<void> {
  monitor.wait();
  await monitor.nextOf("exited");
  using lock = tryLockContainer(engine, config.id);
  // Without it somebody else is at it already
  if (lock !== undefined) settleFailedStart(engine, config, cause);
}

/**
 * Waits until a plan's command runs.
 *
 * @param launched For error messages.
 * @throws {WherryError} If a step fails; the connection is closed then.
 */
export async function awaitStart(
  connection: MonitorConnection,
  steps: readonly Step[],
  launched: Launched,
): Promise<MonitorConnection> {
  using undo = new DisposableStack();
  undo.use(connection);
  const event = await connection.nextOf("started", "failed");
  if (event === undefined) {
    throw new WherryError("internal", "Cannot start the command: its monitor ended without a word");
  }
  if (event.type === "failed") throw launchError(steps, event, launched);
  undo.move();
  return connection;
}

/**
 * Finds out who a container's user is in its own files.
 *
 * @param directories Of its root file system, the topmost first.
 * @throws {WherryError} `invalid_argument` if there is no such user, or the container has no such id.
 */
export function readIdentity(
  { user, security, namespaces: { idRange } }: Pick<
    ContainerConfig,
    "user" | "security" | "namespaces"
  >,
  directories: readonly string[],
): Identity {
  const files = {
    passwd: readRootFile(directories, "etc/passwd"),
    group: readRootFile(directories, "etc/group"),
  };
  const identity = resolveIdentity(user, files, security.groups);
  const beyond = [identity.uid, ...identity.groups].find((id) =>
    id >= (idRange?.count ?? Infinity)
  );
  if (beyond === undefined) return identity;
  throw new WherryError(
    "invalid_argument",
    `Cannot run as user "${user}": the container has ${idRange?.count} ids, and ${beyond} is none of them`,
    { hint: `Make the container with --userns auto:size=${beyond + 1} or more` },
  );
}

/** Whether the cgroups of others are to be seen, too. */
function showsAllCgroups({ namespaces, security }: ContainerConfig): boolean {
  return security.isPrivileged || namespaces.cgroup === "host";
}

/**
 * Whether a container has a cgroup of its own in a hierarchy. In one of version 1 where it has none, its namespace
 * begins at the cgroup that wherry itself is in: it would see those of others, and could change them if its own were
 * writable.
 */
function hasOwnCgroup({ type, mountPoint }: HostCgroupHierarchy, steps: readonly Step[]): boolean {
  return type === "cgroup2" ||
    steps.some(([word, path, when]) =>
      word === "controller" && when === "now" && path?.startsWith(`${mountPoint}/`)
    );
}

/** What is left out changes no other one's place. */
function visibleCgroups(
  hierarchies: readonly HostCgroupHierarchy[],
  { own: { unified, v1 }, isVisible }: {
    own: ContainerCgroups;
    isVisible: (hierarchy: HostCgroupHierarchy) => boolean;
  },
): CgroupHierarchy[] {
  const isUnified = hierarchies.length === 1 && hierarchies[0]?.type === "cgroup2";
  return hierarchies.filter(isVisible).map(({ type, mountPoint, data }) => ({
    type,
    data,
    isOwn: [unified, ...Object.values(v1)].some((path) => path?.startsWith(`${mountPoint}/`)),
    name: isUnified ? "" : mountPoint.slice(mountPoint.lastIndexOf("/") + 1),
  }));
}

function openCleanupProgram(
  engine: Engine,
  config: ContainerConfig,
  network: NetworkPlace,
): (Descriptor & Disposable) | undefined {
  const { cleanupCommand } = engine;
  if (cleanupCommand === undefined || !needsCleanup(engine, config, network)) return undefined;
  return openForReading(cleanupCommand.path);
}

/** Whether there is something to do when it has ended. */
function needsCleanup(
  engine: Engine,
  config: ContainerConfig,
  network: NetworkPlace,
): boolean {
  return config.isAutoRemoved || network === "sandbox" || usesMountedVolumes(engine, config);
}

/** None if nothing is to be cleaned up. */
function cleanupArgv(engine: Engine, config: ContainerConfig, network: NetworkPlace): string[] {
  return needsCleanup(engine, config, network) ? ownArgv(engine, "__cleanup", config.id) : [];
}

/** How a monitor calls this very program; not at all if the engine does not know. */
function ownArgv({ paths, cleanupCommand }: Engine, command: string, id: string): string[] {
  if (cleanupCommand === undefined) return [];
  const { root, runRoot } = paths;
  return [...cleanupCommand.argv, "--root", root, "--run-root", runRoot, command, id];
}

/** Also without a lease: a network with one may be connected later. */
function wakeOf(
  engine: Engine,
  { id }: ContainerConfig,
  sandbox: Sandbox | undefined,
): { wake?: Wake } {
  const argv = ownArgv(engine, "__renew", id);
  const milliseconds = Math.floor(planNextWake(sandbox?.endpoints ?? [], Date.now()));
  return argv.length === 0 ? {} : { wake: { milliseconds, argv } };
}

/** What the monitor puts back when another program removes it. */
function keeperOf({ paths }: Engine): { table: string; rulesetPath: string } {
  return { table: tableNameOf(paths.runRoot), rulesetPath: paths.hostNetwork.ruleset };
}

/** Who shares a container's network shares its names, too, and those may be another one's in turn. */
export function etcDirectoryOf(engine: Engine, { id, networkMode }: ContainerConfig): string {
  const [, other] = /^container:(.*)$/.exec(networkMode) ?? [];
  // It could only be started while that one was there
  const config = other === undefined ? undefined : readContainer(engine, other)?.config;
  return config === undefined
    ? engine.paths.container(other ?? id).etc
    : etcDirectoryOf(engine, config);
}
