import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { planHealthCheck } from "./health_check.ts";

const NO_IMAGE = { healthCheck: {}, shell: [] };
const IMAGE = {
  healthCheck: { test: ["CMD", "curl", "localhost"], intervalMs: 1000, retries: 9 },
  shell: ["/bin/bash", "-ec"],
};

Deno.test("planHealthCheck() is null when nobody speaks of it", () => {
  strictEqual(planHealthCheck(undefined, NO_IMAGE), null);
});

Deno.test("planHealthCheck() writes 0 for what nobody gives", () => {
  deepStrictEqual(planHealthCheck({ test: ["CMD-SHELL", "true"] }, NO_IMAGE), {
    test: ["CMD-SHELL", "true"],
    shell: ["/bin/sh", "-c"],
    intervalMs: 0,
    timeoutMs: 0,
    startPeriodMs: 0,
    startIntervalMs: 0,
    retries: 0,
    onFailure: "none",
  });
});

Deno.test("planHealthCheck() takes the image's check with its shell", () => {
  deepStrictEqual(planHealthCheck(undefined, IMAGE), {
    test: ["CMD", "curl", "localhost"],
    shell: ["/bin/bash", "-ec"],
    intervalMs: 1000,
    timeoutMs: 0,
    startPeriodMs: 0,
    startIntervalMs: 0,
    retries: 9,
    onFailure: "none",
  });
});

Deno.test("planHealthCheck() puts a request over the image's check field by field", () => {
  const check = planHealthCheck({ intervalMs: 5, onFailure: "kill" }, IMAGE);

  deepStrictEqual(
    [check?.test, check?.intervalMs, check?.retries, check?.onFailure],
    [["CMD", "curl", "localhost"], 5, 9, "kill"],
  );
});

Deno.test("planHealthCheck() keeps that the request or the image forbids it", () => {
  const image = { ...IMAGE, healthCheck: { test: ["NONE"] } };

  deepStrictEqual(planHealthCheck(null, IMAGE)?.test, ["NONE"]);
  deepStrictEqual(planHealthCheck(undefined, image)?.test, ["NONE"]);
});

Deno.test("planHealthCheck() refuses a request without a command", () => {
  throws(() => planHealthCheck({ retries: 1 }, NO_IMAGE), {
    name: "WherryError",
    message: "Cannot check the health: there is no command",
  });
});

for (const test of [["CMD"], ["EXEC", "true"], ["CMD-SHELL"]]) {
  Deno.test(`planHealthCheck() refuses ${JSON.stringify(test)}`, () => {
    throws(() => planHealthCheck({ test }, NO_IMAGE), /not CMD or CMD-SHELL with a command/);
  });
}

Deno.test("planHealthCheck() refuses what the monitor cannot count", () => {
  throws(
    () => planHealthCheck({ test: ["CMD", "true"], intervalMs: 2 ** 32 }, NO_IMAGE),
    /intervalMs 4294967296: more than 4294967295/,
  );
});
