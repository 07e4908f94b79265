import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { readCgroupUsage } from "./cgroup_usage.ts";

const UNIFIED = { unified: "/cg/c", v1: {} };

const V2: Readonly<Record<string, string>> = {
  "/cg/c/cpu.stat": "usage_usec 1234567\nuser_usec 1000000\nsystem_usec 234567\nnr_periods 0\n",
  "/cg/c/memory.current": "10485760\n",
  "/cg/c/memory.stat": "anon 8388608\nfile 2097152\ninactive_file 1048576\nactive_file 1048576\n",
  "/cg/c/memory.max": "67108864\n",
  "/cg/c/pids.current": "3\n",
  "/cg/c/io.stat": "254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n" +
    "7:0 rbytes=1000 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n8:0 \n",
  "/cg/c/cpu.pressure": "some avg10=12.50 avg60=0.00 avg300=0.00 total=1\n" +
    "full avg10=1.00 avg60=0.00 avg300=0.00 total=1\n",
};

const V1_DIRECTORIES = {
  unified: undefined,
  v1: { memory: "/memory/c", cpuacct: "/cpuacct/c", pids: "/pids/c", blkio: "/blkio/c" },
};

const V1: Readonly<Record<string, string>> = {
  "/cpuacct/c/cpuacct.usage": "2500000000\n",
  "/memory/c/memory.usage_in_bytes": "10485760\n",
  "/memory/c/memory.stat": "cache 5\ninactive_file 9\ntotal_cache 5\ntotal_inactive_file 485760\n",
  "/memory/c/memory.limit_in_bytes": "9223372036854771712\n",
  "/pids/c/pids.current": "12\n",
  "/blkio/c/blkio.throttle.io_service_bytes_recursive":
    "254:0 Read 4096\n254:0 Write 100\n254:0 Sync 4196\n254:0 Total 4196\n" +
    "7:0 Read 4\n7:0 Write 0\nTotal 4200\n",
};

const NOTHING = {
  cpuUs: undefined,
  memoryBytes: undefined,
  memoryLimitBytes: undefined,
  taskCount: undefined,
  readBytes: undefined,
  writtenBytes: undefined,
  pressure: {},
};

Deno.test("readCgroupUsage() takes everything from version 2", () => {
  deepStrictEqual(readCgroupUsage(UNIFIED, (path) => V2[path]), {
    cpuUs: 1_234_567,
    memoryBytes: 9_437_184,
    memoryLimitBytes: 67_108_864,
    taskCount: 3,
    readBytes: 5096,
    writtenBytes: 8192,
    pressure: { cpu: { some: 12.5, full: 1 } },
  });
});

Deno.test("readCgroupUsage() takes everything from version 1", () => {
  deepStrictEqual(readCgroupUsage(V1_DIRECTORIES, (path) => V1[path]), {
    ...NOTHING,
    cpuUs: 2_500_000,
    memoryBytes: 10_000_000,
    memoryLimitBytes: Infinity,
    taskCount: 12,
    readBytes: 4100,
    writtenBytes: 100,
  });
});

Deno.test("readCgroupUsage() takes processor time from a cgroup of version 2 without controllers", () => {
  const files: Readonly<Record<string, string>> = { "/cg/c/cpu.stat": "usage_usec 5\n" };

  deepStrictEqual(readCgroupUsage(UNIFIED, (path) => files[path]), { ...NOTHING, cpuUs: 5 });
});

Deno.test("readCgroupUsage() mixes versions, each controller where it is", () => {
  const directories = { ...V1_DIRECTORIES, unified: "/cg/c" };
  const files: Readonly<Record<string, string>> = { ...V1, "/cg/c/cpu.stat": "usage_usec 5\n" };

  const { cpuUs, memoryBytes } = readCgroupUsage(directories, (path) => files[path]);

  deepStrictEqual([cpuUs, memoryBytes], [5, 10_000_000]);
});

Deno.test("readCgroupUsage() takes no limit of memory for infinity", () => {
  const files: Readonly<Record<string, string>> = { ...V2, "/cg/c/memory.max": "max\n" };

  strictEqual(readCgroupUsage(UNIFIED, (path) => files[path]).memoryLimitBytes, Infinity);
});

Deno.test("readCgroupUsage() takes no cache away that is more than all memory", () => {
  const files: Readonly<Record<string, string>> = { ...V2, "/cg/c/memory.current": "1000\n" };

  strictEqual(readCgroupUsage(UNIFIED, (path) => files[path]).memoryBytes, 1000);
});

Deno.test("readCgroupUsage() knows nothing of a cgroup that is gone", () => {
  deepStrictEqual(readCgroupUsage(UNIFIED, () => undefined), NOTHING);
});
