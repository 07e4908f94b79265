/** Choosing ids for a container among those that a host has to spare; pure. @module */

import type { IdRange } from "./namespaces.ts";

/**
 * Takes `/etc/subuid` or `/etc/subgid` apart.
 *
 * @param text Its content; lines that make no sense are nobody's.
 * @see subuid(5)
 */
export function parseSubordinateIds(text: string): (IdRange & { owner: string })[] {
  return text.split("\n").flatMap((line) => {
    const [, owner = "", first, count] = /^([^:#]+):(\d+):(\d+)\s*$/.exec(line) ?? [];
    return first === undefined || Number(count) === 0
      ? []
      : [{ owner, first: Number(first), count: Number(count) }];
  });
}

/**
 * The ids in lines of passwd(5) or group(5), each as a range of one.
 *
 * @param text The file's content.
 */
export function parseAccountIds(text: string): IdRange[] {
  return text.split("\n").flatMap((line) => {
    const [, id] = /^[^:]*:[^:]*:(\d+)(?::|$)/.exec(line) ?? [];
    return id === undefined ? [] : [{ first: Number(id), count: 1 }];
  });
}

/** What two lists of ranges have in common. */
export function intersectRanges(some: readonly IdRange[], others: readonly IdRange[]): IdRange[] {
  return some.flatMap((a) =>
    others.flatMap((b) => {
      const first = Math.max(a.first, b.first);
      const count = Math.min(a.first + a.count, b.first + b.count) - first;
      return count > 0 ? [{ first, count }] : [];
    })
  );
}

/**
 * The lowest range that is free.
 *
 * @param pools Where to look, in this order.
 * @param taken In any order, and they may overlap.
 * @param count How many ids.
 * @returns `undefined` if there is none.
 */
export function findFreeRange(
  pools: readonly IdRange[],
  taken: readonly IdRange[],
  count: number,
): IdRange | undefined {
  const sorted = taken.toSorted((a, b) => a.first - b.first);
  for (const pool of pools) {
    let first = pool.first;
    for (const range of sorted) {
      if (range.first >= first + count) break;
      first = Math.max(first, range.first + range.count);
    }
    if (first + count <= pool.first + pool.count) return { first, count };
  }
  return undefined;
}
