/** Removing containers. @module */

import { type ContainerConfig, readContainerConfig } from "../../container/record/config.ts";
import { releaseName, removeStaleNames } from "../../container/record/names.ts";
import { isCorrupt, WherryError } from "../../errors.ts";
import { isPresent } from "../../kernel/entry.ts";
import { removeTree } from "../../kernel/tree.ts";
import { shortId } from "../../store/id.ts";
import { acquireLock } from "../../store/lock.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { removeIfPresent } from "../../store/record.ts";
import {
  anonymousVolumesOf,
  removeSpareVolumes,
  tryRemoveSpareVolumes,
} from "../mount/anonymous_volumes.ts";
import type { Engine } from "../base/engine.ts";
import { recordContainerEvent } from "../base/events.ts";
import { type Container, findContainer, findId } from "../record/find.ts";
import { checkNothingMounted, removalFailure } from "../base/in_the_way.ts";
import { delay } from "../base/polling.ts";
import { lockStopped } from "../record/settle.ts";
import { killAndWait, killUnknown } from "./stop.ts";

/** How often a forced removal kills what others start again meanwhile: for ten seconds or more. */
const MAX_KILLS = 200;
/** How long it lets them finish what they are at. */
const PAUSE_MS = 50;

/** How to remove a container. */
export interface RemoveContainerOptions {
  /** Whether to kill it first if it runs, and to remove it also if its record is damaged. */
  isForced: boolean;
  /** Whether the volumes go with it that nobody gave a name, and no other container uses. @default {false} */
  removesVolumes?: boolean;
}

/**
 * Removes a container.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `conflict` if it runs and `isForced` is false, or another command is working on it.
 */
export async function removeContainer(
  engine: Engine,
  wanted: string,
  { isForced, removesVolumes = false }: RemoveContainerOptions,
): Promise<void> {
  const container = isForced ? findOrDamaged(engine, wanted) : findContainer(engine, wanted);
  if (container === undefined) return await removeDamaged(engine, wanted);
  if (!isForced && container.state.isRunning) throw stillRunning(wanted, container);
  await removeEnded(engine, wanted, {
    container: container.config,
    volumes: removesVolumes ? "removed" : "kept",
    ...(isForced ? { end: () => killAndWait(engine, container) } : {}),
  });
}

