/** Capabilities by name and as the kernel's bit mask: bit N stands for number N. @see capabilities(7) @module */

/** Without `CAP_`, in the order of their numbers. One text, because hardly any container needs it. */
const NAMES = "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP " +
  "LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER " +
  "SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE " +
  "SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP " +
  "MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF " +
  "CHECKPOINT_RESTORE";

/**
 * What a container may do by default: docker's fourteen, CAP_CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID,
 * SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, MKNOD, AUDIT_WRITE and SETFCAP.
 *
 * @see `oci/caps/defaults.go` of moby
 */
export const DEFAULT_CAPABILITIES = 0xa80425fbn;

/** All that Linux knows since 5.9. */
export const ALL_CAPABILITIES = (1n << 41n) - 1n;

/**
 * The bit of one capability.
 *
 * @param name With `CAP_`, in capital letters.
 * @returns 0 if there is no such capability.
 */
export function capabilityBit(name: string): bigint {
  const number = name.startsWith("CAP_") ? NAMES.split(" ").indexOf(name.slice(4)) : -1;
  return number < 0 ? 0n : 1n << BigInt(number);
}

/** The bit mask of `names`; those that do not exist have no bit. */
export function capabilityMask(names: readonly string[]): bigint {
  return names.reduce((mask, name) => mask | capabilityBit(name), 0n);
}

/** The names of the bits that are set, with `CAP_`, in the order of their numbers. */
export function capabilityNames(mask: bigint): string[] {
  return NAMES.split(" ").map((name) => `CAP_${name}`).filter((name) =>
    (mask & capabilityBit(name)) !== 0n
  );
}

/** The bit mask of all that this process can let a program do. @see proc_pid_status(5), "CapPrm" and "CapBnd" */
export function readAvailableCapabilities(): bigint {
  const status = Deno.readTextFileSync("/proc/self/status");
  return readMask(status, "CapPrm") & readMask(status, "CapBnd");
}

function readMask(status: string, field: string): bigint {
  const [, hex = "0"] = new RegExp(`^${field}:\\s*([0-9a-f]+)$`, "m").exec(status) ?? [];
  return BigInt(`0x${hex}`);
}
