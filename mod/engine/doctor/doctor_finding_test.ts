import { deepStrictEqual } from "node:assert/strict";
import { ok, runChecks } from "./doctor_finding.ts";

Deno.test("runChecks() goes on after a check that fails, and says why it did", async () => {
  const findings = await runChecks([
    ["first", () => {
      throw new Error("Cannot look");
    }],
    ["second", () => [ok("second", "fine"), ok("third", "fine")]],
    ["fourth", () => Promise.resolve(ok("fourth", "fine"))],
  ]);

  deepStrictEqual(findings.map(({ feature, state }) => [feature, state]), [
    ["first", "limited"],
    ["second", "ok"],
    ["third", "ok"],
    ["fourth", "ok"],
  ]);
  deepStrictEqual(findings[0]?.consequence, "Cannot look");
});
