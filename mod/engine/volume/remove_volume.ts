/** Removing volumes. @module */

import { dockerError, isCorrupt, WherryError } from "../../errors.ts";
import { isPresent } from "../../kernel/entry.ts";
import { lockDescription } from "../../kernel/open.ts";
import { treeBytes } from "../../kernel/tree_size.ts";
import {
  isDisposable,
  isVolumeName,
  labelsOf,
  type Volume,
  VOLUME_DRIVER,
} from "../../volume/volume.ts";
import { removeLeftovers } from "../../volume/volume_store.ts";
import type { Engine } from "../base/engine.ts";
import { recordPrune } from "../base/events.ts";
import { listContainers } from "../lifecycle/list.ts";
import { readVolumes } from "./list_volumes.ts";
import { isPrunable, type PruneFilter, type PruneResult } from "../base/prunable.ts";
import { collecting, type DoomedVolume, removeDoomed, takeAway } from "../mount/volume_removal.ts";
import { VolumesUse, type VolumeUser } from "../mount/volume_use.ts";
import { findVolume, holdVolumes, noSuchVolume } from "../mount/volumes.ts";

/** How to remove a volume. */
export interface VolumeRemoval {
  /** Whether to remove it also if its record, or that of a container that may be using it, is damaged. */
  isForced: boolean;
}

/**
 * Removes a volume with all that is in it.
 *
 * @throws {WherryError} `not_found`; `conflict` if a container has it, whether it runs or not, or something is mounted
 * in it; `corrupt` if its record is damaged and that is not forced; `unavailable` if the system refuses.
 */
export function removeVolume(engine: Engine, name: string, { isForced }: VolumeRemoval): void {
  if (!isVolumeName(name) || !isPresent(engine.paths.volume(name).directory)) {
    throw noSuchVolume(name);
  }
  // What crashes left of containers uses nothing any more
  if (!new VolumesUse(engine).isSpare(name)) clearContainers(engine);
  engine.ensureDirectories();
  using lock = holdVolumes(engine, "exclusive");
  const volume = isForced ? findOrDamaged(engine, name) : findVolume(engine, name);
  checkUnused(new VolumesUse(engine), name, { isForced });
  const doomed = takeAway(engine, volume);
  // Who makes volumes need not wait until all of it is gone
  lockDescription(lock, "shared", { wait: true });
  removeDoomed(doomed);
}

/** Removes what crashes left of containers, which listing them does on the way. */
function clearContainers(engine: Engine): void {
  for (const warning of listContainers(engine).warnings) engine.notices.add(warning);
}

/** What is known of a volume that is to be removed. */
type Removable = Pick<Volume, "name" | "driver">;

function findOrDamaged(engine: Engine, name: string): Removable {
  try {
    return findVolume(engine, name);
  } catch (error) {
    if (isCorrupt(error)) return { name, driver: VOLUME_DRIVER };
    throw error;
  }
}

/** @throws {WherryError} `conflict`, in docker's words and with the names of the containers. */
function checkUnused(use: VolumesUse, name: string, { isForced }: VolumeRemoval): void {
  const users = use.usersOf(name);
  if (users.length > 0) throw inUse(name, users);
  const [unknown] = use.unknownUsers;
  if (unknown === undefined || isForced) return;
  throw new WherryError(
    "conflict",
    `Cannot remove volume "${name}": container ${unknown.name} has a damaged record, and may be using it`,
    {
      hint: `Remove the container first with "wherry rm -f ${unknown.name}", or the volume all ` +
        `the same with "wherry volume rm -f ${name}"`,
    },
  );
}

function inUse(name: string, users: readonly VolumeUser[]): WherryError {
  const ids = users.map(({ id }) => id).join(", ");
  const names = users.map((user) => user.name);
  const [who, them] = users.length === 1
    ? [`Container "${names[0]}" uses it`, "it"]
    : [`Containers ${names.map((one) => `"${one}"`).join(", ")} use it`, "them"];
  return dockerError("conflict", `remove ${name}: volume is in use - [${ids}]`, {
    hint: `${who}: remove ${them} first with "wherry rm -f ${names.join(" ")}"`,
  });
}

/** Which unused volumes to remove. */
export interface VolumePruneOptions {
  /** Of volumes only labels count. */
  filter: PruneFilter;
  /** Whether those go, too, that somebody gave a name. */
  isNamedToo: boolean;
}

/**
 * Removes the volumes that no container uses: those that nobody gave a name, or all.
 *
 * Those with options stay, since what is in them is elsewhere, and so do damaged ones. As long as nobody can tell what
 * some container uses, none is removed.
 *
 * @returns Names of the removed ones.
 */
export function pruneVolumes(engine: Engine, options: VolumePruneOptions): PruneResult {
  const result: PruneResult = { removed: [], reclaimedBytes: 0, failures: [] };
  clearContainers(engine);
  engine.ensureDirectories();
  using lock = holdVolumes(engine, "exclusive");
  result.failures.push(...removeLeftovers(engine.paths).failures);
  const spare = listSpare(engine, options);
  const doomed = spare.flatMap((volume) =>
    collecting(result, () => takeAway(engine, volume)) ?? []
  );
  lockDescription(lock, "shared", { wait: true });
  for (const one of doomed) collecting(result, () => pruneDoomed(one, result));
  recordPrune(engine, { type: "volume", reclaimedBytes: result.reclaimedBytes });
  return result;
}

/** Volumes that may go, by name. */
function listSpare(engine: Engine, { filter, isNamedToo }: VolumePruneOptions): Volume[] {
  const use = new VolumesUse(engine);
  const { volumes, warnings } = readVolumes(engine);
  for (const warning of warnings) engine.notices.add(warning);
  const unwanted = volumes.filter((volume) =>
    (isNamedToo || isDisposable(volume)) && Object.keys(volume.options).length === 0 &&
    isPrunable(filter, { createdAt: volume.createdAt, labels: labelsOf(volume) })
  );
  if (unwanted.length > 0) noteUnknownUsers(engine, use);
  return unwanted.filter(({ name }) => use.isSpare(name));
}

function noteUnknownUsers({ notices }: Engine, use: VolumesUse): void {
  for (const { name } of use.unknownUsers) {
    notices.add(
      `all volumes stay: container ${name} has a damaged record, and may be using any of them; ` +
        `"wherry rm -f ${name}" removes the container`,
    );
  }
  for (const { name } of use.unknownPutAside) {
    notices.add(
      `all volumes stay: container ${name} was put aside with a damaged record, and may have used any of ` +
        'them; "wherry system prune" removes the container',
    );
  }
}

function pruneDoomed(doomed: DoomedVolume, result: PruneResult): void {
  const bytes = treeBytes(doomed.paths.data);
  removeDoomed(doomed);
  result.removed.push(doomed.name);
  result.reclaimedBytes += bytes;
}
