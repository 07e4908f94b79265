/** Refuses docker's flags that no container of wherry can have. @module */

import { WherryError } from "../../errors.ts";
import type { UNOFFERED_FLAGS } from "../definitions/unoffered_flags.ts";
import { EXIT_ENGINE_FAILURE } from "../base/exit_code.ts";
import type { ParsedFlags } from "../base/flags.ts";

type UnofferedFlags = ParsedFlags<typeof UNOFFERED_FLAGS>["flags"];

interface Refusal {
  readonly why: string;
  readonly hint: string;
}

const ON_WINDOWS: Refusal = {
  why: "it is for containers of Windows",
  hint: "See 'wherry run --help' for the limits there are",
};

const REFUSALS: Readonly<Record<keyof UnofferedFlags, Refusal>> = {
  "annotation": {
    why: "annotations are for an OCI runtime, and wherry calls none",
    hint: "Set metadata with --label",
  },
  "cpu-count": { ...ON_WINDOWS, hint: "Use --cpus" },
  "cpu-percent": { ...ON_WINDOWS, hint: "Use --cpus" },
  "disable-content-trust": {
    why: "wherry verifies no signatures of images",
    hint: "Name the image by its digest, as in NAME@sha256:...",
  },
  "io-maxbandwidth": { ...ON_WINDOWS, hint: "Use --device-read-bps and --device-write-bps" },
  "io-maxiops": { ...ON_WINDOWS, hint: "Use --device-read-iops and --device-write-iops" },
  "isolation": ON_WINDOWS,
  "link-local-ip": {
    why: "links get no further addresses",
    hint: "Choose the container's address with --ip or --ip6",
  },
  "runtime": {
    why: "wherry runs containers itself and calls no other program",
    hint: "Leave it out",
  },
  "storage-opt": {
    why: "the root file system of a container takes no options",
    hint: "Use --read-only, with --tmpfs PATH:size=SIZE for what is written",
  },
  "use-api-socket": {
    why: "no engine listens on a socket",
    hint: "Leave it out",
  },
};

/** Values that say what is so anyway. */
const HARMLESS: Readonly<Partial<Record<keyof UnofferedFlags, readonly unknown[]>>> = {
  "disable-content-trust": [true],
  "isolation": ["", "default"],
  "runtime": ["", "wherry"],
  "use-api-socket": [false],
};

/** The flags, and the names of those that were given. */
export interface GivenFlags {
  readonly flags: UnofferedFlags;
  readonly given: ReadonlySet<string>;
}

/**
 * Refuses flags that would have no effect, unless their value is what every container has.
 *
 * @throws {WherryError} `unsupported`, saying why.
 */
export function refuseUnoffered({ flags, given }: GivenFlags): void {
  for (const name of Object.keys(REFUSALS) as (keyof UnofferedFlags)[]) {
    if (!given.has(name) || HARMLESS[name]?.includes(flags[name])) continue;
    const { why, hint } = REFUSALS[name];
    throw new WherryError("unsupported", `Cannot use --${name}: ${why}`, {
      hint,
      exitCode: EXIT_ENGINE_FAILURE,
    });
  }
}

/**
 * Refuses to verify or make signatures, for `pull` and `push`.
 *
 * @throws {WherryError} `unsupported`, saying why.
 */
export function checkContentTrust(flags: { readonly "disable-content-trust": boolean }): void {
  if (flags["disable-content-trust"]) return;
  throw new WherryError(
    "unsupported",
    "Cannot use --disable-content-trust=false: wherry neither makes nor verifies signatures",
    { hint: REFUSALS["disable-content-trust"].hint },
  );
}
