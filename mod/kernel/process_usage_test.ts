import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { parseProcessUsage, sumProcessUsage } from "./process_usage.ts";

const STAT = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 30 20 20 0 3 0 100 200 300\n";
const SMAPS_ROLLUP = "55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss: 4096 kB\nPss:     1024 kB\n";
const IO = "rchar: 10\nwchar: 20\nread_bytes: 8192\nwrite_bytes: 4096\ncancelled_write_bytes: 0\n";

Deno.test("parseProcessUsage() counts children that have ended, and threads", () => {
  deepStrictEqual(parseProcessUsage({ stat: STAT, smapsRollup: SMAPS_ROLLUP, io: IO }), {
    cpuUs: 2_500_000,
    memoryBytes: 1_048_576,
    taskCount: 3,
    readBytes: 8192,
    writtenBytes: 4096,
  });
});

Deno.test("parseProcessUsage() gives a zombie no memory", () => {
  strictEqual(parseProcessUsage({ stat: STAT, smapsRollup: "", io: "" }).memoryBytes, 0);
});

Deno.test("parseProcessUsage() makes up nothing in place of a file that may not be read", () => {
  const { memoryBytes, readBytes, writtenBytes } = parseProcessUsage({
    stat: STAT,
    smapsRollup: undefined,
    io: undefined,
  });

  deepStrictEqual([memoryBytes, readBytes, writtenBytes], [undefined, undefined, undefined]);
});

Deno.test("sumProcessUsage() adds up processes, and leaves out those that are gone", () => {
  const { taskCount = 0, memoryBytes = 0 } = sumProcessUsage([Deno.pid, 2 ** 22 + 1]);

  ok(taskCount >= 1);
  ok(memoryBytes > 1_000_000);
});

Deno.test("sumProcessUsage() of nobody is nothing", () => {
  strictEqual(sumProcessUsage([]).memoryBytes, 0);
});
