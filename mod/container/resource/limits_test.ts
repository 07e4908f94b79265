import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  type ControlValue,
  cpuWeightOf,
  effectiveMemorySwap,
  type Generation,
  hasLimits,
  ioWeightOf,
  type LimitContext,
  limitedControllers,
  planLimits,
} from "./limits.ts";
import { NO_LIMITS, type Resources } from "./resources.ts";

const MEBIBYTE = 1024 * 1024;

/** What is written for limits on a host that has all controllers in one place. */
function choicesOf(changes: Partial<Resources>, generation: Generation): readonly ControlValue[][] {
  return planLimits({ ...NO_LIMITS, ...changes }, {
    generationOf: () => generation,
    deviceNumberOf: () => "8:16",
  }).map(({ choices }) => [...choices]);
}

const ALL: Partial<Resources> = {
  memory: 100 * MEBIBYTE,
  memorySwap: 150 * MEBIBYTE,
  memoryReservation: 50 * MEBIBYTE,
  cpuQuota: 50_000,
  cpuPeriod: 200_000,
  cpuShares: 512,
  cpusetCpus: "0-1",
  cpusetMems: "0",
  pidsLimit: 20,
  blkioWeight: 500,
  blkioDeviceWeights: [{ path: "/dev/sdb", value: 300 }],
  deviceReadBps: [{ path: "/dev/sdb", value: 1000 }],
  deviceWriteBps: [{ path: "/dev/sdb", value: 2000 }],
  deviceReadIops: [{ path: "/dev/sdb", value: 30 }],
  deviceWriteIops: [{ path: "/dev/sdb", value: 40 }],
};

Deno.test("planLimits() writes the files of version 2", () => {
  deepStrictEqual(choicesOf(ALL, "v2"), [
    [{ file: "memory.max", value: "104857600" }],
    [{ file: "memory.swap.max", value: "52428800" }],
    [{ file: "memory.low", value: "52428800" }],
    [{ file: "cpu.max", value: "50000 200000" }],
    [{ file: "cpu.weight", value: "20" }],
    [{ file: "cpuset.cpus", value: "0-1" }],
    [{ file: "cpuset.mems", value: "0" }],
    [{ file: "pids.max", value: "20" }],
    [{ file: "io.bfq.weight", value: "500" }, { file: "io.weight", value: "4950" }],
    [{ file: "io.bfq.weight", value: "8:16 300" }, { file: "io.weight", value: "8:16 2930" }],
    [{ file: "io.max", value: "8:16 rbps=1000" }],
    [{ file: "io.max", value: "8:16 wbps=2000" }],
    [{ file: "io.max", value: "8:16 riops=30" }],
    [{ file: "io.max", value: "8:16 wiops=40" }],
  ]);
});

Deno.test("planLimits() writes the files of version 1", () => {
  deepStrictEqual(choicesOf({ ...ALL, memorySwappiness: 10, isOomKillDisabled: true }, "v1"), [
    [{ file: "memory.limit_in_bytes", value: "104857600" }],
    [{ file: "memory.memsw.limit_in_bytes", value: "157286400" }],
    [{ file: "memory.soft_limit_in_bytes", value: "52428800" }],
    [{ file: "memory.swappiness", value: "10" }],
    [{ file: "memory.oom_control", value: "1" }],
    [{ file: "cpu.cfs_period_us", value: "200000" }],
    [{ file: "cpu.cfs_quota_us", value: "50000" }],
    [{ file: "cpu.shares", value: "512" }],
    [{ file: "cpuset.cpus", value: "0-1" }],
    [{ file: "cpuset.mems", value: "0" }],
    [{ file: "pids.max", value: "20" }],
    [{ file: "blkio.weight", value: "500" }, { file: "blkio.bfq.weight", value: "500" }],
    [
      { file: "blkio.weight_device", value: "8:16 300" },
      { file: "blkio.bfq.weight_device", value: "8:16 300" },
    ],
    [{ file: "blkio.throttle.read_bps_device", value: "8:16 1000" }],
    [{ file: "blkio.throttle.write_bps_device", value: "8:16 2000" }],
    [{ file: "blkio.throttle.read_iops_device", value: "8:16 30" }],
    [{ file: "blkio.throttle.write_iops_device", value: "8:16 40" }],
  ]);
});

Deno.test("planLimits() writes nothing for a container that may use all there is", () => {
  deepStrictEqual([choicesOf({}, "v1"), choicesOf({}, "v2")], [[], []]);
  strictEqual(hasLimits(NO_LIMITS), false);
});

for (
  const { changes, value } of [
    { changes: { nanoCpus: 1.5e9 }, value: "150000 100000" },
    { changes: { cpuQuota: 20_000 }, value: "20000 100000" },
    { changes: { cpuQuota: -1 }, value: "max 100000" },
    { changes: { cpuPeriod: 50_000 }, value: "max 50000" },
  ]
) {
  Deno.test(`planLimits() turns ${JSON.stringify(changes)} into "${value}"`, () => {
    deepStrictEqual(choicesOf(changes, "v2"), [[{ file: "cpu.max", value }]]);
  });
}

for (
  const { memorySwap, swap } of [
    { memorySwap: 0, swap: "104857600" },
    { memorySwap: -1, swap: "max" },
    { memorySwap: 100 * MEBIBYTE, swap: "0" },
    { memorySwap: 300 * MEBIBYTE, swap: "209715200" },
  ]
) {
  Deno.test(`planLimits() leaves ${swap} of swap when both together are ${memorySwap}`, () => {
    const choices = choicesOf({ memory: 100 * MEBIBYTE, memorySwap }, "v2");

    deepStrictEqual(choices[1], [{ file: "memory.swap.max", value: swap }]);
  });
}

Deno.test("planLimits() does without a limit of swap that nobody asked for", () => {
  const context: LimitContext = { generationOf: () => "v2", deviceNumberOf: () => "" };
  const isOptional = [0, 200 * MEBIBYTE].map((memorySwap) =>
    planLimits({ ...NO_LIMITS, memory: 100 * MEBIBYTE, memorySwap }, context)[1]?.isOptional
  );

  deepStrictEqual(isOptional, [true, false]);
});

Deno.test("planLimits() has no limit of processes when it is -1", () => {
  deepStrictEqual(choicesOf({ pidsLimit: -1 }, "v1"), [[{ file: "pids.max", value: "max" }]]);
});

Deno.test("limitedControllers() names the first flag that needs each", () => {
  deepStrictEqual(
    limitedControllers({ ...NO_LIMITS, memory: MEBIBYTE, cpuShares: 2, nanoCpus: 1e9 }),
    new Map([["cpu", "--cpus"], ["memory", "--memory"]]),
  );
});

Deno.test("cpuWeightOf() keeps the ends of the range, and turns 1024 into 39 as docker does", () => {
  deepStrictEqual([2, 512, 1024, 262_144].map(cpuWeightOf), [1, 20, 39, 10_000]);
});

Deno.test("ioWeightOf() keeps the ends of the range", () => {
  deepStrictEqual([10, 1000].map(ioWeightOf), [1, 10_000]);
});

Deno.test("effectiveMemorySwap() is twice the memory unless somebody says something else", () => {
  const sums = [0, -1, 7].map((memorySwap) =>
    effectiveMemorySwap({ ...NO_LIMITS, memory: 5, memorySwap })
  );

  deepStrictEqual(sums, [10, -1, 7]);
});
