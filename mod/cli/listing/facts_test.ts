import { strictEqual, throws } from "node:assert/strict";
import { formatFacts, formatObject } from "./facts.ts";

Deno.test("formatFacts() aligns values and gives a list one line for each entry", () => {
  strictEqual(
    formatFacts([["A", 1], ["Longer", ["x", "y"]], ["Empty", ""]]),
    " A:       1\n Longer:  x\n          y\n Empty:\n",
  );
});

Deno.test("formatFacts() escapes control characters", () => {
  strictEqual(formatFacts([["A", "\x1b[2J"]]), " A:  \\x1b[2J\n");
});

Deno.test("formatObject() prints JSON in one line", () => {
  strictEqual(formatObject({ A: { B: 1 } }, "json"), '{"A":{"B":1}}\n');
});

Deno.test("formatObject() carries out a template", () => {
  strictEqual(formatObject({ A: { B: 1 } }, "{{.A.B}}"), "1\n");
});

Deno.test("formatObject() refuses a field that is not there", () => {
  throws(() => formatObject({ A: 1 }, "{{.B}}"), { kind: "invalid_argument" });
});
