import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { type HealthFlags, parseHealthFlags } from "./health_flags.ts";

function flags(given: Partial<HealthFlags>): HealthFlags {
  return {
    "health-cmd": undefined,
    "health-interval": undefined,
    "health-on-failure": undefined,
    "health-retries": undefined,
    "health-start-interval": undefined,
    "health-start-period": undefined,
    "health-timeout": undefined,
    "no-healthcheck": false,
    ...given,
  };
}

Deno.test("parseHealthFlags() leaves the choice to the image when nothing is given", () => {
  strictEqual(parseHealthFlags(flags({})), undefined);
});

Deno.test("parseHealthFlags() is null for --no-healthcheck", () => {
  strictEqual(parseHealthFlags(flags({ "no-healthcheck": true })), null);
});

Deno.test("parseHealthFlags() takes every flag", () => {
  const given = {
    "health-cmd": "curl -f localhost",
    "health-interval": 1500,
    "health-on-failure": "stop",
    "health-retries": 2,
    "health-start-interval": 10,
    "health-start-period": 60_000,
    "health-timeout": 1,
  };

  deepStrictEqual(parseHealthFlags(flags(given)), {
    test: ["CMD-SHELL", "curl -f localhost"],
    intervalMs: 1500,
    timeoutMs: 1,
    retries: 2,
    startPeriodMs: 60_000,
    startIntervalMs: 10,
    onFailure: "stop",
  });
});

Deno.test("parseHealthFlags() takes 0 for what was not given", () => {
  const given = { "health-cmd": "", "health-interval": 0, "health-retries": 0 };

  strictEqual(parseHealthFlags(flags(given)), undefined);
});

const REFUSED: readonly [given: Partial<HealthFlags>, message: string][] = [
  [
    { "no-healthcheck": true, "health-retries": 1 },
    "--no-healthcheck conflicts with --health-* options",
  ],
  [{ "health-interval": -1000 }, "--health-interval cannot be negative"],
  [{ "health-timeout": -1000 }, "--health-timeout cannot be negative"],
  [{ "health-retries": -1 }, "--health-retries cannot be negative"],
  [{ "health-start-period": -1 }, "--health-start-period cannot be negative"],
  [{ "health-start-interval": -1 }, "--health-start-interval cannot be negative"],
  [{ "health-interval": 0.5 }, "Interval in Healthcheck cannot be less than 1ms"],
  [{ "health-start-period": 1e-6 }, "StartPeriod in Healthcheck cannot be less than 1ms"],
  [{ "health-on-failure": "explode" }, 'invalid value "explode" for --health-on-failure'],
];

for (const [given, message] of REFUSED) {
  Deno.test(`parseHealthFlags() refuses ${JSON.stringify(given)}`, () => {
    throws(() => parseHealthFlags(flags(given)), { name: "WherryError", message });
  });
}

Deno.test("parseHealthFlags() has the exit code of a flag but for what docker's daemon refuses", () => {
  throws(() => parseHealthFlags(flags({ "health-retries": -1 })), { exitCode: 125 });
  throws(() => parseHealthFlags(flags({ "health-interval": 0.5 })), { exitCode: undefined });
});
