/** The storage driver `copy`. @module */

import { copyMerged } from "../image/merged_copy.ts";
import type { Engine } from "./engine.ts";

/**
 * Makes a container's root file system of its own.
 *
 * @param lowerDirectories Of its image, base layer first.
 * @param target Must exist and be empty.
 * @throws {SystemError} For example `ENOSPC`; the caller removes what was made.
 */
export function copyRoot(
  { onWarning }: Engine,
  lowerDirectories: readonly string[],
  target: string,
): void {
  const sources = lowerDirectories.toReversed().map((path) => ({ path, mayHoldMounts: false }));
  const skipped = copyMerged(sources, target);
  if (skipped.size > 0) {
    onWarning(`The file system of the container keeps no ${[...skipped].join(", ")}`);
  }
}
