import { deepStrictEqual } from "node:assert/strict";
import type { LogRecord } from "../../container/log/log_record.ts";
import { LogPrinter, type LogPrinterOptions } from "./log_printer.ts";

const encoder = new TextEncoder();
const STAMP = "2026-11-20T23:29:20.123456789Z";

function record(text: string, options: Partial<LogRecord> = {}): LogRecord {
  return {
    timestamp: encoder.encode(STAMP),
    stream: "stdout",
    isPartial: false,
    text: encoder.encode(text),
    ...options,
  };
}

/** Every write, as stream and text. */
function printed(records: LogRecord[], options: LogPrinterOptions): [string, string][] {
  const writes: [string, string][] = [];
  const decode = (bytes: string | Uint8Array): string =>
    typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes);
  const printer = new LogPrinter({
    write: (bytes) => writes.push(["stdout", decode(bytes)]),
    writeDiagnostic: (bytes) => writes.push(["stderr", decode(bytes)]),
  }, options);
  printer.print(records);
  return writes;
}

Deno.test("print() keeps the streams apart and their order", () => {
  const records = [record("a"), record("b"), record("e", { stream: "stderr" }), record("c")];

  deepStrictEqual(printed(records, { hasTimestamps: false }), [
    ["stdout", "a\nb\n"],
    ["stderr", "e\n"],
    ["stdout", "c\n"],
  ]);
});

Deno.test("print() adds no newline where the container wrote none", () => {
  const records = [record("a", { isPartial: true }), record("b", { isPartial: true })];

  deepStrictEqual(printed(records, { hasTimestamps: false }), [["stdout", "ab"]]);
});

Deno.test("print() stamps each line once when it comes in parts", () => {
  const records = [record("a", { isPartial: true }), record("b"), record("c")];

  deepStrictEqual(printed(records, { hasTimestamps: true }), [
    ["stdout", `${STAMP} ab\n${STAMP} c\n`],
  ]);
});

Deno.test("print() prints a record that is larger than its buffer", () => {
  const text = "x".repeat(100_000);

  deepStrictEqual(printed([record("a"), record(text)], { hasTimestamps: false }), [
    ["stdout", "a\n"],
    ["stdout", text],
    ["stdout", "\n"],
  ]);
});

Deno.test("print() begins each line with the details, behind the time", () => {
  const records = [record("a"), record("b", { isPartial: true }), record("c")];

  deepStrictEqual(printed(records, { hasTimestamps: true, details: "app=web" }), [
    ["stdout", `${STAMP} app=web a\n${STAMP} app=web bc\n`],
  ]);
});

Deno.test("print() begins each line with a blank when there are no details to show", () => {
  deepStrictEqual(printed([record("a")], { hasTimestamps: false, details: "" }), [
    ["stdout", " a\n"],
  ]);
});
