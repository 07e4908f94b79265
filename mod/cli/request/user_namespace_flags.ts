/** The value of `--userns`. @module */

import type { BindMount } from "../../container/record/mounts.ts";
import { OWN_IDS } from "../../container/record/namespaces.ts";
import { flagError } from "../base/argument_error.ts";

/** As many as 16-bit ids name, `nobody` among them. */
const DEFAULT_SIZE = 65_536;

/** Podman's words that are not taken, and why. */
const REFUSED: readonly (readonly [prefix: string, reason: string])[] = [
  ["keep-id", "wherry runs as root, whose id would be the host's"],
  ["nomap", "wherry runs as root, whose id nobody else could keep out"],
  ["container:", "each container has ids that no other one has"],
  ["ns:", "wherry makes the namespace itself"],
];

/**
 * Reads the flag.
 *
 * @returns How many ids of its own the container gets; `undefined` for the host's.
 * @throws {WherryError} `invalid_argument` for anything else than `host` and `auto[:size=N]`.
 */
export function parseUserNamespace(text: string | undefined): number | undefined {
  if (text === undefined || text === "" || text === "host") return undefined;
  const [, options] = /^auto(?::(.*))?$/.exec(text) ?? [];
  if (text === "auto" || options !== undefined) return parseSize(options, text);
  const [, reason] = REFUSED.find(([prefix]) => text.startsWith(prefix)) ?? [];
  throw flagError(
    `invalid USER mode: "${text}"` + (reason === undefined ? "" : `: ${reason}`),
    { hint: "Write --userns auto, --userns auto:size=N or --userns host" },
  );
}

function parseSize(options: string | undefined, text: string): number {
  if (options === undefined) return DEFAULT_SIZE;
  const [, digits] = /^size=(\d+)$/.exec(options) ?? [];
  if (digits === undefined) {
    throw flagError(`invalid USER mode: "${text}": auto takes size=N and nothing else`);
  }
  const size = Number(digits);
  if (size >= OWN_IDS.min && size <= OWN_IDS.max) return size;
  throw flagError(
    `invalid USER mode: "${text}": a container has ${OWN_IDS.min} to ${OWN_IDS.max} ids of its own`,
  );
}

/**
 * Checks what goes along with the flag.
 *
 * @throws {WherryError} `invalid_argument` if there are no ids that `idmap` could mean.
 */
export function checkUserNamespace(
  ownIds: number | undefined,
  volumes: readonly BindMount[],
): void {
  const mapped = volumes.find(({ isIdMapped = false }) => isIdMapped);
  if (mapped === undefined || ownIds !== undefined) return;
  throw flagError(
    `Cannot mount "${mapped.source}" with idmap: the container has no ids of its own`,
    { hint: "Add --userns auto, or leave out idmap" },
  );
}
