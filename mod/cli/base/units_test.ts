import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { WherryError } from "../../errors.ts";
import {
  formatBinarySize,
  formatDecimalSize,
  formatDuration,
  parseDuration,
  parseSize,
} from "./units.ts";

const DECIMAL_SIZES: [bytes: number, text: string][] = [
  [0, "0B"],
  [1, "1B"],
  [999, "999B"],
  [1000, "1kB"],
  [4_261_550, "4.26MB"],
  [117_234_567, "117MB"],
  [999_600, "1MB"],
  [1_500_000_000, "1.5GB"],
];

for (const [bytes, text] of DECIMAL_SIZES) {
  Deno.test(`formatDecimalSize() gives ${text} for ${bytes} bytes`, () => {
    strictEqual(formatDecimalSize(bytes), text);
  });
}

Deno.test("formatDecimalSize() keeps as many digits as asked", () => {
  strictEqual(formatDecimalSize(4_261_550, 4), "4.262MB");
});

Deno.test("formatBinarySize() divides by 1024 and keeps four digits", () => {
  deepStrictEqual([1023, 1536, 104_857_600].map(formatBinarySize), ["1023B", "1.5KiB", "100MiB"]);
});

const SIZES: [text: string, bytes: number][] = [
  ["4096", 4096],
  ["100m", 104_857_600],
  ["100M", 104_857_600],
  ["1.5g", 1_610_612_736],
  ["64KiB", 65_536],
  ["64kb", 65_536],
  ["10 k", 10_240],
  ["5b", 5],
  ["1t", 1_099_511_627_776],
  ["1.9", 1],
];

for (const [text, bytes] of SIZES) {
  Deno.test(`parseSize() reads ${text}`, () => {
    strictEqual(parseSize(text), bytes);
  });
}

const BAD_SIZES: [text: string, message: string][] = [
  ["", "invalid size: ''"],
  ["x", "invalid size: 'x'"],
  ["-1", "invalid size: '-1'"],
  ["5x", "invalid suffix: 'x'"],
  ["5bb", "invalid suffix: 'bb'"],
  ["5kix", "invalid suffix: 'kix'"],
  ["1e99", "invalid size: '1e99'"],
  ["1.2.3m", "invalid size: '1.2.3m'"],
];

for (const [text, message] of BAD_SIZES) {
  Deno.test(`parseSize() refuses ${JSON.stringify(text)}`, () => {
    throws(() => parseSize(text), { name: "WherryError", kind: "invalid_argument", message });
  });
}

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
const DURATIONS: [ms: number, text: string][] = [
  [-5, "Less than a second"],
  [999, "Less than a second"],
  [1 * SECOND, "1 second"],
  [59 * SECOND, "59 seconds"],
  [60 * SECOND, "About a minute"],
  [120 * SECOND, "2 minutes"],
  [59 * 60 * SECOND, "59 minutes"],
  [HOUR, "About an hour"],
  [1.6 * HOUR, "2 hours"],
  [47 * HOUR, "47 hours"],
  [2 * DAY, "2 days"],
  [14 * DAY, "2 weeks"],
  [60 * DAY, "2 months"],
  [730 * DAY, "2 years"],
];

for (const [ms, text] of DURATIONS) {
  Deno.test(`formatDuration() gives "${text}" for ${ms} ms`, () => {
    strictEqual(formatDuration(ms), text);
  });
}

const PARSED_DURATIONS: [text: string, ms: number][] = [
  ["0", 0],
  ["10s", 10_000],
  ["1m30s", 90_000],
  ["1.5h", 5_400_000],
  ["-5ms", -5],
  ["+2s", 2000],
  ["500us", 0.5],
  ["500µs", 0.5],
  ["1h2m3s4ms", 3_723_004],
  [".5s", 500],
];

for (const [text, ms] of PARSED_DURATIONS) {
  Deno.test(`parseDuration() reads ${text}`, () => {
    strictEqual(parseDuration(text), ms);
  });
}

const BAD_DURATIONS: [text: string, message: string][] = [
  ["", 'time: invalid duration ""'],
  ["-", 'time: invalid duration "-"'],
  ["x", 'time: invalid duration "x"'],
  ["10", 'time: missing unit in duration "10"'],
  ["10x", 'time: unknown unit "x" in duration "10x"'],
  ["1m30", 'time: missing unit in duration "1m30"'],
  ["999999999999999h", 'time: invalid duration "999999999999999h"'],
];

for (const [text, message] of BAD_DURATIONS) {
  Deno.test(`parseDuration() refuses ${JSON.stringify(text)}`, () => {
    throws(
      () => parseDuration(text),
      (error) => error instanceof WherryError && error.message === message,
    );
  });
}
