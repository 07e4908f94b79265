/** What a test needs of the machine it runs on. @module */

import { findProgram } from "../scripts/prerequisites.ts";
import { exists } from "./harness.ts";
import { hasLinkKind } from "./link_kinds.ts";

/** A need that {@linkcode needs} can check. */
export type Need =
  | "root"
  | "cgroup2"
  | "nft"
  | "ipvlan"
  | "vlan"
  | "loop"
  | "podman"
  | "skopeo"
  | "umoci"
  | "strace"
  | "dockerd";

const CHECKS: Readonly<Record<Need, () => boolean>> = {
  root: () => Deno.uid() === 0,
  cgroup2: () => exists("/sys/fs/cgroup/cgroup.controllers"),
  nft: () => findProgram("nft") !== undefined,
  ipvlan: () => hasLinkKind("ipvlan"),
  vlan: () => hasLinkKind("vlan"),
  loop: () => Array.from(Deno.readDirSync("/dev"), ({ name }) => name).includes("loop-control"),
  podman: () => findProgram("podman") !== undefined,
  skopeo: () => findProgram("skopeo") !== undefined,
  strace: () => findProgram("strace") !== undefined,
  umoci: () => findProgram("umoci") !== undefined,
  dockerd: () =>
    ["docker", "dockerd", "containerd"].every((program) => findProgram(program) !== undefined),
};

/** Those that depend on the kernel and how it was started: nothing that is installed helps. */
const OF_KERNEL: readonly Need[] = ["cgroup2", "ipvlan", "vlan", "loop"];

/**
 * Whether a test can run here; give the negation to `ignore`.
 *
 * With `WHERRY_REQUIRE_ALL=1` true for what can be installed, so that a missing need is a failure and not a silent
 * skip; with `WHERRY_REQUIRE_KERNEL=1` for what the kernel must have, too.
 */
export function needs(...wanted: readonly Need[]): boolean {
  return wanted.every((need) => {
    const variable = OF_KERNEL.includes(need) ? "WHERRY_REQUIRE_KERNEL" : "WHERRY_REQUIRE_ALL";
    return Deno.env.get(variable) === "1" || CHECKS[need]();
  });
}
