/** Filters of containers that are not as most are; loaded when there is one. @module */

import { DEFAULT_PROFILE } from "../../container/security/default_seccomp.ts";
import type { SeccompFilter } from "../../container/security/process_security.ts";
import { compileSeccomp } from "../../container/security/seccomp_filter.ts";
import {
  type KernelRelease,
  parseSeccompProfile,
  type SeccompProfile,
} from "../../container/security/seccomp_profile.ts";
import type { SeccompChoice } from "../../container/security/security.ts";
import { WherryError } from "../../errors.ts";
import { capabilityNames } from "../../kernel/capability.ts";

/**
 * Makes the filter of a container on this host.
 *
 * @param capabilities Bit mask of its bounding set.
 * @returns `undefined` if nothing is filtered.
 * @throws {WherryError} `invalid_argument` or `unsupported` if its profile cannot be used.
 */
export function compileFilter(
  choice: SeccompChoice,
  capabilities: bigint,
): SeccompFilter | undefined {
  const profile = profileOf(choice);
  return profile === undefined ? undefined : compileHere(profile, capabilities);
}

function profileOf(choice: SeccompChoice): SeccompProfile | undefined {
  switch (choice.type) {
    case "default":
      return DEFAULT_PROFILE;
    case "profile":
      return parseSeccompProfile(choice.json, choice.file);
    case "unconfined":
      return undefined;
  }
}

/**
 * Checks a profile before there is a container.
 *
 * @throws {WherryError} As {@linkcode compileFilter} does.
 */
export function checkProfile(choice: SeccompChoice): void {
  compileFilter(choice, 0n);
}

function compileHere(profile: SeccompProfile, capabilities: bigint): SeccompFilter {
  try {
    return compileSeccomp(profile, {
      architecture: Deno.build.arch,
      capabilities: new Set(capabilityNames(capabilities)),
      kernel: kernelRelease(),
    });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new WherryError("invalid_argument", "Cannot use the seccomp profile: it is too long", {
      cause,
      hint: "Name fewer arguments of system calls",
    });
  }
}

function kernelRelease(): KernelRelease {
  const [version = 0, major = 0] = Deno.osRelease().split(/[.-]/).map(Number);
  return [version, major];
}
