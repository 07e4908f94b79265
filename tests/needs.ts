/** What a test needs of the machine it runs on. @module */

import { findProgram } from "../scripts/prerequisites.ts";

/** A need that {@linkcode needs} can check. */
export type Need = "root" | "nft";

const CHECKS: Readonly<Record<Need, () => boolean>> = {
  root: () => Deno.uid() === 0,
  nft: () => findProgram("nft") !== undefined,
};

/**
 * Whether a test can run here; give the negation to `ignore`.
 *
 * With `WHERRY_REQUIRE_ALL=1` always true, so that a missing need is a failure and not a silent skip.
 */
export function needs(...wanted: readonly Need[]): boolean {
  return Deno.env.get("WHERRY_REQUIRE_ALL") === "1" || wanted.every((need) => CHECKS[need]());
}
