import { strictEqual } from "node:assert/strict";
import { CONTAINER_SHAPE } from "./inspect_shapes.ts";
import { parseTemplate } from "../template/template.ts";

const DURATIONS: [nanoseconds: number | undefined, text: string][] = [
  [undefined, "0s"],
  [25, "25ns"],
  [1500, "1.5µs"],
  [100e6, "100ms"],
  [1.5e9, "1.5s"],
  [90e9, "1m30s"],
  [3600e9, "1h0m0s"],
  [90061.5e9, "25h1m1.5s"],
  [-2e9, "-2s"],
];

for (const [Interval, text] of DURATIONS) {
  Deno.test(`CONTAINER_SHAPE shows an interval of ${Interval} ns as ${text}`, () => {
    const container = CONTAINER_SHAPE.read({ Config: { Healthcheck: { Interval } } });

    strictEqual(parseTemplate("{{.Config.Healthcheck.Interval}}").execute(container), text);
  });
}

const TIMES: [time: string | undefined, text: string][] = [
  [undefined, "0001-01-01 00:00:00 +0000 UTC"],
  ["2026-11-21T02:35:46Z", "2026-11-21 02:35:46 +0000 UTC"],
  ["2026-11-21T02:35:40.500Z", "2026-11-21 02:35:40.5 +0000 UTC"],
  ["2026-11-21T02:35:40.000Z", "2026-11-21 02:35:40 +0000 UTC"],
  ["2026-11-21T02:35:46.75+02:00", "2026-11-21 02:35:46.75 +0200 +0200"],
  ["no time", "no time"],
];

for (const [Start, text] of TIMES) {
  Deno.test(`CONTAINER_SHAPE shows the time ${Start} as ${text}`, () => {
    const container = CONTAINER_SHAPE.read({ State: { Health: { Log: [{ Start }] } } });

    strictEqual(parseTemplate("{{(index .State.Health.Log 0).Start}}").execute(container), text);
  });
}
