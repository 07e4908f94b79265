/** Making a container, without starting it. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import type { ContainerConfig, RootSource } from "../../container/record/config.ts";
import { checkName } from "../../container/record/name.ts";
import {
  hostNameConflict,
  joinedContainer,
  type Namespaces,
  PRIVATE_NAMESPACES,
} from "../../container/record/namespaces.ts";
import { claimName, claimRandomName, releaseName } from "../../container/record/names.ts";
import { WherryError } from "../../errors.ts";
import { openOrCreate } from "../../kernel/open.ts";
import { newId } from "../../store/id.ts";
import { removeTree } from "../../kernel/tree.ts";
import { acquireLock, tryAcquireLock } from "../../store/lock.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { syncDirectory, writeRecord } from "../../store/record.ts";
import { type Engine, systemFailure } from "../base/engine.ts";
import { recordContainerEvent } from "../base/events.ts";
import { findOtherContainer } from "../record/find.ts";
import { checkIdSharing } from "../security/id_sharing.ts";
import { NO_DEFAULTS, type ResolvedImage, resolveImage } from "../image/image_source.ts";
import { planConfig } from "./create_plan.ts";
import type { CreateRequest, NamespaceModes } from "./create_request.ts";
import { checkLimits } from "../resource/limits.ts";
import { loadParentNetwork } from "../network/network_support.ts";
import { checkMounts } from "../mount/mount_checks.ts";
import { hasVolumesElsewhere } from "../record/mounted_volumes.ts";
import { needsVolumeCopy, type ResolvedMounts, resolveMounts } from "../mount/mounts.ts";
import { findNetwork } from "../network/networks.ts";
import type { ParentNetworkRequest } from "../network/parent_network.ts";
import { rootLayersOf } from "../mount/root_content.ts";
import { containerSecurity } from "../security/security.ts";
import { chooseStorageDriver } from "../base/storage.ts";
import { loadCopyDriver } from "../mount/storage_support.ts";
import { checkTargetKinds } from "../mount/target_kind.ts";
import { removeLocked } from "./remove.ts";
import { loadVolumeCopy, type VolumeCopy } from "../mount/volume_copy_support.ts";

/** A container that is made and still locked: nobody else can start or remove it meanwhile. */
export interface CreatedContainer extends Disposable {
  /** What was asked for, as it is on disk. */
  config: ContainerConfig;
  /** The container's lock, for its monitor. */
  lock: Descriptor;
}

const CONTAINER_MODE = "container:";

/**
 * Makes a container.
 *
 * Either everything of it exists afterwards, or nothing.
 *
 * @returns The container, locked; dispose of it to let go of the lock.
 * @throws {WherryError} `not_found` for the image, `already_exists` for the name,
 * `invalid_argument` for anything malformed.
 */
export async function createContainer(
  engine: Engine,
  request: CreateRequest,
): Promise<CreatedContainer> {
  const conflict = hostNameConflict({ ...PRIVATE_NAMESPACES, ...request.namespaces }, request);
  if (conflict !== undefined) throw new WherryError("invalid_argument", conflict);
  const created = await tryCreate(engine, request) ??
    // Nothing is held: in the executable file the program may begin again here, to load what it lacks
    await tryCreate(engine, request, await loadVolumeCopy());
  if (created === undefined) {
    throw new WherryError("internal", "Cannot make a container: its volumes cannot be filled");
  }
  return await fillVolumes(engine, created);
}

/** Those with options: others have what they get by now. */
async function fillVolumes(
  engine: Engine,
  created: CreatedContainer,
): Promise<CreatedContainer> {
  const { config } = created;
  if (!hasVolumesElsewhere(config)) return created;
  using undo = new DisposableStack();
  undo.use(created);
  undo.defer(() => removeLocked(engine, config, "removed"));
  // Loaded by now where that has to be the first thing that a command does
  const { fillElsewhere } = await import("../mount/filling_elsewhere.ts");
  await fillElsewhere(engine, config);
  undo.move();
  return created;
}

/**
 * Loads what filling the volumes of a container takes, if it takes anything: for a command that does what cannot be
 * done twice before it makes the container. An image that is not here yet is passed over.
 *
 * @throws {WherryError} As {@linkcode createContainer} for the image and the mounts.
 */
export async function loadVolumeFilling(engine: Engine, request: CreateRequest): Promise<void> {
  if (await needsVolumeFilling(engine, request)) await loadVolumeCopy();
}

