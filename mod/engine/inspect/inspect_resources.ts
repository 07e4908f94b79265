/** The limits of a container, in the shape that docker gives them. @module */

import { effectiveMemorySwap } from "../../container/resource/limits.ts";
import type { DeviceLimit, Resources } from "../../container/resource/resources.ts";
import type { Inspection } from "../base/inspection.ts";

/** Puts limits into docker's shape; what nobody limits has the value that stands for that. */
export function describeResources(resources: Resources): Inspection {
  const { memorySwappiness, pidsLimit } = resources;
  return {
    CpuShares: resources.cpuShares,
    Memory: resources.memory,
    NanoCpus: resources.nanoCpus,
    CgroupParent: resources.cgroupParent,
    BlkioWeight: resources.blkioWeight,
    BlkioWeightDevice: resources.blkioDeviceWeights.map(({ path, value }) => ({
      Path: path,
      Weight: value,
    })),
    BlkioDeviceReadBps: describeRates(resources.deviceReadBps),
    BlkioDeviceWriteBps: describeRates(resources.deviceWriteBps),
    BlkioDeviceReadIOps: describeRates(resources.deviceReadIops),
    BlkioDeviceWriteIOps: describeRates(resources.deviceWriteIops),
    CpuPeriod: resources.cpuPeriod,
    CpuQuota: resources.cpuQuota,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: resources.cpusetCpus,
    CpusetMems: resources.cpusetMems,
    Devices: [],
    DeviceCgroupRules: null,
    DeviceRequests: null,
    MemoryReservation: resources.memoryReservation,
    MemorySwap: effectiveMemorySwap(resources),
    MemorySwappiness: memorySwappiness === -1 ? null : memorySwappiness,
    OomKillDisable: resources.isOomKillDisabled ? true : null,
    PidsLimit: pidsLimit === 0 ? null : pidsLimit,
    Ulimits: [],
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

function describeRates(limits: readonly DeviceLimit[]): { Path: string; Rate: number }[] {
  return limits.map(({ path, value }) => ({ Path: path, Rate: value }));
}
