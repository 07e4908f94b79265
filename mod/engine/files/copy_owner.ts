/** Whose a copy is: ids inside a container, and the numbers that the host has for them. @module */

import type { IdRange } from "../../container/record/namespaces.ts";
import { WherryError } from "../../errors.ts";
import type { Owner } from "../../image/layer/copy_writer.ts";

/** What the kernel shows in place of an id that a container has none for. */
const OVERFLOW_ID = 65_534;

/**
 * The host's numbers of an owner inside.
 *
 * @param range `null` if the container has the host's ids.
 * @throws {WherryError} `unsupported` if the container has no such ids.
 */
export function ownerOnHost({ uid, gid }: Owner, range: IdRange | null): Owner {
  if (range === null) return { uid, gid };
  const translate = (id: number): number => {
    if (id < range.count) return range.first + id;
    throw new WherryError(
      "unsupported",
      `Cannot give a file to ${uid}:${gid}: the container's ids end at ${range.count - 1}`,
      {
        hint:
          "Give the file to another owner first, or the container more with --userns auto:size=N",
      },
    );
  };
  return { uid: translate(uid), gid: translate(gid) };
}

/**
 * An owner's ids inside; those of nobody for what the container has no ids for, as it sees it itself.
 *
 * @param range `null` if the container has the host's ids.
 */
export function ownerInside({ uid, gid }: Owner, range: IdRange | null): Owner {
  if (range === null) return { uid, gid };
  const translate = (id: number): number => {
    const inside = id - range.first;
    return inside >= 0 && inside < range.count ? inside : OVERFLOW_ID;
  };
  return { uid: translate(uid), gid: translate(gid) };
}
