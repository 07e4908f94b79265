/** Capabilities by name and as the kernel's bit mask. @see capabilities(7) @module */

const NUMBERS = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_RAW: 13,
  CAP_SYS_CHROOT: 18,
  CAP_MKNOD: 27,
  CAP_AUDIT_WRITE: 29,
  CAP_SETFCAP: 31,
} as const;

/** Name of a capability. */
export type Capability = keyof typeof NUMBERS;

/**
 * What a container may do by default: docker's fourteen.
 *
 * @see `oci/caps/defaults.go` of moby
 */
export const DEFAULT_CAPABILITIES: readonly Capability[] = Object.keys(NUMBERS) as Capability[];

/** The kernel's bit mask of `capabilities`: bit N stands for number N. */
export function capabilityMask(capabilities: readonly Capability[]): bigint {
  return capabilities.reduce((mask, name) => mask | (1n << BigInt(NUMBERS[name])), 0n);
}

/** The bit mask of all that this process may do. @see proc_pid_status(5), "CapPrm" */
export function readPermittedCapabilities(): bigint {
  const [, hex = "0"] =
    /^CapPrm:\s*([0-9a-f]+)$/m.exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
  return BigInt(`0x${hex}`);
}
