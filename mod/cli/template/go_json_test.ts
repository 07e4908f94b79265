import { strictEqual } from "node:assert/strict";
import { formatGoJson } from "./go_json.ts";
import { GoFloat, GoJsonNumber, GoList, GoPointer, GoStringer, goValueOf } from "./go_value.ts";

const FORMATTED: [value: unknown, json: string][] = [
  [goValueOf({ b: [1, null, true], "10": "x", "9": 1.5 }), '{"10":"x","9":1.5,"b":[1,null,true]}'],
  [goValueOf({ method: (): number => 1, a: "<&>\u2028" }), '{"a":"<&>\\u2028"}'],
  [new GoFloat(1e21), "1e+21"],
  [new GoJsonNumber("42"), "42"],
  [new GoList("[]string", [], true), "null"],
  [new GoPointer("*int", undefined), "null"],
  [new GoPointer("*int", 5), "5"],
  [new GoStringer("time.Duration", { text: "1s", json: 1e9 }), "1000000000"],
];

for (const [value, json] of FORMATTED) {
  Deno.test(`formatGoJson() gives ${json}`, () => {
    strictEqual(formatGoJson(value), json);
  });
}
