import { ok, strictEqual, throws } from "node:assert/strict";
import { statfsSync } from "node:fs";
import { freeBytes, tellsFileTypes } from "./file_system.ts";

Deno.test("freeBytes() agrees with what another program is told", () => {
  const { bfree, bsize } = statfsSync("/tmp");

  const free = freeBytes("/tmp");

  ok(Math.abs(free - bfree * bsize) < 1 << 30, `${free}, and ${bfree} blocks of ${bsize}`);
});

Deno.test("freeBytes() complains about a directory that is not there", () => {
  throws(() => freeBytes("/nowhere/at/all"), { name: "SystemError", code: "ENOENT" });
});

Deno.test("tellsFileTypes() finds what all usual file systems do", () => {
  strictEqual(tellsFileTypes("/tmp"), true);
  strictEqual(tellsFileTypes("/proc"), true);
});
