/** Which filter the system calls of a container's processes pass. @module */

import { DEFAULT_SECCOMP_PROGRAMS } from "../../container/security/default_seccomp_filter.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import type { ProcessSecurity, SeccompFilter } from "../../container/security/process_security.ts";
import type { Security } from "../../container/security/security.ts";
import { ALL_CAPABILITIES, capabilityMask } from "../../kernel/capability.ts";
import { SECCOMP_FLAG } from "../../kernel/seccomp.ts";
import { containerSecurity } from "./security.ts";

/**
 * The capabilities for which the default profile lets more through.
 *
 * CAP_SYS_CHROOT is not among them: a container without it may have the filter of those with it, because the kernel
 * refuses it chroot(2) all the same.
 */
export const FILTERED_CAPABILITIES = 0xc406fb0004n;

/** What is said about the system calls of a container. */
type SeccompRequest = Pick<Security, "seccomp" | "isPrivileged">;

/** Whether somebody has to read a profile before the container can be started. */
function needsCompiler({ seccomp, isPrivileged }: SeccompRequest, capabilities: bigint): boolean {
  if (seccomp.type !== "default") return seccomp.type === "profile";
  return !isPrivileged && (capabilities & FILTERED_CAPABILITIES) !== 0n;
}

/**
 * Loads what starting a container takes that is still to be made, and checks its profile; the first thing that a
 * command does.
 *
 * @throws {WherryError} `invalid_argument` or `unsupported` if its profile cannot be used.
 */
export async function loadRequestedSeccomp(security: Security): Promise<void> {
  const { seccomp, addedCapabilities } = security;
  const added = addedCapabilities.includes("ALL")
    ? ALL_CAPABILITIES
    : capabilityMask(addedCapabilities);
  if (!needsCompiler(security, added)) return;
  const { checkProfile } = await loadSeccompCompiler();
  checkProfile(seccomp);
}

/** Loads what reading profiles takes. */
export async function loadSeccompCompiler(): Promise<typeof import("./seccomp_compiler.ts")> {
  return await import("./seccomp_compiler.ts");
}

/**
 * Loads what starting a process of a container takes whose system calls are filtered in an unusual way; the first thing
 * that a command does.
 *
 * @throws {WherryError} If this host cannot give the container what was asked for.
 */
export async function loadSeccompSupport(config: ContainerConfig): Promise<void> {
  const { capabilities } = containerSecurity(config);
  if (needsCompiler(config.security, capabilities)) await loadSeccompCompiler();
}

/**
 * Adds the filter of the container to what one of its processes may do.
 *
 * @param capabilities Bit mask of the container's bounding set. @default {the process's}
 * @throws {WherryError} `invalid_argument` or `unsupported` if its profile cannot be used.
 */
export async function withFilter(
  request: SeccompRequest,
  security: ProcessSecurity,
  { capabilities = security.capabilities }: { capabilities?: bigint } = {},
): Promise<ProcessSecurity> {
  return { ...security, seccompFilter: await resolveFilter(request, capabilities) };
}

/**
 * The filter of a container.
 *
 * @param capabilities Bit mask of its bounding set.
 * @returns `undefined` if nothing is filtered, as in a privileged container of which nobody said otherwise.
 * @throws {WherryError} `invalid_argument` or `unsupported` if its profile cannot be used.
 */
export async function resolveFilter(
  request: SeccompRequest,
  capabilities: bigint,
): Promise<SeccompFilter | undefined> {
  const { seccomp, isPrivileged } = request;
  if (needsCompiler(request, capabilities)) {
    const { compileFilter } = await loadSeccompCompiler();
    return compileFilter(seccomp, capabilities);
  }
  if (seccomp.type === "unconfined" || isPrivileged) return undefined;
  return { flags: SECCOMP_FLAG.SPEC_ALLOW, program: DEFAULT_SECCOMP_PROGRAMS[Deno.build.arch] };
}
