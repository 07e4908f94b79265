/** The host's side of a copy. @module */

import { dockerError, WherryError } from "../../errors.ts";
import { AT_FDCWD } from "../../kernel/file.ts";
import { findLocationAt } from "../../kernel/file_reading.ts";
import { type Found, foundAt } from "./copy_container.ts";
import { type CopyTo, splitEntry } from "./copy_path.ts";

/** How many links docker's client follows to a destination. */
const MAX_LINKS = 10;

/**
 * Finds what is to be copied.
 *
 * @param path Absolute, see `copy_path.ts`.
 * @param followsLink Whether a link at its end is followed.
 * @throws {WherryError} `not_found`, in docker's words.
 */
export function findHostSource(
  path: string,
  { followsLink }: { followsLink: boolean },
): Found {
  const location = worded(path, () => {
    // Fails where a link leads nowhere
    const found = followsLink ? Deno.realPathSync(path) : path;
    return findLocationAt(AT_FDCWD, found);
  });
  if (location === undefined) throw missing(path);
  return foundAt(location);
}

function missing(path: string, cause?: unknown): WherryError {
  return dockerError("not_found", `lstat ${path}: no such file or directory`, { cause });
}

/** @param call What docker's client calls it. */
function worded<T>(path: string, action: () => T, call: "lstat" | "stat" = "lstat"): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) throw missing(path, cause);
    if (!isNotDirectory(cause)) throw cause;
    throw dockerError("conflict", `${call} ${path}: not a directory`, { cause });
  }
}

function isNotDirectory(error: unknown): boolean {
  return error instanceof Deno.errors.NotADirectory ||
    error instanceof Error && "code" in error && error.code === "ENOTDIR";
}

/**
 * Finds out where a copy is to go. A link is followed, also one to what is not there: that is made then.
 *
 * @param path Absolute, see `copy_path.ts`.
 * @throws {WherryError} `not_found` if there is no directory that it could be in, `conflict` for a device; in docker's
 * words.
 */
export function findHostDestination(path: string): CopyTo {
  const [parent] = splitEntry(path.replace(/\/\.?$/, "") || "/");
  if (statOf(parent) === undefined) {
    throw dockerError(
      "not_found",
      `invalid output path: directory "${parent}" does not exist`,
    );
  }
  let current = path;
  for (let links = 0; links <= MAX_LINKS; links++) {
    const info = worded(current, () => infoOf(current), "stat");
    if (info === undefined) {
      checkParent(current);
      return { path: current, type: "missing" };
    }
    if (!info.isSymlink) return existing(current, info);
    current = linkTarget(current);
  }
  throw dockerError("conflict", `too many symlinks in ${path}`);
}

function existing(path: string, info: Deno.FileInfo): CopyTo {
  if (info.isDirectory) return { path, type: "directory" };
  if (info.isBlockDevice === true || info.isCharDevice === true) {
    throw dockerError(
      "conflict",
      `invalid output path: "${path}" must be a directory or a regular file: got a device`,
    );
  }
  return { path, type: "other" };
}

function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function linkTarget(path: string): string {
  const target = Deno.readLinkSync(path);
  return target.startsWith("/") ? target : `${splitEntry(path)[0]}/${target}`;
}

function checkParent(path: string): void {
  const [parent] = splitEntry(path);
  const info = statOf(parent);
  if (info === undefined) {
    throw dockerError("not_found", `stat ${parent}: no such file or directory`);
  }
  if (!info.isDirectory) throw dockerError("conflict", "not a directory");
}
