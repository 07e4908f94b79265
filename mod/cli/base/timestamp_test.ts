import { strictEqual, throws } from "node:assert/strict";
import { parseTimestamp } from "./timestamp.ts";

const NOW = Date.UTC(2026, 0, 2, 15, 0, 0);

const TIMES: [text: string, nanoseconds: bigint][] = [
  ["10", 10_000_000_000n],
  ["1700000000", 1_700_000_000_000_000_000n],
  ["1700000000.5", 1_700_000_000_500_000_000n],
  ["1700000000.123456789", 1_700_000_000_123_456_789n],
  ["2026-01-02T15:04:05Z", 1_767_366_245_000_000_000n],
  ["2026-01-02T15:04:05.000000007Z", 1_767_366_245_000_000_007n],
  ["2026-01-02T16:04:05+01:00", 1_767_366_245_000_000_000n],
  ["2026-01-02T15:04Z", 1_767_366_240_000_000_000n],
  ["2026-01-02Z", 1_767_312_000_000_000_000n],
  ["10m", BigInt(NOW - 600_000) * 1_000_000n],
  ["1.5s", BigInt(NOW - 1500) * 1_000_000n],
];

for (const [text, nanoseconds] of TIMES) {
  Deno.test(`parseTimestamp() reads ${text}`, () => {
    strictEqual(parseTimestamp(text, NOW), nanoseconds);
  });
}

Deno.test("parseTimestamp() takes a time without a zone for local time", () => {
  const local = new Date(2026, 0, 2, 15, 4, 5).getTime();

  strictEqual(parseTimestamp("2026-01-02T15:04:05", NOW), BigInt(local) * 1_000_000n);
});

Deno.test("parseTimestamp() takes a date alone for local midnight", () => {
  const local = new Date(2026, 0, 2).getTime();

  strictEqual(parseTimestamp("2026-01-02", NOW), BigInt(local) * 1_000_000n);
});

for (const text of ["", "yesterday", "2026-13-01", "2026-02-31", "2026-01-02T25:00", "1e3"]) {
  Deno.test(`parseTimestamp() refuses "${text}"`, () => {
    throws(() => parseTimestamp(text, NOW), {
      name: "WherryError",
      message: `Cannot read time "${text}": no known form`,
    });
  });
}
