/**
 * The index of container names: one symbolic link for each, whose content is the id.
 *
 * Making a link is atomic, so a name is never given twice, also to commands
 * that run in parallel; and it needs no list that could be half written.
 *
 * @module
 */

import { WherryError } from "../../errors.ts";
import { removeTree } from "../../kernel/tree.ts";
import { isId, shortId } from "../../store/id.ts";
import { acquireLock, tryAcquireLock } from "../../store/lock.ts";
import type { Paths } from "../../store/paths.ts";
import { readContainerConfig } from "./config.ts";
import { randomName } from "./name.ts";

const MAX_RANDOM_TRIES = 20;

/**
 * Gives `name` to the container `id`, whose directory must exist already.
 *
 * @throws {WherryError} `already_exists` if another container has it.
 */
export function claimName(paths: Paths, name: string, id: string): void {
  const owner = tryClaimName(paths, name, id);
  if (owner === undefined) return;
  throw new WherryError(
    "already_exists",
    `Cannot use the container name "${name}": it is already in use by container ${shortId(owner)}`,
    { hint: `Remove that one with "wherry rm ${name}", or choose another --name` },
  );
}

/**
 * Gives a random free name to the container `id`.
 *
 * @returns The name.
 */
export function claimRandomName(paths: Paths, id: string): string {
  for (let tries = 0; tries < MAX_RANDOM_TRIES; tries++) {
    const name = tries < MAX_RANDOM_TRIES / 2 ? randomName() : `${randomName()}_${tries}`;
    if (tryClaimName(paths, name, id) === undefined) return name;
  }
  const name = `${randomName()}_${shortId(id)}`;
  claimName(paths, name, id);
  return name;
}

/** Claims a name; returns the id of the container that has it already. */
function tryClaimName(paths: Paths, name: string, id: string): string | undefined {
  const link = `${paths.names}/${name}`;
  for (;;) {
    try {
      Deno.symlinkSync(id, link);
      return undefined;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    const owner = findByName(paths, name);
    // Its own: a change of name that a crash cut short
    if (owner !== undefined) return owner === id ? undefined : owner;
    removeStaleName(paths, name);
  }
}

/**
 * Removes the names that crashes left without a container, or with one that has another name.
 *
 * @returns The names.
 */
export function removeStaleNames(paths: Paths): string[] {
  return Array.from(Deno.readDirSync(paths.names), ({ name }) => name)
    .filter((name) => removeIfStale(paths, name));
}

function removeIfStale(paths: Paths, name: string): boolean {
  const id = findByName(paths, name);
  if (id === undefined) {
    removeStaleName(paths, name);
    return true;
  }
  if (!hasOtherName(paths, name, id)) return false;
  // Whoever renames it has the lock until the record says so. After a reboot not even its directory is there
  Deno.mkdirSync(paths.container(id).runDirectory, { recursive: true, mode: 0o700 });
  using lock = tryAcquireLock(paths.container(id).configLock, { create: true });
  if (lock === undefined || !hasOtherName(paths, name, id)) return false;
  releaseName(paths, name, id);
  return true;
}

/** Unknown while the container is being made, or its record is damaged: then it keeps the name. */
function hasOtherName(paths: Paths, name: string, id: string): boolean {
  try {
    const config = readContainerConfig(paths.container(id));
    return config !== undefined && config.name !== name;
  } catch (error) {
    if (error instanceof WherryError && error.kind === "corrupt") return false;
    throw error;
  }
}

function removeStaleName(paths: Paths, name: string): void {
  // One at a time: a second remover could otherwise take away what was claimed after the first
  using _lock = acquireLock(paths.namesLock);
  if (findByName(paths, name) === undefined) removeTree(`${paths.names}/${name}`);
}

/** The id of the container called `name`. */
export function findByName(paths: Paths, name: string): string | undefined {
  try {
    const id = Deno.readLinkSync(`${paths.names}/${name}`);
    if (!isId(id)) return undefined;
    Deno.lstatSync(paths.container(id).directory);
    return id;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || isNoLink(error)) return undefined;
    throw error;
  }
}

/** Whether readlink(2) says EINVAL. */
function isNoLink(error: unknown): boolean {
  return error instanceof Error && error.message.includes("os error 22");
}

/** Frees `name` if it is still the container's own. */
export function releaseName(paths: Paths, name: string, id: string): void {
  const link = `${paths.names}/${name}`;
  try {
    if (Deno.readLinkSync(link) === id) Deno.removeSync(link);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || isNoLink(error))) throw error;
  }
}