/** `undefined` if there is such a container, and its record is damaged. */
function findOrDamaged(engine: Engine, wanted: string): Container | undefined {
  try {
    return findContainer(engine, wanted);
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
}

async function removeDamaged(engine: Engine, wanted: string): Promise<void> {
  const id = findId(engine, wanted);
  const paths = engine.paths.container(id);
  await removeEnded(engine, wanted, {
    container: { id, name: undefined },
    volumes: "kept",
    end: () => killUnknown(paths),
  });
  // Without the record nothing else tells its name
  removeStaleNames(engine.paths);
}

/** A container to remove. */
interface Removal {
  container: Removable | ContainerConfig;
  volumes: FateOfVolumes;
  /** Ends it if it runs. @default {it does not run} */
  end?: () => Promise<unknown>;
}

async function removeEnded(
  engine: Engine,
  wanted: string,
  { container, volumes, end }: Removal,
): Promise<void> {
  const paths = engine.paths.container(container.id);
  for (let tries = 0; tries < (end === undefined ? 1 : MAX_KILLS); tries++) {
    if (tries > 0) await delay(PAUSE_MS);
    await end?.();
    using lock = await lockStopped(engine, container.id);
    if (lock !== undefined) return void removeLocked(engine, container, volumes);
    if (!isPresent(paths.config)) return;
  }
  throw new WherryError(
    "conflict",
    `Cannot remove container "${wanted}": another command is working on it`,
    { hint: "Try again" },
  );
}

function stillRunning(wanted: string, { state }: Container): WherryError {
  const isPaused = state.status === "paused";
  const remedy = isPaused
    ? `Unpause it first with "wherry unpause`
    : `Stop it first with "wherry stop`;
  return new WherryError("conflict", `Cannot remove container "${wanted}": it is ${state.status}`, {
    hint: `${remedy} ${wanted}", or force it with "wherry rm -f ${wanted}"`,
  });
}

/** What is known of a container that is to be removed. */
export interface Removable {
  /** 64 digits. */
  id: string;
  /** `undefined` if its record cannot be read. */
  name: string | undefined;
}

/**
 * What becomes of the volumes that nobody gave a name, and no other container uses. Who holds the engine's gate must
 * not wait for those who make containers, because they wait for the gate.
 */
export type FateOfVolumes = "kept" | "removed" | "removed unless somebody is making volumes";

/**
 * Removes everything of a container whose lock the caller holds.
 *
 * The record goes first: whatever is left after a crash is then recognised as garbage. It is not removed but renamed
 * where it says which volumes are to go, too.
 *
 * @returns False if that has to wait: the container is gone, and a sweep removes its volumes with the rest of it.
 * @throws {WherryError} `conflict` if something is mounted in its directory, or in a volume that is to go: all is left
 * as it is; `unavailable` if the system refuses.
 */
export function removeLocked(
  engine: Engine,
  container: Removable | ContainerConfig,
  volumes: FateOfVolumes,
): boolean {
  const { directory } = engine.paths.container(container.id);
  const action = `remove container "${container.name ?? shortId(container.id)}"`;
  for (const path of [directory, ...volumeDirectoriesOf(engine, container, volumes)]) {
    checkNothingMounted(action, path);
  }
  let isWhole: boolean;
  try {
    isWhole = removeFiles(engine, container, volumes);
  } catch (cause) {
    throw removalFailure(action, { directory, nextStep: RECOVER }, cause);
  }
  if ("schema" in container) recordContainerEvent(engine, { config: container, action: "destroy" });
  return isWhole;
}

/** Of the volumes that may go along, but for those with options: other containers may have them mounted. */
function volumeDirectoriesOf(
  { paths }: Engine,
  container: Removable | ContainerConfig,
  fate: FateOfVolumes,
): string[] {
  if (fate === "kept" || !("schema" in container)) return [];
  const mounts = container.mounts.filter((mount) => mount.type !== "volume" || !mount.isElsewhere);
  return anonymousVolumesOf({ mounts }).map((name) => paths.volume(name).directory);
}

/** By then its record is gone: it has no name any more to remove it by. */
const RECOVER = 'let "wherry system recover" remove the rest';

function removeFiles(
  engine: Engine,
  container: Removable | ContainerConfig,
  fate: FateOfVolumes,
): boolean {
  const { id, name } = container;
  const paths = engine.paths.container(id);
  // Somebody may be writing a new name down
  using _configLock = acquireLock(paths.configLock);
  const volumes = fate === "kept" ? [] : volumesOf(paths, container);
  if (volumes.length > 0 && isPresent(paths.config)) Deno.renameSync(paths.config, paths.removed);
  else removeIfPresent(paths.config);
  if (name !== undefined) releaseName(engine.paths, name, id);
  if (fate === "removed unless somebody is making volumes" && volumes.length > 0) {
    if (!tryRemoveSpareVolumes(engine, volumes)) return false;
  } else if (volumes.length > 0) {
    removeSpareVolumes(engine, volumes);
  }
  removeTree(paths.directory);
  removeTree(paths.runDirectory);
  return true;
}

/** Also of a container whose removal was interrupted. */
function volumesOf(paths: ContainerPaths, container: Removable | ContainerConfig): string[] {
  if ("schema" in container) return anonymousVolumesOf(container);
  try {
    const removed = readContainerConfig({ ...paths, config: paths.removed });
    return removed === undefined ? [] : anonymousVolumesOf(removed);
  } catch (error) {
    // They stay, for who lists volumes
    if (!isCorrupt(error)) throw error;
    return [];
  }
}
