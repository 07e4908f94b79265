/**
 * From limits in docker's words to what is written into files of cgroups: pure.
 *
 * @see Linux' Documentation/admin-guide/cgroup-v2.rst and cgroup-v1
 * @module
 */

import type { DeviceLimit, Resources } from "./resources.ts";

/** What a limit is of; `io` is called `blkio` in version 1. */
export type Controller = "memory" | "cpu" | "cpuset" | "pids" | "io";

/** Where a host has a controller. */
export type Generation = "v1" | "v2";

/** One file of a cgroup and what is written into it. */
export interface ControlValue {
  /** Name in the cgroup's directory. */
  file: string;
  value: string;
}

/** One thing that is written because of one flag. */
export interface LimitWrite {
  /** What the user has typed it as, for example `"--memory"`. */
  flag: string;
  controller: Controller;
  /** The first one counts whose file this kernel has. */
  choices: readonly ControlValue[];
  /** Whether it is fine if there is none of the files. */
  isOptional: boolean;
  /** Tells it from others of the same file: the device; empty for all others. */
  device: string;
}

/** What a plan of limits depends on besides the limits. */
export interface LimitContext {
  /** Where this host has the controller. */
  generationOf(controller: Controller): Generation;
  /** The device's `MAJOR:MINOR`. */
  deviceNumberOf(path: string): string;
}

/** What `--cpus` is a share of, and the kernel's own default, in microseconds. */
export const DEFAULT_CPU_PERIOD_US = 100_000;

/** Of `--cpu-shares`; what nobody asks for has 1024. */
export const CPU_SHARES = { least: 2, most: 262_144 } as const;

/** Whether a container is to have any limit. */
export function hasLimits(resources: Resources): boolean {
  return limitedControllers(resources).size > 0;
}

/** Controllers that limits need, and the first flag that needs each. */
export function limitedControllers(resources: Resources): Map<Controller, string> {
  const writes = planLimits(resources, {
    generationOf: () => "v1",
    deviceNumberOf: (path) => path,
  });
  return new Map(writes.toReversed().map(({ controller, flag }) => [controller, flag]));
}

/**
 * Memory and swap together, as docker counts it.
 *
 * @returns In bytes: twice the memory unless somebody said something else; -1 for no limit, 0 if nobody limits it.
 */
export function effectiveMemorySwap({ memory, memorySwap }: Resources): number {
  return memorySwap !== 0 ? memorySwap : memory * 2;
}

/** All that is written to set limits, in this order. */
export function planLimits(resources: Resources, context: LimitContext): LimitWrite[] {
  const isUnified = (controller: Controller): boolean => context.generationOf(controller) === "v2";
  return [
    ...(isUnified("memory") ? planUnifiedMemory(resources) : planMemory(resources)),
    ...(isUnified("cpu") ? planUnifiedCpu(resources) : planCpu(resources)),
    ...planCpuset(resources),
    ...planPids(resources),
    ...planIo(resources, context, isUnified("io") ? UNIFIED_IO : V1_IO),
  ];
}

/** What is written whatever the device. */
function write(
  controller: Controller,
  flag: string,
  ...choices: readonly FileValue[]
): LimitWrite {
  return {
    flag,
    controller,
    choices: choices.map(([file, value]) => ({ file, value: String(value) })),
    isOptional: false,
    device: "",
  };
}

function only(isWanted: boolean, plan: () => LimitWrite): LimitWrite[] {
  return isWanted ? [plan()] : [];
}

/** The limit of swap that nobody asked for is done without on a kernel that does not count swap. */
function planSwap(
  { memorySwap }: Resources,
  file: string,
  value: string | number,
): LimitWrite {
  return { ...write("memory", "--memory-swap", [file, value]), isOptional: memorySwap === 0 };
}

function planUnifiedMemory(resources: Resources): LimitWrite[] {
  const { memory, memoryReservation } = resources;
  const total = effectiveMemorySwap(resources);
  return [
    ...only(memory !== 0, () => write("memory", "--memory", ["memory.max", orMax(memory)])),
    ...only(total !== 0, () => {
      const swap = total < 0 ? "max" : Math.max(0, total - Math.max(0, memory));
      return planSwap(resources, "memory.swap.max", swap);
    }),
    ...only(
      memoryReservation !== 0,
      () => write("memory", "--memory-reservation", ["memory.low", memoryReservation]),
    ),
  ];
}

/** The limit of both can only be set when that of memory is, which is never above it. */
function planMemory(resources: Resources): LimitWrite[] {
  const { memory, memoryReservation, memorySwappiness, isOomKillDisabled } = resources;
  const total = effectiveMemorySwap(resources);
  return [
    ...only(memory !== 0, () => write("memory", "--memory", ["memory.limit_in_bytes", memory])),
    ...only(total !== 0, () => planSwap(resources, "memory.memsw.limit_in_bytes", total)),
    ...only(
      memoryReservation !== 0,
      () =>
        write("memory", "--memory-reservation", ["memory.soft_limit_in_bytes", memoryReservation]),
    ),
    ...only(
      memorySwappiness >= 0,
      () => write("memory", "--memory-swappiness", ["memory.swappiness", memorySwappiness]),
    ),
    ...only(
      isOomKillDisabled,
      () => write("memory", "--oom-kill-disable", ["memory.oom_control", 1]),
    ),
  ];
}