async function needsVolumeFilling(engine: Engine, request: CreateRequest): Promise<boolean> {
  engine.ensureDirectories();
  try {
    using source = await resolveRoot(engine, request);
    return needsVolumeCopy(engine, request, {
      root: source.root,
      storageDriver: await chooseStorageDriver(engine),
      volumes: volumesOf(request, source),
    });
  } catch (error) {
    if (error instanceof WherryError && error.kind === "not_found") return false;
    throw error;
  }
}

/** Paths that are to be volumes where nothing else is mounted. */
function volumesOf(
  { volumes = [] }: Pick<CreateRequest, "volumes">,
  { defaults }: Pick<ResolvedImage, "defaults">,
): string[] {
  return [...defaults.volumes, ...volumes];
}

/** @returns `undefined`, with nothing made or held, if `copying` is needed and missing. */
async function tryCreate(
  engine: Engine,
  request: CreateRequest,
  copying?: VolumeCopy,
): Promise<CreatedContainer | undefined> {
  engine.ensureDirectories();
  using source = await resolveRoot(engine, request);
  const namespaces = resolveNamespaces(engine, request.namespaces);
  const network = await resolveNetworks(engine, request);
  checkIdSharing(engine, {
    networkMode: network.networkMode ?? "none",
    namespaces,
    hasOwnIds: request.ownIds !== undefined,
    isPrivileged: request.security?.isPrivileged ?? false,
  });
  const storageDriver = await chooseStorageDriver(engine);
  const copy = storageDriver === "copy" ? await loadCopyDriver() : undefined;
  const ids = request.ownIds === undefined ? undefined : await import("../security/id_ranges.ts");
  const volumes = volumesOf(request, source);
  using mounts = resolveMounts(engine, request, {
    root: source.root,
    storageDriver,
    volumes,
    copying,
  });
  if (mounts === undefined) return undefined;
  for (const warning of source.warnings) engine.onWarning(warning);
  const config = planConfig(newId(), { ...request, ...network, namespaces, volumes }, {
    root: source.root,
    defaults: source.defaults,
    mounts: mounts.mounts,
    storageDriver,
  });
  checkMounts({ ...config, hasOwnIds: ids !== undefined });
  checkTargetKinds(rootLayersOf(engine, config), config.mounts);
  checkLimits(config.resources);
  // What it cannot have here it cannot be started with either
  containerSecurity(config);
  try {
    return writeContainer(engine, request, config, { copy, ids, mounts });
  } catch (cause) {
    throw systemFailure(`make a container in "${engine.paths.root}"`, cause);
  }
}

/** What only some containers need. */
interface Drivers {
  copy: typeof import("../mount/copy_root.ts") | undefined;
  ids: typeof import("../security/id_ranges.ts") | undefined;
  mounts: ResolvedMounts;
}

function writeContainer(
  engine: Engine,
  request: CreateRequest,
  partial: ContainerConfig,
  { copy, ids, mounts }: Drivers,
): CreatedContainer {
  using undo = new DisposableStack();
  const paths = engine.paths.container(partial.id);
  const lock = lockNewContainer(engine, paths, undo);
  makeDirectories(paths, undo);
  copy?.copyRoot(engine, partial, paths.merged);
  const name = claim(engine, request, partial.id, undo);
  using claimed = ids?.claimIdRange(engine, request.ownIds ?? 0);
  const idRange = claimed?.range ?? null;
  const config = { ...partial, name, namespaces: { ...partial.namespaces, idRange } };
  writeRecord(paths.config, config, { isDurable: !config.isAutoRemoved });
  if (!config.isAutoRemoved) {
    // The record survives a power loss only with the way to it
    for (const directory of [engine.paths.containers, engine.paths.names]) syncDirectory(directory);
  }
  undo.move();
  mounts.keep();
  recordContainerEvent(engine, { config, action: "create" });
  return { config, lock, [Symbol.dispose]: () => lock[Symbol.dispose]() };
}

async function resolveRoot(
  engine: Engine,
  request: CreateRequest,
): Promise<ResolvedImage> {
  if (request.rootfs !== undefined) {
    const root = resolveDirectory(request.rootfs);
    return { root, defaults: NO_DEFAULTS, warnings: [], [Symbol.dispose]: () => {} };
  }
  if (request.image === undefined) {
    throw new WherryError("invalid_argument", "Cannot make a container: it has no image", {
      hint: "Name an image, or a directory with --rootfs",
    });
  }
  return await resolveImage(engine, request.image, request.platform);
}

