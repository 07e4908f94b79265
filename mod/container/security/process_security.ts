/** What a process of a container may do, once it is known on which host. @module */

import { DEFAULT_CAPABILITIES } from "../../kernel/capability.ts";

/** A limit of setrlimit(2). */
export interface ResourceLimit {
  /** Number of the kernel's `RLIMIT_` constant. */
  resource: number;
  /** What counts; -1 for none. */
  soft: bigint;
  /** How far the process may raise that; -1 for any height. */
  hard: bigint;
}

/** What each system call of a process passes. @see seccomp(2) */
export interface SeccompFilter {
  /** `SECCOMP_FILTER_FLAG_` bits. */
  flags: number;
  /** The BPF program: hexadecimal digits of `struct sock_filter`s. */
  program: string;
}

/** What a process may do. */
export interface ProcessSecurity {
  /** Bit mask of its bounding set, which is also what it holds as far as its user is root. */
  capabilities: bigint;
  /** Bit mask of what it holds as another user. */
  ambient: bigint;
  /** Whether no program that it executes can have more rights than it has. */
  hasNoNewPrivileges: boolean;
  /** `undefined` for all that the kernel offers. */
  seccompFilter: SeccompFilter | undefined;
  /** Name of the AppArmor profile that confines it; `undefined` for the monitor's own. */
  apparmorProfile: string | undefined;
  /** Of itself and of what it starts. */
  limits: readonly ResourceLimit[];
  /** Mode bits that its new files do not get. */
  umask: number;
  /** How soon the kernel ends it when memory is short, -1000 to 1000; `undefined` for the monitor's own. */
  oomScoreAdj: number | undefined;
}

/** Of a container of which nobody said anything. */
export const DEFAULT_PROCESS_SECURITY: Readonly<ProcessSecurity> = {
  capabilities: DEFAULT_CAPABILITIES,
  ambient: 0n,
  hasNoNewPrivileges: false,
  seccompFilter: undefined,
  apparmorProfile: undefined,
  limits: [],
  umask: 0o022,
  oomScoreAdj: undefined,
};
