import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { compareNaturally } from "./natural_order.ts";

Deno.test("compareNaturally() puts numbers in the order of their values", () => {
  const sorted = ["9/tcp -> 0.0.0.0:5", "80/tcp -> 127.0.0.1:9", "80/tcp -> [::]:8", "443/tcp"];

  deepStrictEqual(sorted.toReversed().toSorted(compareNaturally), sorted);
});

Deno.test("compareNaturally() puts the beginning of a name before the name", () => {
  deepStrictEqual(["web1", "web", "", "web1a"].toSorted(compareNaturally), [
    "",
    "web",
    "web1",
    "web1a",
  ]);
});

Deno.test("compareNaturally() finds a name equal to itself", () => {
  strictEqual(compareNaturally("a10b", "a10b"), 0);
});