function resolveDirectory(path: string): RootSource {
  try {
    const real = Deno.realPathSync(path);
    if (!Deno.statSync(real).isDirectory) {
      throw new WherryError("invalid_argument", `Cannot use --rootfs "${path}": not a directory`);
    }
    return { type: "directory", path: real };
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new WherryError("not_found", `Cannot use --rootfs "${path}": no such directory`, {
      cause,
    });
  }
}

/**
 * Finds the networks and the container that somebody means, so that the record has them by name and by id.
 *
 * Who shares a container's network has its host name, as with docker.
 *
 * @throws {WherryError} `not_found` if one is missing, `invalid_argument` if one is meant twice.
 */
async function resolveNetworks(
  engine: Engine,
  { networkMode = "none", endpoints = [], parentNetwork }: CreateRequest,
): Promise<Pick<CreateRequest, "networkMode" | "endpoints" | "hostname" | "domainname">> {
  if (networkMode.startsWith(CONTAINER_MODE)) {
    const wanted = networkMode.slice(CONTAINER_MODE.length);
    const { id, hostname, domainname } = findOtherContainer(engine, wanted).config;
    return { networkMode: CONTAINER_MODE + id, endpoints, hostname, domainname };
  }
  const onParent = await resolveParentNetwork(engine, parentNetwork);
  const found = endpoints.map((endpoint, index) => ({
    ...endpoint,
    network: index === 0 && onParent !== undefined
      ? onParent
      : findNetwork(engine, endpoint.network).name,
  }));
  const names = found.map(({ network }) => network);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new WherryError(
      "invalid_argument",
      `Cannot attach to network "${twice}": it is specified multiple times`,
    );
  }
  return { networkMode: names[0] ?? networkMode, endpoints: found };
}

/** Whose namespaces somebody means, by id. */
function resolveNamespaces(engine: Engine, request: Partial<NamespaceModes> = {}): Namespaces {
  const namespaces = { ...PRIVATE_NAMESPACES, ...request };
  const resolve = <T extends Namespaces["pid" | "ipc"]>(mode: T): T | `container:${string}` => {
    const wanted = joinedContainer(mode);
    return wanted === undefined
      ? mode
      : `container:${findOtherContainer(engine, wanted).config.id}`;
  };
  const { pid, ipc } = namespaces;
  return { ...namespaces, pid: resolve(pid), ipc: resolve(ipc) };
}

async function resolveParentNetwork(
  engine: Engine,
  request: ParentNetworkRequest | undefined,
): Promise<string | undefined> {
  if (request === undefined) return undefined;
  const { ensureParentNetwork } = await loadParentNetwork();
  return ensureParentNetwork(engine, request).name;
}

function lockNewContainer(
  engine: Engine,
  paths: ContainerPaths,
  undo: DisposableStack,
): Descriptor {
  // Nobody sweeps between making the run directory and locking it
  using _gate = acquireLock(engine.paths.gate, "shared");
  Deno.mkdirSync(paths.runDirectory, { mode: 0o700 });
  undo.defer(() => removeTree(paths.runDirectory));
  const lock = tryAcquireLock(paths.lock, { create: true });
  if (lock === undefined) {
    throw new WherryError("internal", `Cannot lock the new container "${paths.lock}"`);
  }
  undo.use(lock);
  // On a disk that is full later, its removal must not need a new file
  openOrCreate(paths.configLock)[Symbol.dispose]();
  return lock;
}

function makeDirectories(paths: ContainerPaths, undo: DisposableStack): void {
  Deno.mkdirSync(paths.directory, { mode: 0o700 });
  undo.defer(() => removeTree(paths.directory));
  for (const path of [paths.upper, paths.work, paths.merged, paths.etc]) {
    Deno.mkdirSync(path, { mode: 0o755 });
  }
}

function claim(
  { paths }: Engine,
  request: CreateRequest,
  id: string,
  undo: DisposableStack,
): string {
  let name: string;
  if (request.name === undefined) name = claimRandomName(paths, id);
  else claimName(paths, name = checkName(request.name), id);
  undo.defer(() => releaseName(paths, name, id));
  return name;
}
