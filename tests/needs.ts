/** What a test needs of the machine it runs on. @module */

import { findProgram } from "../scripts/prerequisites.ts";

/** A need that {@linkcode needs} can check. */
export type Need = "root" | "nft" | "podman" | "skopeo" | "umoci" | "dockerd";

const CHECKS: Readonly<Record<Need, () => boolean>> = {
  root: () => Deno.uid() === 0,
  nft: () => findProgram("nft") !== undefined,
  podman: () => findProgram("podman") !== undefined,
  skopeo: () => findProgram("skopeo") !== undefined,
  umoci: () => findProgram("umoci") !== undefined,
  dockerd: () =>
    ["docker", "dockerd", "containerd"].every((program) => findProgram(program) !== undefined),
};

/**
 * Whether a test can run here; give the negation to `ignore`.
 *
 * With `WHERRY_REQUIRE_ALL=1` always true, so that a missing need is a failure and not a silent skip.
 */
export function needs(...wanted: readonly Need[]): boolean {
  return Deno.env.get("WHERRY_REQUIRE_ALL") === "1" || wanted.every((need) => CHECKS[need]());
}
