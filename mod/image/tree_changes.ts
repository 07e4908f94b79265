/** What a container has changed in its files, path by path, as docker's `diff` tells it. @module */

import { type FileStatus, findAttribute } from "../kernel/file_reading.ts";
import type { ByteString } from "./byte_string.ts";
import {
  type DirectoryPlace,
  type FoundEntry,
  isWhiteout,
  LayeredTree,
  type OpenDirectory,
  type TreeSource,
  type WalkOptions,
} from "./tree_walk.ts";

/** A path that is not what it was. */
export interface TreeChange {
  kind: "added" | "changed" | "deleted";
  /** Relative to the root. */
  path: ByteString;
}

const CAPABILITY = "security.capability";

/**
 * Compares what overlayfs has in an upper directory with what is below it.
 *
 * As with docker, a directory counts as changed when something in it is or when its owner or mode is another, and a
 * file when owner, mode, size, time of modification or capabilities are.
 *
 * @param upper May be in use by a container.
 * @param lower Directories of the layers below, the topmost first.
 * @returns Directories before what is in them, sorted by name.
 * @throws {SystemError} If they cannot be read.
 */
export function treeChanges(
  upper: string,
  lower: readonly TreeSource[],
  { isExcluded = () => false }: WalkOptions = {},
): TreeChange[] {
  using after = LayeredTree.openLayer(upper);
  using before = LayeredTree.openMerged(lower);
  const comparison = { after, before, isExcluded };
  return changesIn(comparison, { after: after.root, before: before.root });
}

interface Comparison extends Required<WalkOptions> {
  after: LayeredTree;
  before: LayeredTree;
}

/** One directory in both trees. */
interface ComparedDirectory {
  after: DirectoryPlace;
  /** `undefined` if it is new, or was no directory. */
  before: DirectoryPlace | undefined;
}

/** One name in a directory. */
interface ComparedEntry {
  path: ByteString;
  kind: TreeChange["kind"] | undefined;
  /** What is in it, if it is a directory. */
  inside: ComparedDirectory | undefined;
}

function changesIn(comparison: Comparison, place: ComparedDirectory): TreeChange[] {
  return compareEntries(comparison, place).flatMap(({ path, kind, inside }) => {
    const changes = inside === undefined ? [] : changesIn(comparison, inside);
    const own = kind ?? (changes.length > 0 ? "changed" : undefined);
    return own === undefined ? [] : [{ kind: own, path }, ...changes];
  });
}

/** Compares what is in a directory, which is closed by the time what is in its directories is looked at. */
function compareEntries(
  { after, before, isExcluded }: Comparison,
  place: ComparedDirectory,
): ComparedEntry[] {
  using newer = after.open(place.after);
  using older = place.before === undefined ? undefined : before.open(place.before);
  if (newer === undefined) return [];
  const names = newer.names();
  // What an opaque directory does not repeat is gone
  const hidden = newer.isOpaque ? older?.names() ?? [] : [];
  return [...new Set([...names, ...hidden])].sort()
    .filter((name) => !isExcluded(newer.pathOf(name)))
    .flatMap((name) => compareEntry(name, newer, older) ?? []);
}

function compareEntry(
  name: ByteString,
  newer: OpenDirectory,
  older: OpenDirectory | undefined,
): ComparedEntry | undefined {
  using current = newer.find(name);
  using former = older?.find(name);
  const path = newer.pathOf(name);
  if (current === undefined || isWhiteout(current.status)) {
    return former === undefined ? undefined : { path, kind: "deleted", inside: undefined };
  }
  const kind = former === undefined ? "added" : isChanged(former, current) ? "changed" : undefined;
  const isDirectory = current.status.type === "directory";
  const inside = isDirectory ? { after: current.place, before: placeOf(former) } : undefined;
  return { path, kind, inside };
}

function placeOf(entry: FoundEntry | undefined): DirectoryPlace | undefined {
  return entry?.status.type === "directory" ? entry.place : undefined;
}

function isChanged(former: FoundEntry, current: FoundEntry): boolean {
  const [a, b] = [former.status, current.status];
  if (OWN_FIELDS.some((field) => a[field] !== b[field])) return true;
  if (b.type === "directory") return false;
  return a.size !== b.size || !isSameTime(a, b) || !hasSameCapabilities(former, current);
}

const OWN_FIELDS = ["type", "mode", "uid", "gid", "deviceMajor", "deviceMinor"] as const;

function isSameTime({ modifiedAt: a }: FileStatus, { modifiedAt: b }: FileStatus): boolean {
  return a.seconds === b.seconds && a.nanoseconds === b.nanoseconds;
}

function hasSameCapabilities(former: FoundEntry, current: FoundEntry): boolean {
  const [a, b] = [findAttribute(former.fd, CAPABILITY), findAttribute(current.fd, CAPABILITY)];
  return a?.toHex() === b?.toHex();
}
