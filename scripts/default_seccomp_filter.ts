/**
 * Writes `mod/container/security/default_seccomp_filter.ts`: the filter of usual containers, so that no command has to make it.
 *
 * Run it after a change of the default profile or of the compiler; a test compares what is checked in.
 *
 * @module
 */

import { DEFAULT_PROFILE } from "../mod/container/security/default_seccomp.ts";
import { compileSeccomp, type HostArchitecture } from "../mod/container/security/seccomp_filter.ts";

const OUTPUT =
  new URL("../mod/container/security/default_seccomp_filter.ts", import.meta.url).pathname;

/** The only one of docker's default capabilities that the profile asks for. */
const CAPABILITIES: ReadonlySet<string> = new Set(["CAP_SYS_CHROOT"]);

/** None that wherry runs on is older. */
const KERNEL = [5, 11] as const;

/** The program of a container with default capabilities. */
export function compileDefault(architecture: HostArchitecture): string {
  return compileSeccomp(DEFAULT_PROFILE, {
    architecture,
    capabilities: CAPABILITIES,
    kernel: KERNEL,
  })
    .program;
}

/** The text of the file. */
function format(): string {
  return `/**
 * The filter of a container with the usual capabilities, made by \`scripts/default_seccomp_filter.ts\`.
 *
 * @module
 */

/** Programs as \`SeccompFilter\` has them, by the machine that they are for. */
export const DEFAULT_SECCOMP_PROGRAMS = {
  // deno-fmt-ignore
  "x86_64": "${compileDefault("x86_64")}",
  // deno-fmt-ignore
  "aarch64": "${compileDefault("aarch64")}",
} as const;
`;
}

if (import.meta.main) await Deno.writeTextFile(OUTPUT, format());
