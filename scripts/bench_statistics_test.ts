import { strictEqual, throws } from "node:assert/strict";
import { median, pairedRatio, percentile } from "./bench_statistics.ts";

Deno.test("percentile() takes the nearest rank", () => {
  strictEqual(percentile([5, 1, 4, 2, 3], 0.95), 5);
});

Deno.test("percentile() takes the smallest value for part 0", () => {
  strictEqual(percentile([5, 1, 4], 0), 1);
});

Deno.test("percentile() throws for an empty series", () => {
  throws(() => percentile([], 0.5), RangeError);
});

Deno.test("median() takes the middle value of an odd number", () => {
  strictEqual(median([9, 1, 5]), 5);
});

Deno.test("median() takes the mean of the middle values of an even number", () => {
  strictEqual(median([1, 2, 4, 9]), 3);
});

Deno.test("pairedRatio() is the median of the rounds' ratios", () => {
  strictEqual(pairedRatio([20, 30, 400], [10, 10, 100]), 3);
});

Deno.test("pairedRatio() throws when the series differ in length", () => {
  throws(() => pairedRatio([1, 2], [1]), {
    name: "RangeError",
    message: "Cannot pair 2 values with 1",
  });
});