/** Processor time in each period, both in microseconds; `undefined` if nobody limits it. */
function planQuota(
  { nanoCpus, cpuQuota, cpuPeriod }: Resources,
): { flag: string; quota: number; period: number } | undefined {
  if (nanoCpus !== 0) {
    const quota = Math.round(nanoCpus * DEFAULT_CPU_PERIOD_US / 1e9);
    return { flag: "--cpus", quota, period: DEFAULT_CPU_PERIOD_US };
  }
  if (cpuQuota === 0 && cpuPeriod === 0) return undefined;
  return {
    flag: cpuQuota === 0 ? "--cpu-period" : "--cpu-quota",
    quota: cpuQuota > 0 ? cpuQuota : -1,
    period: cpuPeriod > 0 ? cpuPeriod : DEFAULT_CPU_PERIOD_US,
  };
}

function planUnifiedCpu(resources: Resources): LimitWrite[] {
  const { cpuShares } = resources;
  const limit = planQuota(resources);
  return [
    ...(limit === undefined
      ? []
      : [write("cpu", limit.flag, ["cpu.max", `${orMax(limit.quota)} ${limit.period}`])]),
    ...only(
      cpuShares !== 0,
      () => write("cpu", "--cpu-shares", ["cpu.weight", cpuWeightOf(cpuShares)]),
    ),
  ];
}

function planCpu(resources: Resources): LimitWrite[] {
  const { cpuShares } = resources;
  const limit = planQuota(resources);
  return [
    ...(limit === undefined ? [] : [
      write("cpu", limit.flag, ["cpu.cfs_period_us", limit.period]),
      write("cpu", limit.flag, ["cpu.cfs_quota_us", limit.quota]),
    ]),
    ...only(cpuShares !== 0, () => write("cpu", "--cpu-shares", ["cpu.shares", cpuShares])),
  ];
}

/**
 * From a share of 2 to 262144 to a weight of 1 to 10000, as runc does it for docker.
 *
 * @see {@link https://github.com/opencontainers/runc/blob/v1.2.0/libcontainer/cgroups/utils.go} ConvertCPUSharesToCgroupV2Value
 */
export function cpuWeightOf(shares: number): number {
  const { least, most } = CPU_SHARES;
  return 1 + Math.floor((shares - least) * 9999 / (most - least));
}

function planCpuset({ cpusetCpus, cpusetMems }: Resources): LimitWrite[] {
  return [
    ...only(
      cpusetCpus !== "",
      () => write("cpuset", "--cpuset-cpus", ["cpuset.cpus", cpusetCpus]),
    ),
    ...only(
      cpusetMems !== "",
      () => write("cpuset", "--cpuset-mems", ["cpuset.mems", cpusetMems]),
    ),
  ];
}

function planPids({ pidsLimit }: Resources): LimitWrite[] {
  return only(pidsLimit !== 0, () => write("pids", "--pids-limit", ["pids.max", orMax(pidsLimit)]));
}

/** What the files of version 2 call "no limit". */
function orMax(limit: number): string {
  return limit < 0 ? "max" : String(limit);
}

/** From a weight of 10 to 1000 to one of 1 to 10000, as runc does it for docker. */
export function ioWeightOf(weight: number): number {
  return 1 + Math.floor((weight - 10) * 9999 / 990);
}

/** A control file and what is written to it. */
type FileValue = readonly [file: string, value: string | number];

/** Where limits of block I/O are written; the scheduler BFQ has files of its own. */
interface IoFiles {
  weight(weight: number): readonly FileValue[];
  deviceWeight(device: string, weight: number): readonly FileValue[];
  /** @param rate `read` or `write`, and `bps` or `iops`. */
  deviceRate(device: string, rate: readonly [string, string], most: number): FileValue;
}

const UNIFIED_IO: IoFiles = {
  weight: (weight) => [["io.bfq.weight", weight], ["io.weight", ioWeightOf(weight)]],
  deviceWeight: (device, weight) => [
    ["io.bfq.weight", `${device} ${weight}`],
    ["io.weight", `${device} ${ioWeightOf(weight)}`],
  ],
  deviceRate: (device, [way, unit], most) => ["io.max", `${device} ${way[0]}${unit}=${most}`],
};

const V1_IO: IoFiles = {
  weight: (weight) => [["blkio.weight", weight], ["blkio.bfq.weight", weight]],
  deviceWeight: (device, weight) => [
    ["blkio.weight_device", `${device} ${weight}`],
    ["blkio.bfq.weight_device", `${device} ${weight}`],
  ],
  deviceRate: (device, [way, unit], most) => [
    `blkio.throttle.${way}_${unit}_device`,
    `${device} ${most}`,
  ],
};

function planIo(resources: Resources, context: LimitContext, files: IoFiles): LimitWrite[] {
  const { blkioWeight } = resources;
  const rates = [
    ["read", "bps", resources.deviceReadBps],
    ["write", "bps", resources.deviceWriteBps],
    ["read", "iops", resources.deviceReadIops],
    ["write", "iops", resources.deviceWriteIops],
  ] as const;
  return [
    ...only(
      blkioWeight !== 0,
      () => write("io", "--blkio-weight", ...files.weight(blkioWeight)),
    ),
    ...resources.blkioDeviceWeights.map((limit) =>
      forDevice(
        limit,
        context,
        (device) =>
          write("io", "--blkio-weight-device", ...files.deviceWeight(device, limit.value)),
      )
    ),
    ...rates.flatMap(([way, unit, limits]) =>
      limits.map((limit) =>
        forDevice(limit, context, (device) =>
          write(
            "io",
            `--device-${way}-${unit}`,
            files.deviceRate(device, [way, unit], limit.value),
          ))
      )
    ),
  ];
}

function forDevice(
  { path }: DeviceLimit,
  { deviceNumberOf }: LimitContext,
  plan: (number: string) => LimitWrite,
): LimitWrite {
  const number = deviceNumberOf(path);
  return { ...plan(number), device: number };
}
