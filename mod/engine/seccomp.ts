/** Which filter the system calls of a container's processes pass. @module */

import { DEFAULT_SECCOMP_PROGRAMS } from "../container/default_seccomp_filter.ts";
import type { SeccompFilter } from "../container/process_security.ts";
import type { Security } from "../container/security.ts";
import { SECCOMP_FLAG } from "../kernel/seccomp.ts";

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

/** Loads what reading profiles takes. */
export async function loadSeccompCompiler(): Promise<typeof import("./seccomp_compiler.ts")> {
  return await import("./seccomp_compiler.ts");
}

/**
 * Loads what starting a container takes whose system calls are filtered in an unusual way; the first thing that a
 * command does.
 *
 * @param capabilities Bit mask of its bounding set.
 */
export async function loadSeccompSupport(
  request: SeccompRequest,
  capabilities: bigint,
): Promise<void> {
  if (needsCompiler(request, capabilities)) await loadSeccompCompiler();
}

/**
 * The filter of a container.
 *
 * @param capabilities Bit mask of its bounding set.
 * @returns `undefined` if nothing is filtered, as in a privileged container of which nobody said otherwise.
 * @throws {WherryError} `invalid_argument` or `unsupported` if its profile cannot be used.
 */
export async function resolveSeccomp(
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
