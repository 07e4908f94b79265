import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { WherryError } from "../../errors.ts";
import { checkResources, parseCpuList } from "./resource_checks.ts";
import { NO_LIMITS, type Resources } from "./resources.ts";

const HOST = { cpus: "0-1", mems: "0" };
const MEBIBYTE = 1024 * 1024;

for (
  const { changes, message } of [
    { changes: { memory: 100 }, message: "Minimum memory limit allowed is 6MB" },
    { changes: { memory: 6 * MEBIBYTE - 1 }, message: "Minimum memory limit allowed is 6MB" },
    {
      changes: { memory: 20 * MEBIBYTE, memorySwap: 10 * MEBIBYTE },
      message: "Minimum memoryswap limit should be larger than memory limit, see usage",
    },
    {
      changes: { memorySwap: 10 * MEBIBYTE },
      message: "You should always set the Memory limit when using Memoryswap limit, see usage",
    },
    {
      changes: { memoryReservation: 1 },
      message: "Minimum memory reservation allowed is 6MB",
    },
    {
      changes: { memory: 10 * MEBIBYTE, memoryReservation: 20 * MEBIBYTE },
      message: "Minimum memory limit can not be less than memory reservation limit, see usage",
    },
    {
      changes: { isOomKillDisabled: true },
      message: "Cannot disable the OOM killer: no memory limit is set",
    },
    {
      changes: { nanoCpus: 1e9, cpuPeriod: 10_000 },
      message: "Conflicting options: Nano CPUs and CPU Period cannot both be set",
    },
    {
      changes: { nanoCpus: 1e9, cpuQuota: 10_000 },
      message: "Conflicting options: Nano CPUs and CPU Quota cannot both be set",
    },
    ...[3e9, -1e9, 9e6].map((nanoCpus) => ({
      changes: { nanoCpus },
      message: "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
    })),
    ...[999, 1_000_001].map((cpuPeriod) => ({
      changes: { cpuPeriod },
      message:
        "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    })),
    { changes: { cpuQuota: 999 }, message: "CPU cfs quota can not be less than 1ms (i.e. 1000)" },
    { changes: { cpuShares: 1 }, message: "The minimum allowed cpu-shares is 2" },
    { changes: { cpuShares: 262_145 }, message: "The maximum allowed cpu-shares is 262144" },
    { changes: { cpusetCpus: "a" }, message: "Invalid value a for cpuset cpus" },
    { changes: { cpusetMems: "1-0" }, message: "Invalid value 1-0 for cpuset mems" },
    {
      changes: { cpusetCpus: "0,2" },
      message: "Requested CPUs are not available - requested 0,2, available: 0-1",
    },
    {
      changes: { cpusetMems: "1" },
      message: "Requested memory nodes are not available - requested 1, available: 0",
    },
    { changes: { blkioWeight: 9 }, message: "Range of blkio weight is from 10 to 1000" },
    { changes: { blkioWeight: 1001 }, message: "Range of blkio weight is from 10 to 1000" },
  ]
) {
  Deno.test(`checkResources() refuses ${JSON.stringify(changes)}`, () => {
    throws(() => checkResources({ ...NO_LIMITS, ...changes }, HOST), {
      name: "WherryError",
      kind: "invalid_argument",
      message,
    });
  });
}

Deno.test("checkResources() makes no number of mebibytes of what may be one of kibibytes", () => {
  throws(() => checkResources({ ...NO_LIMITS, memory: 2 * 1024 }, HOST), (error: unknown) => {
    strictEqual(
      error instanceof WherryError && error.hint,
      "A number without a unit means bytes: mebibytes are written as in 100m",
    );
    return true;
  });
});

Deno.test("checkResources() asks whether a bare number was meant as mebibytes", () => {
  throws(() => checkResources({ ...NO_LIMITS, memory: 100 }, HOST), (error: unknown) => {
    strictEqual(
      error instanceof WherryError && error.hint,
      "A number without a unit means bytes: did you mean 100m?",
    );
    return true;
  });
});

Deno.test("checkResources() takes what the host has", () => {
  const resources: Resources = {
    ...NO_LIMITS,
    memory: 6 * MEBIBYTE,
    memorySwap: -1,
    nanoCpus: 2e9,
    cpuShares: 2,
    cpusetCpus: "0-1",
    cpusetMems: "0",
    blkioWeight: 10,
    pidsLimit: -1,
  };

  checkResources(resources, HOST);
});

Deno.test("parseCpuList() reads numbers and ranges", () => {
  deepStrictEqual(parseCpuList("0-2,7\n"), new Set([0, 1, 2, 7]));
});

for (const text of ["", "1-", "-1", "2-1", "0,,1", "0x1", "99999", "1 2"]) {
  Deno.test(`parseCpuList() takes ${JSON.stringify(text)} for no list`, () => {
    strictEqual(parseCpuList(text), undefined);
  });
}
