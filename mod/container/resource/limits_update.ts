/** What limits become when some of them are changed: pure, with docker's checks. @module */

import { WherryError } from "../../errors.ts";
import { effectiveMemorySwap } from "./limits.ts";
import type { DeviceLimit, Resources } from "./resources.ts";

/** Limits that are to be different; of lists the devices that are named. As with docker, 0 and `""` change nothing. */
export type LimitChanges = Partial<
  Omit<Resources, "cgroupParent" | "isOomKillDisabled" | "memorySwappiness">
>;

/**
 * Changes limits.
 *
 * @throws {WherryError} `conflict` if a change contradicts what stays.
 */
export function mergeResources(old: Resources, wanted: LimitChanges): Resources {
  const changes: LimitChanges = Object.fromEntries(
    Object.entries(wanted).filter(([, value]) => value !== 0 && value !== ""),
  );
  checkCpuConflicts(old, changes);
  return {
    ...old,
    ...changes,
    memorySwap: mergeSwap(old, changes),
    blkioDeviceWeights: mergeDevices(old.blkioDeviceWeights, changes.blkioDeviceWeights),
    deviceReadBps: mergeDevices(old.deviceReadBps, changes.deviceReadBps),
    deviceWriteBps: mergeDevices(old.deviceWriteBps, changes.deviceWriteBps),
    deviceReadIops: mergeDevices(old.deviceReadIops, changes.deviceReadIops),
    deviceWriteIops: mergeDevices(old.deviceWriteIops, changes.deviceWriteIops),
  };
}

function conflict(message: string): never {
  throw new WherryError("conflict", message);
}

function checkCpuConflicts(old: Resources, changes: LimitChanges): void {
  if (changes.nanoCpus !== undefined && old.cpuPeriod > 0) {
    conflict(
      "Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set",
    );
  }
  if (changes.nanoCpus !== undefined && old.cpuQuota > 0) {
    conflict("Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set");
  }
  if (changes.cpuPeriod !== undefined && old.nanoCpus > 0) {
    conflict("Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set");
  }
  if (changes.cpuQuota !== undefined && old.nanoCpus > 0) {
    conflict("Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set");
  }
}

/** What limits memory and swap together stays when memory alone is changed. */
function mergeSwap(old: Resources, { memory, memorySwap }: LimitChanges): number {
  if (memorySwap !== undefined) return memorySwap;
  const total = effectiveMemorySwap(old);
  if (memory === undefined || total <= 0) return old.memorySwap;
  if (memory > total) {
    conflict(
      "Memory limit should be smaller than already set memoryswap limit, " +
        "update the memoryswap at the same time",
    );
  }
  return total;
}

function mergeDevices(
  old: readonly DeviceLimit[],
  changes: readonly DeviceLimit[] = [],
): DeviceLimit[] {
  return [...new Map([...old, ...changes].map((limit) => [limit.path, limit])).values()];
}
