/** What the launcher keeps for the next starts, snapshots and code caches, for each build of wherry. @module */

import { listNames } from "../../kernel/entry.ts";
import { removeTree } from "../../kernel/tree.ts";

/** Where the launcher has them, in a directory for each build; `native/launcher.c`. */
export const BUILD_CACHES = "/run/wherry/cache";

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Removes what was kept for other builds and made more than a day ago. One that is in use is made again at its
 * next start, from what that build's file carries.
 *
 * @param build This build's id; nothing is removed without one, because then nobody can tell whose they are.
 * @returns How many there were.
 */
export function removeOldCodeCaches(build: string | undefined, directory = BUILD_CACHES): number {
  if (build === undefined) return 0;
  const old = listNames(directory)
    .filter((name) => name !== build)
    .map((name) => `${directory}/${name}`)
    .filter((path) => Date.now() - modifiedAt(path) > DAY_MS);
  for (const path of old) removeTree(path);
  return old.length;
}

/** In milliseconds since 1970; now for what another command has removed meanwhile. */
function modifiedAt(path: string): number {
  try {
    return Deno.lstatSync(path).mtime?.getTime() ?? Date.now();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return Date.now();
    throw error;
  }
}
