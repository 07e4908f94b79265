import { strictEqual } from "node:assert/strict";
import { cpuPercent } from "./stats.ts";

Deno.test("cpuPercent() is of one processor", () => {
  strictEqual(cpuPercent({ cpuUs: 0, atMs: 0 }, { cpuUs: 500_000, atMs: 1000 }), 50);
  strictEqual(cpuPercent({ cpuUs: 1_000_000, atMs: 500 }, { cpuUs: 3_000_000, atMs: 1500 }), 200);
});

Deno.test("cpuPercent() is not known where nobody counts, or no time has gone by", () => {
  strictEqual(cpuPercent({ cpuUs: undefined, atMs: 0 }, { cpuUs: 1, atMs: 1 }), undefined);
  strictEqual(cpuPercent({ cpuUs: 1, atMs: 0 }, { cpuUs: undefined, atMs: 1 }), undefined);
  strictEqual(cpuPercent({ cpuUs: 1, atMs: 7 }, { cpuUs: 2, atMs: 7 }), undefined);
});

Deno.test("cpuPercent() is never negative, also when processes end and take their time with them", () => {
  strictEqual(cpuPercent({ cpuUs: 900, atMs: 0 }, { cpuUs: 100, atMs: 1000 }), 0);
});
