/** Choosing what a prune removes: pure. @module */

/** What may be removed. */
export interface PruneFilter {
  /** Made before, in milliseconds since 1970. @default {whenever} */
  beforeMs?: number;
  /** Whether labels are those that somebody asks for. */
  matchesLabels(labels: Readonly<Record<string, string>>): boolean;
}

/** What a prune removed. */
export interface PruneResult {
  /** Ids of containers, or where else something was. */
  removed: string[];
  /** What their files took, in bytes. */
  reclaimedBytes: number;
  /** What went wrong with others. */
  failures: unknown[];
}

/** Whether a filter lets something go that was made at `createdAt`, RFC 3339. */
export function isPrunable(
  { beforeMs, matchesLabels }: PruneFilter,
  { createdAt, labels }: { createdAt: string; labels: Readonly<Record<string, string>> },
): boolean {
  const isOldEnough = beforeMs === undefined || Date.parse(createdAt) <= beforeMs;
  return isOldEnough && matchesLabels(labels);
}
