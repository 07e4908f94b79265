import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type LogQuery, LogReader } from "./log.ts";
import { type LogRecord, parseCriRecord, parseJsonRecord } from "./log_record.ts";

const encoder = new TextEncoder();

function stamp(second: number): string {
  return `2026-11-20T23:29:${String(second).padStart(2, "0")}.000000000Z`;
}

/** A record as the monitor writes it; `second` is its time. */
function line(second: number, text: string, { tag = "F", stream = "stdout" } = {}): string {
  return `${stamp(second)} ${stream} ${tag} ${text}\n`;
}

/** What a test compares: bytes as Latin-1, which keeps each one. */
function describe({ stream, isPartial, text }: LogRecord): string {
  const bytes = Array.from(text, (byte) => String.fromCharCode(byte)).join("");
  return `${stream === "stdout" ? "out" : "err"}:${bytes}${isPartial ? "…" : ""}`;
}

function readAll(reader: LogReader): string[] {
  return Array.from(reader.read(), describe);
}

/** A directory with the given log files, removed in the end. */
class LogDirectory implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "wherry-log-" });
  readonly log = `${this.path}/log`;

  write(...newestFirst: (string | Uint8Array)[]): this {
    for (const [number, content] of newestFirst.entries()) {
      const bytes = typeof content === "string" ? encoder.encode(content) : content;
      Deno.writeFileSync(number === 0 ? this.log : `${this.log}.${number}`, bytes);
    }
    return this;
  }

  append(text: string): void {
    Deno.writeTextFileSync(this.log, text, { append: true });
  }

  /** Shifts the files by one, as the monitor does when there may be three. */
  rotate(): void {
    for (const [from, to] of [["log.1", "log.2"], ["log", "log.1"]]) {
      try {
        Deno.renameSync(`${this.path}/${from}`, `${this.path}/${to}`);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    Deno.writeTextFileSync(this.log, "");
  }

  open(query?: Partial<LogQuery>): LogReader {
    return new LogReader(this.log, { parse: parseCriRecord, ...query });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function readOnce(files: (string | Uint8Array)[], query?: Partial<LogQuery>): string[] {
  using directory = new LogDirectory().write(...files);
  using reader = directory.open(query);
  return readAll(reader);
}

Deno.test("read() gives nothing when there is no log", () => {
  using directory = new LogDirectory();
  using reader = directory.open();

  deepStrictEqual(readAll(reader), []);
});

Deno.test("read() gives rotated files oldest first", () => {
  deepStrictEqual(readOnce([line(3, "c"), line(2, "b"), line(1, "a")]), [
    "out:a",
    "out:b",
    "out:c",
  ]);
});

Deno.test("read() keeps the streams and the parts of lines apart", () => {
  const content = line(1, "a", { tag: "P" }) + line(1, "e", { stream: "stderr" }) + line(1, "b");

  deepStrictEqual(readOnce([content]), ["out:a…", "err:e", "out:b"]);
});

Deno.test("read() keeps every byte when the output is binary", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 10);
  const content = new Uint8Array([
    ...encoder.encode(line(1, "").slice(0, -1)),
    ...bytes,
    10,
  ]);

  const expected = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  deepStrictEqual(readOnce([content]), [`out:${expected}`]);
});

Deno.test("read() gives a half-written record once it is complete", () => {
  using directory = new LogDirectory().write(line(1, "a") + line(2, "bcd").slice(0, -2));
  using reader = directory.open();

  const before = readAll(reader);
  directory.append("d\n");

  deepStrictEqual([before, readAll(reader)], [["out:a"], ["out:bcd"]]);
});

Deno.test("read() loses and doubles nothing when the log is rotated between two reads", () => {
  using directory = new LogDirectory().write(line(1, "a"));
  using reader = directory.open();
  const seen = readAll(reader);

  directory.append(line(2, "b"));
  directory.rotate();
  directory.append(line(3, "c"));
  directory.rotate();
  directory.append(line(4, "d"));
  seen.push(...readAll(reader));
  directory.append(line(5, "e"));
  seen.push(...readAll(reader));

  deepStrictEqual(seen, ["out:a", "out:b", "out:c", "out:d", "out:e"]);
  strictEqual(reader.damage.hasGap, false);
});

Deno.test("read() finishes the files that were open when they were rotated away", () => {
  using directory = new LogDirectory().write(line(3, "c"), line(2, "b"), line(1, "a"));
  using reader = directory.open();

  for (let times = 0; times < 3; times++) directory.rotate();

  deepStrictEqual(readAll(reader), ["out:a", "out:b", "out:c"]);
});

Deno.test("read() tells of a gap when files came and went unread", () => {
  using directory = new LogDirectory().write(line(1, "a"));
  using reader = directory.open();
  readAll(reader);

  for (let second = 2; second < 7; second++) {
    directory.rotate();
    directory.append(line(second, String(second)));
  }

  deepStrictEqual(readAll(reader), ["out:4", "out:5", "out:6"]);
  strictEqual(reader.damage.hasGap, true);
});

Deno.test("read() goes on when a full disk made the monitor cut the log", () => {
  using directory = new LogDirectory().write(line(1, "a") + line(2, "lost"));
  using reader = directory.open();
  const seen = readAll(reader);

  Deno.truncateSync(directory.log, line(1, "a").length);
  seen.push(...readAll(reader));
  directory.append(line(3, "b"));
  seen.push(...readAll(reader));

  deepStrictEqual(seen, ["out:a", "out:lost", "out:b"]);
});

Deno.test("read() counts what is no record and goes on", () => {
  using directory = new LogDirectory().write(`${line(1, "a")}torn\n${line(2, "b")}`);
  using reader = directory.open();

  deepStrictEqual([readAll(reader), reader.damage.brokenRecords], [["out:a", "out:b"], 1]);
});

Deno.test("read() skips a line that is longer than any record", () => {
  using directory = new LogDirectory().write(
    line(1, "a") + "x".repeat(500_000) + "\n" + line(2, "b"),
  );
  using reader = directory.open();

  deepStrictEqual(readAll(reader), ["out:a", "out:b"]);
  ok(reader.damage.brokenRecords > 0);
});

Deno.test("read() gives records across the border of chunks", () => {
  const texts = Array.from({ length: 20_000 }, (_, index) => `line ${index}`);

  const seen = readOnce([texts.map((text) => line(1, text)).join("")]);

  deepStrictEqual(seen, texts.map((text) => `out:${text}`));
});

const FIVE = [line(4, "d") + line(5, "e"), line(2, "b") + line(3, "c"), line(1, "a")];
const TAILS: [tail: number, expected: string[]][] = [
  [0, []],
  [1, ["out:e"]],
  [3, ["out:c", "out:d", "out:e"]],
  [4, ["out:b", "out:c", "out:d", "out:e"]],
  [9, ["out:a", "out:b", "out:c", "out:d", "out:e"]],
];

for (const [tail, expected] of TAILS) {
  Deno.test(`read() gives ${expected.length} lines of five when tail is ${tail}`, () => {
    deepStrictEqual(readOnce(FIVE, { tail }), expected);
  });
}

Deno.test("read() takes the parts of a line for one line when tail is given", () => {
  const content = line(1, "a") + line(2, "b", { tag: "P" }) + line(3, "c", { tag: "P" }) +
    line(4, "d");

  deepStrictEqual(readOnce([content], { tail: 1 }), ["out:b…", "out:c…", "out:d"]);
});

Deno.test("read() leaves an unfinished record out of the tail and gives it later", () => {
  using directory = new LogDirectory().write(line(1, "a") + line(2, "b").slice(0, -1));
  using reader = directory.open({ tail: 0 });

  const before = readAll(reader);
  directory.append("\n");

  deepStrictEqual([before, readAll(reader)], [[], ["out:b"]]);
});

Deno.test("read() finds the tail across the border of chunks", () => {
  const texts = Array.from({ length: 20_000 }, (_, index) => `line ${index}`);

  const seen = readOnce([texts.map((text) => line(1, text)).join("")], { tail: 10_000 });

  deepStrictEqual(seen, texts.slice(-10_000).map((text) => `out:${text}`));
});

const SECOND = 1_000_000_000n;
const THIRD_SECOND = BigInt(Date.parse(stamp(3))) * 1_000_000n;

Deno.test("read() gives what is between since and until, both included", () => {
  const query = { since: THIRD_SECOND, until: THIRD_SECOND + SECOND };

  deepStrictEqual(readOnce(FIVE, query), ["out:c", "out:d"]);
});

Deno.test("read() compares times to the nanosecond", () => {
  deepStrictEqual(readOnce(FIVE, { since: THIRD_SECOND + 1n }), ["out:d", "out:e"]);
});

Deno.test("read() counts the tail back from until", () => {
  deepStrictEqual(readOnce(FIVE, { tail: 2, until: THIRD_SECOND }), ["out:b", "out:c"]);
});

Deno.test("read() takes any time", () => {
  deepStrictEqual(readOnce(FIVE, { since: -1n, until: 10n ** 30n }).length, 5);
});

/** A record of docker's. */
function jsonLine(second: number, text: string): string {
  return `{"log":${
    JSON.stringify(text)
  },"stream":"stdout","time":"2026-11-20T23:29:0${second}.5Z"}\n`;
}

Deno.test("read() gives docker's records from rotated files", () => {
  const files = [jsonLine(3, "c\n"), jsonLine(1, "a\n") + jsonLine(2, "b")];

  deepStrictEqual(readOnce(files, { parse: parseJsonRecord }), ["out:a", "out:b…", "out:c"]);
});

Deno.test("read() finds the tail and the time in docker's records", () => {
  const files = [jsonLine(3, "c\n") + jsonLine(4, "d\n"), jsonLine(1, "a\n") + jsonLine(2, "b\n")];
  const until = THIRD_SECOND + 600_000_000n;

  deepStrictEqual(readOnce(files, { parse: parseJsonRecord, tail: 2, until }), ["out:b", "out:c"]);
});

Deno.test("read() gives the longest of docker's records whole", () => {
  const record = jsonLine(1, "\0".repeat(16384));

  deepStrictEqual(
    readOnce([record.repeat(10)], { parse: parseJsonRecord }),
    Array(10).fill(`out:${"\0".repeat(16384)}…`),
  );
});
