import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import {
  eventually,
  execute,
  plan,
  readBytes,
  readLog,
  run,
  shell,
  testBoth,
  testRelease,
} from "./testing.ts";

const CLONE = ["clone", "0"];

function readRecords(path: string): string[] {
  return readBytes(path).trimEnd().split("\n");
}

testBoth("log_append() writes CRI records of both streams", async ({ start, directory }) => {
  const log = `${directory}/log`;

  await using monitor = start(
    plan(["log", log, "cri", "0", "1"], CLONE, shell("echo out; echo err >&2")),
  );
  await monitor.finished();

  const records = readRecords(log).sort((a, b) => a.slice(30).localeCompare(b.slice(30)));
  match(records[0] ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stderr F err$/);
  match(records[1] ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stdout F out$/);
  strictEqual(records.length, 2);
});

testBoth("log_append() writes the present time", async ({ start, directory }) => {
  const log = `${directory}/log`;
  const before = Date.now();

  await using monitor = start(plan(["log", log, "cri", "0", "1"], CLONE, shell("echo")));
  await monitor.finished();

  const written = Date.parse(readBytes(log).split(" ")[0] ?? "");
  ok(written >= before && written <= Date.now());
});

testBoth("log_append() keeps all bytes, binary ones too", async ({ start, directory }) => {
  const log = `${directory}/log`;
  const input = `${directory}/input`;
  const bytes = new Uint8Array(100_000).map((_, index) => Math.imul(index, 2654435761) >>> 13);
  Deno.writeFileSync(input, bytes);

  await using monitor = start(plan(["log", log, "cri", "0", "1"], CLONE, shell(`cat ${input}`)));
  await monitor.finished();

  strictEqual(readLog(log), readBytes(input));
});

testBoth("log_append() tags a text without newline as partial", async ({ start, directory }) => {
  const log = `${directory}/log`;

  await using monitor = start(
    plan(["log", log, "cri", "0", "1"], CLONE, shell("printf 'a\\n\\nb'")),
  );
  await monitor.finished();

  deepStrictEqual(readRecords(log).map((record) => record.slice(31)), [
    "stdout F a",
    "stdout F ",
    "stdout P b",
  ]);
});

testBoth("log_append() splits a line longer than 16 KiB", async ({ start, directory }) => {
  const log = `${directory}/log`;
  const line = "head -c 50000 /dev/zero | tr '\\0' x; echo";

  await using monitor = start(plan(["log", log, "cri", "0", "1"], CLONE, shell(line)));
  await monitor.finished();

  strictEqual(readLog(log), "x".repeat(50000) + "\n");
  ok(readRecords(log).every((record) => record.length <= 16384 + 40));
});

testBoth("log_append() makes a partial line visible at once", async ({ start, directory }) => {
  const log = `${directory}/log`;

  await using monitor = start(
    plan(["log", log, "cri", "0", "1"], CLONE, shell("printf 'login: '; exec sleep 100")),
  );
  await monitor.started();

  await eventually(() => readLog(log) === "login: ");
  monitor.send("signal 9");
});

testBoth(
  "log_open() ends a record that a killed monitor left torn",
  async ({ start, directory }) => {
    const log = `${directory}/log`;
    Deno.writeTextFileSync(log, "2026-11-20T23:29:20.000000000Z stdout F to");

    await using monitor = start(plan(["log", log, "cri", "0", "1"], CLONE, shell("echo new")));
    await monitor.finished();

    strictEqual(readLog(log), "to\nnew\n");
  },
);

testBoth(
  "log_open() fails the step when the directory is missing",
  async ({ start, directory }) => {
    await using monitor = start(
      plan(["log", `${directory}/no/log`, "cri", "0", "1"], CLONE, shell("true")),
    );

    strictEqual(await monitor.receive(), "failed 0 2");
  },
);

testBoth(
  "rotate() keeps the newest files within their limit and loses nothing in them",
  async ({ start, directory }) => {
    const log = `${directory}/log`;
    const script = "i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); done";

    await using monitor = start(plan(["log", log, "cri", "20000", "3"], CLONE, shell(script)));
    await monitor.finished();

    const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    deepStrictEqual(names, ["log", "log.1", "log.2"]);
    const files = ["log.2", "log.1", "log"].map((name) => `${directory}/${name}`);
    ok(files.every((path) => Deno.statSync(path).size <= 20000));
    const lines = files.map((path) => readLog(path)).join("").trimEnd().split("\n");
    const first = 1000 - lines.length;
    deepStrictEqual(lines, lines.map((_, index) => `line ${first + index}`));
    ok(lines.length > 600);
  },
);

