/** Which capabilities a container gets, of what was asked for and what there is. @module */

import { dockerError } from "../../errors.ts";
import { capabilityBit, capabilityMask, DEFAULT_CAPABILITIES } from "../../kernel/capability.ts";
import type { Security } from "./security.ts";

/** What stands for every capability. */
const ALL = "ALL";

/** What a container may have. */
export interface CapabilityGrant {
  /** Bit mask of its bounding set, which is also what its root holds. */
  capabilities: bigint;
  /** Bit mask of what its user holds if that is not root. */
  ambient: bigint;
}

type CapabilityRequest = Pick<
  Security,
  "isPrivileged" | "addedCapabilities" | "droppedCapabilities"
>;

/**
 * The full names of capabilities.
 *
 * @param names With or without `CAP_`, in letters of any case, or `ALL`.
 * @param field What docker calls them in its message.
 * @throws {WherryError} `invalid_argument` if there is no such capability.
 */
export function completeCapabilities(
  names: readonly string[],
  field: "CapAdd" | "CapDrop",
): string[] {
  return names.map((text) => {
    const upper = text.toUpperCase();
    if (upper === ALL) return ALL;
    const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
    if (capabilityBit(name) !== 0n) return name;
    throw dockerError(
      "invalid_argument",
      `invalid ${field}: unknown capability: "${name}"`,
      text.includes(",") ? { hint: "Write the flag once for each capability" } : {},
    );
  });
}

/**
 * Decides which capabilities a container gets.
 *
 * `ALL`, and a privileged container, get what there is; one that is asked for by name must be there. One that is
 * both added and dropped is added, as with docker. Unlike docker, a privileged container does not get what is dropped.
 *
 * @param readAvailable Reads which there are; called only if it matters.
 * @throws {WherryError} `unsupported` for one that is missing here, `invalid_argument` for all both added and dropped.
 */
export function grantCapabilities(
  { isPrivileged, addedCapabilities: added, droppedCapabilities: dropped }: CapabilityRequest,
  readAvailable: () => bigint,
): CapabilityGrant {
  if (!isPrivileged && added.length + dropped.length === 0) {
    return { capabilities: DEFAULT_CAPABILITIES, ambient: 0n };
  }
  const addsAll = added.includes(ALL);
  const dropsAll = dropped.includes(ALL);
  if (addsAll && dropsAll) {
    throw dockerError(
      "invalid_argument",
      "adding all caps and removing all caps not allowed",
      { hint: "Leave out one of --cap-add ALL and --cap-drop ALL" },
    );
  }
  const available = isPrivileged || added.length > 0 ? readAvailable() : 0n;
  for (const name of added) checkAvailable(name, available);
  const named = capabilityMask(added);
  const basis = isPrivileged || addsAll ? available : DEFAULT_CAPABILITIES;
  const kept = dropsAll ? 0n : basis & ~capabilityMask(dropped);
  const capabilities = addsAll ? kept : kept | named;
  return { capabilities, ambient: (addsAll ? available : named) & capabilities };
}

function checkAvailable(name: string, available: bigint): void {
  if (name === ALL || (capabilityBit(name) & available) !== 0n) return;
  throw dockerError(
    "unsupported",
    "invalid CapAdd: capability not supported by your kernel or not available in the current " +
      `environment: "${name}"`,
  );
}
