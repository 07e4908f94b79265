import { ok } from "node:assert/strict";
import { realTimeNs } from "./clock.ts";

Deno.test("realTimeNs() is the time of Date, only finer", () => {
  const before = BigInt(Date.now()) * 1_000_000n;
  const now = realTimeNs();
  const after = BigInt(Date.now() + 1) * 1_000_000n;

  ok(before <= now && now <= after, `${before} ${now} ${after}`);
});