testBoth("rotate() empties the only file when one is all", async ({ start, directory }) => {
  const log = `${directory}/log`;
  const script = "i=0; while [ $i -lt 100 ]; do echo line $i; i=$((i+1)); done";

  await using monitor = start(plan(["log", log, "cri", "1000", "1"], CLONE, shell(script)));
  await monitor.finished();

  deepStrictEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["log"]);
  ok(readLog(log).endsWith("line 99\n"));
  ok(Deno.statSync(log).size <= 1000);
});

/** Bytes of `line 0` to `line 1999` with their newlines. */
const LINES_LENGTH = 2000 * "line \n".length + 10 + 90 * 2 + 900 * 3 + 1000 * 4;

/** How many bytes a process has read so far. @see proc_pid_io(5) */
function bytesRead(pid: number): number {
  return Number(/^rchar: (\d+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/io`))?.[1]);
}

/** The lines of one stream, in the order of their records. */
const READERS = {
  cri: (path: string, stream: string): string[] => readLog(path, stream).trimEnd().split("\n"),
  json: (path: string, stream: string): string[] =>
    readJson(path).filter((record) => record.stream === stream).map(({ log }) => log.trimEnd()),
} as const;

for (const [format, readLines] of Object.entries(READERS)) {
  testBoth(
    `log_append() counts what a full disk refuses in ${format} and never blocks`,
    async ({ start, directory }) => {
      const disk = `${directory}/disk`;
      Deno.mkdirSync(disk);
      await run("mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk);
      try {
        Deno.writeFileSync(`${disk}/filler`, new Uint8Array(500_000));
        const script = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done;" +
          `until [ -e ${directory}/go ]; do sleep 0.01; done; rm ${disk}/filler; echo last`;
        const log = `${disk}/log`;
        const bytes = plan(["log", log, format, "0", "1"], CLONE, shell(script));

        await using monitor = start(bytes);
        await eventually(() => bytesRead(monitor.pid) >= bytes.length + LINES_LENGTH);
        Deno.writeTextFileSync(`${directory}/go`, "");

        strictEqual(await monitor.finished(), "exited 0");
        const lines = readLines(log, "stdout");
        const reports = readLines(log, "stderr");
        const lost = reports.map((report) => /^wherry: (\d+) log records lost$/.exec(report)?.[1]);
        strictEqual(lines.at(-1), "last");
        strictEqual(lost.reduce((sum, count) => sum + Number(count), lines.length - 1), 2000);
        ok(lines.length < 2000);
      } finally {
        await run("umount", disk);
      }
    },
  );
}

interface JsonRecord {
  log: string;
  stream: string;
  time: string;
}

function readJson(path: string): JsonRecord[] {
  return Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line));
}

testBoth("log_append() writes docker's records in JSON", async ({ start, directory }) => {
  const log = `${directory}/log`;

  await using monitor = start(
    plan(["log", log, "json", "0", "1"], CLONE, shell("echo out; sleep 0.1; printf err >&2")),
  );
  await monitor.finished();

  match(
    readBytes(log),
    /^\{"log":"out\\n","stream":"stdout","time":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d*[1-9])?Z"\}\n/,
  );
  match(readBytes(log), /\n\{"log":"err","stream":"stderr","time":"[^"]+"\}\n$/);
});

/** What `json-file` of docker makes of bytes. */
const ESCAPES: readonly [what: string, bytes: readonly number[], text: string][] = [
  ["quotes and backslashes", [0x22, 0x5c], '\\"\\\\'],
  ["control characters", [0x00, 0x09, 0x0d, 0x1b, 0x1f], "\\u0000\\u0009\\r\\u001b\\u001f"],
  ["DEL, which is plain", [0x7f], "\x7f"],
  ["what HTML means by it", [0x3c, 0x3e, 0x26], "\\u003c\\u003e\\u0026"],
  ["sequences of two, three and four bytes", [..."é€😀"].flatMap(bytesOf), "é€😀"],
  [
    "line separators",
    [..."\u2027\u2028\u2029\u202a"].flatMap(bytesOf),
    "\u2027\\u2028\\u2029\u202a",
  ],
  ["a stray continuation", [0x41, 0x80, 0x42], "A\\ufffdB"],
  ["overlong forms", [0xc0, 0xaf, 0xe0, 0x80, 0xaf], "\\ufffd".repeat(5)],
  ["surrogates", [0xed, 0xa0, 0x80], "\\ufffd".repeat(3)],
  ["what is above U+10FFFF", [0xf4, 0x90, 0x80, 0x80], "\\ufffd".repeat(4)],
  ["a sequence that is cut off", [0xe2, 0x82, 0x0a], "\\ufffd\\ufffd\\n"],
];

function bytesOf(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

for (const [what, bytes, text] of ESCAPES) {
  testBoth(`record_add() escapes ${what} as docker does`, async ({ start, directory }) => {
    const log = `${directory}/log`;
    const input = `${directory}/input`;
    Deno.writeFileSync(input, new Uint8Array(bytes));

    await using monitor = start(
      plan(["log", log, "json", "0", "1"], CLONE, execute("/bin/cat", input)),
    );
    await monitor.finished();

    strictEqual(Deno.readTextFileSync(log).split('","stream"')[0], `{"log":"${text}`);
  });
}

testBoth("log_finish() ends the line of JSON of each run", async ({ start, directory }) => {
  const log = `${directory}/log`;
  await using monitor = start(plan(
    ["log", log, "json", "0", "1"],
    ["restart", "on-failure", "1", "15"],
    ["clone", "0"],
    shell("printf cut; exit 1"),
  ));
  await monitor.finished();
  await monitor.receive();

  deepStrictEqual(
    Deno.readTextFileSync(log).trimEnd().split("\n").map((line) => JSON.parse(line).log),
    ["cut", "cut"],
  );
});

testBoth(
  "log_append() splits a line of JSON at 16 KiB as docker does",
  async ({ start, directory }) => {
    const log = `${directory}/log`;
    const script =
      "head -c 50000 /dev/zero | tr '\\0' x; echo; head -c 16384 /dev/zero | tr '\\0' y; " +
      "echo; echo z";

    await using monitor = start(plan(["log", log, "json", "0", "1"], CLONE, shell(script)));
    await monitor.finished();

    const records = readJson(log);
    deepStrictEqual(records.map(({ log }) => [log.length, log.at(-1)]), [
      [16384, "x"],
      [16384, "x"],
      [16384, "x"],
      [849, "\n"],
      [16384, "y"],
      [1, "\n"],
      [2, "\n"],
    ]);
    strictEqual(new Set(records.slice(0, 4).map(({ time }) => time)).size, 1);
  },
);

testBoth(
  "log_append() makes one record of a line that came in pieces",
  async ({ start, directory }) => {
    const log = `${directory}/log`;
    const script = `printf a; sleep 0.05; printf b; echo e >&2
      until grep -q '"e' ${log}; do sleep 0.01; done; echo c; printf end`;

    await using monitor = start(plan(["log", log, "json", "0", "1"], CLONE, shell(script)));
    await monitor.finished();

    deepStrictEqual(readJson(log).map(({ log }) => log), ["e\n", "abc\n", "end"]);
  },
);

testRelease("shrink() gives back the memory that escapes took", async ({ start, directory }) => {
  const log = `${directory}/log`;
  const script = "head -c 1000000 /dev/zero; exec sleep 100";

  await using monitor = start(plan(["log", log, "json", "0", "1"], CLONE, shell(script)));
  await monitor.started();

  await eventually(() => Deno.statSync(log).size > 5_900_000);
  monitor.send("signal 0");
  await monitor.receive(); // by now it has done with the output
  const [, residentKib] = /^Rss:\s+(\d+) kB/m.exec(
    Deno.readTextFileSync(`/proc/${monitor.pid}/smaps_rollup`),
  ) ?? [];
  ok(Number(residentKib) < 160, `${residentKib} KiB`);
  monitor.send("signal 9");
});

testBoth("rotate() keeps files of JSON within their limit", async ({ start, directory }) => {
  const log = `${directory}/log`;
  const script = "i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); done";

  await using monitor = start(plan(["log", log, "json", "30000", "3"], CLONE, shell(script)));
  await monitor.finished();

  const files = ["log.2", "log.1", "log"].map((name) => `${directory}/${name}`);
  ok(files.every((path) => Deno.statSync(path).size <= 30000));
  const lines = files.flatMap((path) => readJson(path).map(({ log }) => log));
  const first = 1000 - lines.length;
  deepStrictEqual(lines, lines.map((_, index) => `line ${first + index}\n`));
  ok(lines.length > 600);
});

testBoth("record_write() records the exit code on a full disk", async ({ start, directory }) => {
  const disk = `${directory}/disk`;
  Deno.mkdirSync(disk);
  await run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk);
  try {
    const script = `until [ -e ${disk}/state ]; do sleep 0.01; done; ` +
      `head -c 1000000 /dev/zero >${disk}/filler; exit 7`;
    const record = ["record", `${disk}/state`, "durable"];

    await using monitor = start(plan(record, CLONE, shell(script)));

    strictEqual(await monitor.finished(), "exited 7");
    const { status, exitCode } = JSON.parse(Deno.readTextFileSync(`${disk}/state`));
    deepStrictEqual([status, exitCode], ["exited", 7]);
    ok(![...Deno.readDirSync(disk)].some(({ name }) => name.endsWith(".tmp")));
  } finally {
    await run("umount", disk);
  }
});
