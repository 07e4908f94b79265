import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { mergeResources } from "./limits_update.ts";
import { NO_LIMITS } from "./resources.ts";

for (
  const { old, changes, message } of [
    {
      old: { cpuPeriod: 10_000 },
      changes: { nanoCpus: 1e9 },
      message:
        "Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set",
    },
    {
      old: { cpuQuota: 10_000 },
      changes: { nanoCpus: 1e9 },
      message: "Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set",
    },
    {
      old: { nanoCpus: 1e9 },
      changes: { cpuPeriod: 10_000 },
      message: "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set",
    },
    {
      old: { nanoCpus: 1e9 },
      changes: { cpuQuota: 10_000 },
      message: "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set",
    },
    {
      old: { memory: 10, memorySwap: 20 },
      changes: { memory: 21 },
      message: "Memory limit should be smaller than already set memoryswap limit, " +
        "update the memoryswap at the same time",
    },
    {
      old: { memory: 10 },
      changes: { memory: 21 },
      message: "Memory limit should be smaller than already set memoryswap limit, " +
        "update the memoryswap at the same time",
    },
  ]
) {
  Deno.test(`mergeResources() refuses ${JSON.stringify(changes)} on ${JSON.stringify(old)}`, () => {
    throws(() => mergeResources({ ...NO_LIMITS, ...old }, changes), { kind: "conflict", message });
  });
}

Deno.test("mergeResources() leaves memory and swap together as they were", () => {
  strictEqual(mergeResources({ ...NO_LIMITS, memory: 10 }, { memory: 15 }).memorySwap, 20);
});

Deno.test("mergeResources() leaves what nobody says anything of", () => {
  const old = { ...NO_LIMITS, nanoCpus: 1e9, memory: 10, cpusetCpus: "0", pidsLimit: 5 };

  const changes = { cpuQuota: 0, memory: 0, memorySwap: 0, cpusetCpus: "", pidsLimit: -1 };

  deepStrictEqual(mergeResources(old, changes), { ...old, pidsLimit: -1 });
});

Deno.test("mergeResources() gives a container without limits twice the memory", () => {
  strictEqual(mergeResources(NO_LIMITS, { memory: 15 }).memorySwap, 0);
});

Deno.test("mergeResources() replaces the limits of the devices that are named", () => {
  const old = { ...NO_LIMITS, deviceReadBps: [{ path: "/a", value: 1 }, { path: "/b", value: 2 }] };

  const { deviceReadBps } = mergeResources(old, { deviceReadBps: [{ path: "/b", value: 3 }] });

  deepStrictEqual(deviceReadBps, [{ path: "/a", value: 1 }, { path: "/b", value: 3 }]);
});
