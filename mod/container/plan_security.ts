/** The steps that take away what the processes of a container must not do. @module */

import type { Identity } from "./identity.ts";
import type { LaunchInput } from "./launch_input.ts";
import type { Step } from "./plan.ts";
import type { ProcessSecurity } from "./process_security.ts";

/** What is hidden by default. @see `oci/defaults.go` of moby */
export const MASKED_PATHS: readonly string[] = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];

/** What cannot be written by default. @see `oci/defaults.go` of moby */
export const READONLY_PATHS: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** What is done inside the new root while there is still every privilege. */
export function planHardening({ config, network }: LaunchInput): Step[] {
  const { domainname } = config;
  const ownsNetwork = network === "new" || network === "sandbox";
  return [
    ...(config.namespaces.uts === "host" ? [] : [["sethostname", config.hostname] as const]),
    ...(domainname === "" ? [] : [["setdomainname", domainname] as const]),
    ...(ownsNetwork
      ? [
        ["loopback-up"] as const,
        ["sysctl", "net/ipv4/ip_unprivileged_port_start", "0"] as const,
        ["sysctl", "net/ipv4/ping_group_range", "0 2147483647"] as const,
      ]
      : []),
    ...MASKED_PATHS.map((path): Step => ["mask", path]),
    ...READONLY_PATHS.map((path): Step => ["readonly", path]),
    ...(config.isReadOnly ? [["remount-root-readonly"] as const] : []),
  ];
}

/** Who the process is and what it may do. */
export function planIdentity(
  { uid, gid, groups }: Identity,
  { capabilities }: ProcessSecurity,
): Step[] {
  const mask = capabilities.toString(16);
  // execve takes them from other users anyway, but the PID 1 of --init never calls it
  const held = uid === 0 ? mask : "0";
  return [
    ["bounding", mask],
    ["user", String(uid), String(gid), ...groups.map(String)],
    ["capset", held, held, "0", "0"],
  ];
}

/** Mode bits as the monitor reads them, `0022` for example. */
export function formatMode(mode: number): string {
  return `0${mode.toString(8).padStart(3, "0")}`;
}
