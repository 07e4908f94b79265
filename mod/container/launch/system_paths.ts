/** What of /proc and /sys a container does not see or cannot write. @module */

import { isPresent } from "../../kernel/entry.ts";
import type { Security } from "../security/security.ts";

/** @see `oci/defaults.go` of moby */
const MASKED_PATHS: readonly string[] = [
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

/** @see `oci/defaults.go` of moby */
const READONLY_PATHS: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** Absolute paths inside that get special treatment. Those that do not exist are left out. */
export interface SystemPaths {
  /** Hidden. */
  masked: readonly string[];
  /** Visible, but nobody can write there. */
  readOnly: readonly string[];
}

/**
 * Those of a container on this host.
 *
 * @param sysfs Where the host has its sysfs.
 */
export function systemPathsOf(
  { isPrivileged, maskedPaths, readonlyPaths }: Pick<
    Security,
    "isPrivileged" | "maskedPaths" | "readonlyPaths"
  >,
  sysfs = "/sys",
): SystemPaths {
  return {
    masked: maskedPaths ?? (isPrivileged ? [] : [...MASKED_PATHS, ...thermalPaths(sysfs)]),
    readOnly: readonlyPaths ?? (isPrivileged ? [] : READONLY_PATHS),
  };
}

const PROCESSORS = "devices/system/cpu";

/**
 * Counters that tell how hot each processor is, and so what others do on this machine.
 *
 * @see {@link https://github.com/moby/moby/security/advisories/GHSA-6fw5-f8r9-fgfm}
 */
function thermalPaths(sysfs: string): string[] {
  const nameOf = (processor: number): string => `${PROCESSORS}/cpu${processor}/thermal_throttle`;
  // Virtual machines have none, and there is always a processor 0
  if (!isPresent(`${sysfs}/${nameOf(0)}`)) return [];
  return parseRanges(Deno.readTextFileSync(`${sysfs}/${PROCESSORS}/possible`))
    .map(nameOf)
    .filter((name) => isPresent(`${sysfs}/${name}`))
    .map((name) => `/sys/${name}`);
}

/** The numbers of a list as the kernel writes it, for example `"0-3,8"`. */
function parseRanges(text: string): number[] {
  return text.trim().split(",").flatMap((range) => {
    const [first = "", last = first] = range.split("-");
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i);
  });
}
