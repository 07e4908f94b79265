import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { parseCriRecord, parseJsonRecord, recordParser } from "./log_record.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function stamp(second: number): string {
  return `2026-11-20T23:29:${String(second).padStart(2, "0")}.000000000Z`;
}

/** A CRI record as the monitor writes it; `second` is its time. */
function line(second: number, text: string, { tag = "F", stream = "stdout" } = {}): string {
  return `${stamp(second)} ${stream} ${tag} ${text}\n`;
}

/** A record of docker's; `text` is escaped already. */
function jsonLine(text: string, { stream = "stdout", time = stamp(1) } = {}): string {
  return `{"log":"${text}","stream":"${stream}","time":"${time}"}\n`;
}

Deno.test("parseCriRecord() takes a record apart", () => {
  const record = parseCriRecord(encoder.encode(line(1, "a b", { stream: "stderr", tag: "P" })));

  deepStrictEqual(record, {
    timestamp: encoder.encode(stamp(1)),
    stream: "stderr",
    isPartial: true,
    text: encoder.encode("a b"),
  });
});

Deno.test("parseCriRecord() takes an empty line", () => {
  strictEqual(parseCriRecord(encoder.encode(line(1, "")))?.text.length, 0);
});

for (
  const broken of ["", "\n", "hello\n", line(1, "x").slice(0, -1), line(1, "x", { tag: "X" })]
) {
  Deno.test(`parseCriRecord() refuses ${JSON.stringify(broken)}`, () => {
    strictEqual(parseCriRecord(encoder.encode(broken)), undefined);
  });
}

Deno.test("parseJsonRecord() takes a whole line apart", () => {
  deepStrictEqual(parseJsonRecord(encoder.encode(jsonLine("a b\\n", { stream: "stderr" }))), {
    timestamp: encoder.encode(stamp(1)),
    stream: "stderr",
    isPartial: false,
    text: encoder.encode("a b"),
  });
});

Deno.test("parseJsonRecord() takes text without newline for a part of a line", () => {
  const record = parseJsonRecord(encoder.encode(jsonLine("a b")));

  deepStrictEqual([record?.isPartial, decoder.decode(record?.text)], [true, "a b"]);
});

const ESCAPED: readonly [escaped: string, text: string, isPartial: boolean][] = [
  ["", "", true],
  ["\\n", "", false],
  ["\\\\n", "\\n", true],
  ["\\\\\\n", "\\", false],
  ["\\r\\n", "\r", false],
  ['\\"a\\"\\n', '"a"', false],
  ["\\u003ca\\u003e\\u0026\\n", "<a>&", false],
  ["\\u0000\\u001b[1m", "\0\x1b[1m", true],
  ["\\ufffd\\u2028é😀\\n", "\ufffd\u2028é😀", false],
  ["\\t\\b\\f\\/", "\t\b\f/", true],
  ['\\",\\"stream\\":\\"stderr\\"', '","stream":"stderr"', true],
];

for (const [escaped, text, isPartial] of ESCAPED) {
  Deno.test(`parseJsonRecord() reads ${JSON.stringify(escaped)}`, () => {
    const record = parseJsonRecord(encoder.encode(jsonLine(escaped)));

    deepStrictEqual([decoder.decode(record?.text), record?.isPartial], [text, isPartial]);
  });
}

const TIMES: readonly [time: string, timestamp: string][] = [
  ["2026-11-20T23:29:20Z", "2026-11-20T23:29:20.000000000Z"],
  ["2026-11-20T23:29:20.5Z", "2026-11-20T23:29:20.500000000Z"],
  ["2026-11-20T23:29:20.12345678Z", "2026-11-20T23:29:20.123456780Z"],
  ["2026-11-20T23:29:20.123456789Z", "2026-11-20T23:29:20.123456789Z"],
];

for (const [time, timestamp] of TIMES) {
  Deno.test(`parseJsonRecord() gives ${time} nine digits`, () => {
    const record = parseJsonRecord(encoder.encode(jsonLine("x", { time })));

    strictEqual(decoder.decode(record?.timestamp), timestamp);
  });
}

const BROKEN_JSON = [
  "",
  "\n",
  "hello\n",
  jsonLine("x").slice(0, -1),
  jsonLine("x").slice(3),
  jsonLine("\\x"),
  jsonLine("\\u12"),
  jsonLine("\\"),
  jsonLine("x", { stream: "stdlog" }),
  jsonLine("x", { time: "never" }),
  '{"log":"","time":"2026-11-20T23:29:20Z"}\n',
];

for (const broken of BROKEN_JSON) {
  Deno.test(`parseJsonRecord() refuses ${JSON.stringify(broken)}`, () => {
    strictEqual(parseJsonRecord(encoder.encode(broken)), undefined);
  });
}

Deno.test("recordParser() knows the format of each driver", () => {
  strictEqual(recordParser("local"), parseCriRecord);
  strictEqual(recordParser("json-file"), parseJsonRecord);
  strictEqual(recordParser("none"), undefined);
});
