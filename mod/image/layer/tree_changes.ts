/** What a container has changed in its files, path by path, as docker's `diff` tells it. @module */

import { type FileStatus, findAttribute } from "../../kernel/file_reading.ts";
import type { ByteString } from "../tar/byte_string.ts";
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
  /** What has become of it. */
  kind: "added" | "changed" | "deleted";
  /** Relative to the root. */
  path: ByteString;
}

const CAPABILITY = "security.capability";

/** Where the files are that a container has now. */
export interface ChangedTree {
  /** May be in use by a container. */
  path: string;
  /** Whether all files are in it, in place of an upper directory of overlayfs with the changed ones. */
  isWhole: boolean;
}

/**
 * Compares what a container has with what is below it.
 *
 * As with docker, a directory counts as changed when something in it is or when its owner or mode is another, and a
 * file when owner, mode, size, time of modification or capabilities are. A new directory is not told of when all that is
 * in it is excluded.
 *
 * @param lower Directories of the layers below, the topmost first.
 * @returns Directories before what is in them, sorted by name.
 * @throws {SystemError} If they cannot be read.
 */
export function treeChanges(
  { path, isWhole }: ChangedTree,
  lower: readonly TreeSource[],
  { isExcluded = () => false }: WalkOptions = {},
): TreeChange[] {
  using after = LayeredTree.openLayer(path);
  using before = LayeredTree.openMerged(lower);
  return changesIn({ after, before, isExcluded, isWhole });
}

interface Comparison
  extends Required<Pick<WalkOptions, "isExcluded">>, Pick<ChangedTree, "isWhole"> {
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
  /** `undefined` for a directory as long as nothing in it is known to have changed. */
  kind: TreeChange["kind"] | undefined;
  /** What is in it, if it is a directory. */
  inside: ComparedDirectory | undefined;
  /** The directory that it is in; `undefined` in the root. */
  parent: ComparedEntry | undefined;
}

/** Does not call itself for what is in a directory: a container can make thousands, each in the one before. */
function changesIn(comparison: Comparison): TreeChange[] {
  const { after, before } = comparison;
  const root = { after: after.root, before: before.root };
  const compared: ComparedEntry[] = [];
  const pending = compareEntries(comparison, root).entries.reverse();
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    compared.push(entry);
    for (const child of compareInside(comparison, entry).reverse()) pending.push(child);
  }
  return compared.flatMap(({ kind, path }) => kind === undefined ? [] : [{ kind, path }]);
}

/** @returns What is in a directory, sorted; nothing for what is none. */
function compareInside(comparison: Comparison, entry: ComparedEntry): ComparedEntry[] {
  const { inside } = entry;
  const { entries, holdsExcludedOnly } = inside === undefined
    ? { entries: [], holdsExcludedOnly: false }
    : compareEntries(comparison, inside, entry);
  if (entry.kind === "added" && holdsExcludedOnly) entry.kind = undefined;
  if (entry.kind !== undefined) markParents(entry);
  return entries;
}

/** A directory in which something has changed has changed, and so have those that it is in. */
function markParents({ parent }: ComparedEntry): void {
  for (let at = parent; at !== undefined && at.kind === undefined; at = at.parent) {
    at.kind = "changed";
  }
}

/** What is in a directory. */
interface DirectoryEntries {
  /** Sorted. */
  entries: ComparedEntry[];
  /** Whether all that is in it is excluded, so that it may be there for that alone. */
  holdsExcludedOnly: boolean;
}

/** Compares what is in a directory, which is closed by the time what is in its directories is looked at. */
function compareEntries(
  { after, before, isExcluded, isWhole }: Comparison,
  place: ComparedDirectory,
  parent?: ComparedEntry,
): DirectoryEntries {
  using newer = after.open(place.after);
  using older = place.before === undefined ? undefined : before.open(place.before);
  if (newer === undefined) return { entries: [], holdsExcludedOnly: false };
  const names = newer.names();
  // What an opaque directory does not repeat is gone
  const hidden = newer.isOpaque || isWhole ? older?.names() ?? [] : [];
  const isTold = (name: ByteString): boolean => !isExcluded(newer.pathOf(name));
  const entries = [...new Set([...names, ...hidden])].sort()
    .filter(isTold)
    .flatMap((name) => compareEntry(name, newer, older) ?? [])
    .map((entry) => ({ ...entry, parent }));
  return { entries, holdsExcludedOnly: names.length > 0 && !names.some(isTold) };
}

function compareEntry(
  name: ByteString,
  newer: OpenDirectory,
  older: OpenDirectory | undefined,
): Omit<ComparedEntry, "parent"> | undefined {
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
