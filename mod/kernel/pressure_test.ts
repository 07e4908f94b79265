import { deepStrictEqual } from "node:assert/strict";
import { parsePressure } from "./pressure.ts";

Deno.test("parsePressure() takes the averages of ten seconds", () => {
  const text = "some avg10=1.25 avg60=3.00 avg300=9.52 total=15430222278\n" +
    "full avg10=0.00 avg60=0.10 avg300=0.00 total=0\n";

  deepStrictEqual(parsePressure(text), { some: 1.25, full: 0 });
});

Deno.test("parsePressure() leaves out what a kernel before Linux 5.13 does not tell of processors", () => {
  const text = "some avg10=100.00 avg60=3.00 avg300=9.52 total=15430222278\n";

  deepStrictEqual(parsePressure(text), { some: 100, full: undefined });
});
