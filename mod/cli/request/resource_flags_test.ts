import { deepStrictEqual, throws } from "node:assert/strict";
import { NO_LIMITS, type Resources } from "../../container/resource/resources.ts";
import { RESOURCE_FLAGS } from "../definitions/resource_flags.ts";
import { parseFlags } from "../base/flags.ts";
import { planResources } from "./resource_flags.ts";

function resourcesOf(...args: string[]): Resources {
  return planResources(parseFlags(RESOURCE_FLAGS, args, { interspersed: false }).flags);
}

for (
  const { args, changes } of [
    { args: [], changes: {} },
    { args: ["-m", "100m"], changes: { memory: 104_857_600 } },
    { args: ["-mem", "1g"], changes: { memory: 1_073_741_824 } },
    { args: ["--memory-swap", "-1"], changes: { memorySwap: -1 } },
    { args: ["--memory-swap=2g"], changes: { memorySwap: 2_147_483_648 } },
    { args: ["--memory-reservation", "10m"], changes: { memoryReservation: 10_485_760 } },
    { args: ["--memory-swappiness", "0"], changes: { memorySwappiness: 0 } },
    { args: ["--cpus", "1.5"], changes: { nanoCpus: 1_500_000_000 } },
    { args: ["--cpus", ".1"], changes: { nanoCpus: 100_000_000 } },
    { args: ["-c", "512"], changes: { cpuShares: 512 } },
    { args: ["-cpushare", "512"], changes: { cpuShares: 512 } },
    { args: ["-cpuset", "0,1"], changes: { cpusetCpus: "0,1" } },
    { args: ["-cpu", "50%"], changes: { nanoCpus: 500_000_000 } },
    { args: ["--cpu", "2"], changes: { nanoCpus: 2_000_000_000 } },
    { args: ["--cpu", "20000"], changes: { cpuQuota: 20_000, cpuPeriod: 100_000 } },
    { args: ["--cpu-quota", "-1"], changes: { cpuQuota: -1 } },
    { args: ["--pids-limit", "0"], changes: { pidsLimit: -1 } },
    { args: ["--pids-limit", "-1"], changes: { pidsLimit: -1 } },
    { args: ["--pids-limit", "20"], changes: { pidsLimit: 20 } },
    { args: ["--oom-kill-disable"], changes: { isOomKillDisabled: true } },
    { args: ["--cgroup-parent", "/a/b"], changes: { cgroupParent: "/a/b" } },
    {
      args: ["--blkio-weight-device", "/dev/sda:500"],
      changes: { blkioDeviceWeights: [{ path: "/dev/sda", value: 500 }] },
    },
    {
      args: ["--device-read-bps", "/dev/sda:1mb", "--device-read-bps", "/dev/sdb:1"],
      changes: {
        deviceReadBps: [{ path: "/dev/sda", value: 1_048_576 }, { path: "/dev/sdb", value: 1 }],
      },
    },
    {
      args: ["--device-write-iops", "/dev/sda:100"],
      changes: { deviceWriteIops: [{ path: "/dev/sda", value: 100 }] },
    },
  ]
) {
  Deno.test(`planResources() of "${args.join(" ")}"`, () => {
    deepStrictEqual(resourcesOf(...args), { ...NO_LIMITS, ...changes });
  });
}

const RATE = "The correct format is <device-path>:<number>[<unit>]. " +
  "Number must be a positive integer. Unit is optional and can be kb, mb, or gb";

for (
  const { args, message } of [
    {
      args: ["-m", "100q"],
      message: `invalid argument "100q" for "-m, --memory" flag: invalid suffix: 'q'`,
    },
    {
      args: ["--memory-swap", "-2"],
      message: `invalid argument "-2" for "--memory-swap" flag: invalid size: '-2'`,
    },
    {
      args: ["--pids-limit", "4194305"],
      message: "invalid value: 4194305. Valid pids limit range is 1-4194304",
    },
    {
      args: ["--memory-swappiness", "101"],
      message: "invalid value: 101. Valid memory swappiness range is 0-100",
    },
    {
      args: ["--cpus", "x"],
      message: `invalid argument "x" for "--cpus" flag: failed to parse x as a rational number`,
    },
    {
      args: ["--cpus", "0.0000000001"],
      message: `invalid argument "1e-10" for "--cpus" flag: value is too precise`,
    },
    { args: ["--cpu", "many"], message: `invalid argument "many" for "--cpu" flag` },
    {
      args: ["--cpu", "2", "--cpus", "1"],
      message: "conflicting options: cannot specify both --cpu and --cpus or --cpu-quota",
    },
    {
      args: ["--cpu-rt-runtime", "1000"],
      message:
        "Cannot use --cpu-rt-period or --cpu-rt-runtime: containers get no real-time scheduling",
    },
    {
      args: ["--kernel-memory", "50m"],
      message: "Cannot use --kernel-memory: Linux has taken that limit out",
    },
    {
      args: ["--blkio-weight-device", "/dev/sda:5"],
      message: "invalid weight for device: /dev/sda:5",
    },
    { args: ["--blkio-weight-device", "/dev/sda"], message: "bad format: /dev/sda" },
    {
      args: ["--device-read-bps", "sda:5"],
      message: "bad format for device path: sda:5",
    },
    {
      args: ["--device-read-bps", "/dev/sda:fast"],
      message: `invalid rate for device: /dev/sda:fast. ${RATE}`,
    },
    {
      args: ["--device-write-bps", "/dev/sda:-1"],
      message: `invalid rate for device: /dev/sda:-1. ${RATE}`,
    },
    {
      args: ["--device-read-iops", "/dev/sda:1k"],
      message: "invalid rate for device: /dev/sda:1k. The correct format is " +
        "<device-path>:<number>. Number must be a positive integer",
    },
    {
      args: ["--blkio-weight", "-5"],
      message: `invalid argument "-5" for "--blkio-weight" flag: it is below 0`,
    },
  ]
) {
  Deno.test(`planResources() refuses "${args.join(" ")}"`, () => {
    throws(() => resourcesOf(...args), { name: "WherryError", message });
  });
}
