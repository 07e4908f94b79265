/** Which containers use which volumes. @module */

import { type ContainerConfig, readContainerConfig } from "../../container/record/config.ts";
import { isCorrupt } from "../../errors.ts";
import { isPresent, listNames } from "../../kernel/entry.ts";
import { isId, shortId } from "../../store/id.ts";
import { isLocked } from "../../store/lock.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import type { Engine } from "../base/engine.ts";
import { listIds } from "../record/find.ts";

/** Names of a container's volumes. */
export function volumeNamesOf({ mounts }: Pick<ContainerConfig, "mounts">): string[] {
  return mounts.flatMap((mount) => mount.type === "volume" ? [mount.name] : []);
}

/** A container that uses volumes, whether it runs or not. */
export interface VolumeUser {
  /** 64 digits. */
  id: string;
  /** What people call it; the short id if its record is damaged. */
  name: string;
  /** Names of its volumes; `undefined` if its record is damaged, so that it may be any. */
  volumes: readonly string[] | undefined;
}

/** What all containers use, as it is when this is made: with the volumes locked, nothing is added to it. */
export class VolumesUse {
  readonly #users: readonly VolumeUser[];
  /** They cannot run any more, but people may want to look at what they left. */
  readonly #putAside: readonly VolumeUser[];

  /** Reads the records of all containers. */
  constructor(engine: Engine) {
    const { paths } = engine;
    this.#users = listIds(engine).flatMap((id) => readUser(id, paths.container(id)) ?? []);
    this.#putAside = listNames(paths.damaged).filter(isId).flatMap((id) => {
      const directory = `${paths.damaged}/${id}`;
      const files = { ...paths.container(id), directory, config: `${directory}/config.json` };
      return readUser(id, files) ?? unknownUser(id);
    });
  }

  /** The containers that use a volume. */
  usersOf(volume: string): VolumeUser[] {
    return this.#users.filter(({ volumes }) => volumes?.includes(volume));
  }

  /** The containers of which nobody knows what they use. */
  get unknownUsers(): VolumeUser[] {
    return this.#users.filter(({ volumes }) => volumes === undefined);
  }

  /** Those of which nobody knows what they used before they were put aside. */
  get unknownPutAside(): VolumeUser[] {
    return this.#putAside.filter(({ volumes }) => volumes === undefined);
  }

  /** Whether a volume may be removed that nobody has named: what may be of use to a damaged container stays. */
  isSpare(volume: string): boolean {
    return [...this.#users, ...this.#putAside]
      .every(({ volumes }) => volumes !== undefined && !volumes.includes(volume));
  }
}

/** @returns `undefined` if the container was never finished, or is gone. */
function readUser(id: string, paths: ContainerPaths): VolumeUser | undefined {
  try {
    const config = readContainerConfig(paths);
    if (config === undefined) return wasEmptied(paths) ? unknownUser(id) : undefined;
    return { id, name: config.name, volumes: volumeNamesOf(config) };
  } catch (error) {
    if (isCorrupt(error)) return unknownUser(id);
    throw error;
  }
}

/** Whether somebody has emptied the record of a container that runs, or has run: one that is being made has none. */
function wasEmptied(paths: ContainerPaths): boolean {
  return isPresent(paths.config) && (isLocked(paths.lock) || isPresent(paths.state));
}

function unknownUser(id: string): VolumeUser {
  return { id, name: shortId(id), volumes: undefined };
}
