import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, plan, readBytes, readLog, run, shell, testBoth } from "./testing.ts";

const CLONE = ["clone", "0"];

function readRecords(path: string): string[] {
  return readBytes(path).trimEnd().split("\n");
}

testBoth("log_append() writes CRI records of both streams", async ({ start, directory }) => {
  const log = `${directory}/log`;

  await using monitor = start(plan(["log", log, "0", "1"], CLONE, shell("echo out; echo err >&2")));
  await monitor.finished();

  const records = readRecords(log).sort((a, b) => a.slice(30).localeCompare(b.slice(30)));
  match(records[0] ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stderr F err$/);
  match(records[1] ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stdout F out$/);
  strictEqual(records.length, 2);
});

testBoth("log_append() writes the present time", async ({ start, directory }) => {
  const log = `${directory}/log`;
  const before = Date.now();

  await using monitor = start(plan(["log", log, "0", "1"], CLONE, shell("echo")));
  await monitor.finished();

  const written = Date.parse(readBytes(log).split(" ")[0] ?? "");
  ok(written >= before && written <= Date.now());
});

testBoth("log_append() keeps all bytes, binary ones too", async ({ start, directory }) => {
  const log = `${directory}/log`;
  const input = `${directory}/input`;
  const bytes = new Uint8Array(100_000).map((_, index) => Math.imul(index, 2654435761) >>> 13);
  Deno.writeFileSync(input, bytes);

  await using monitor = start(plan(["log", log, "0", "1"], CLONE, shell(`cat ${input}`)));
  await monitor.finished();

  strictEqual(readLog(log), readBytes(input));
});

testBoth("log_append() tags a text without newline as partial", async ({ start, directory }) => {
  const log = `${directory}/log`;

  await using monitor = start(plan(["log", log, "0", "1"], CLONE, shell("printf 'a\\n\\nb'")));
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

  await using monitor = start(plan(["log", log, "0", "1"], CLONE, shell(line)));
  await monitor.finished();

  strictEqual(readLog(log), "x".repeat(50000) + "\n");
  ok(readRecords(log).every((record) => record.length <= 16384 + 40));
});

testBoth("log_append() makes a partial line visible at once", async ({ start, directory }) => {
  const log = `${directory}/log`;

  await using monitor = start(
    plan(["log", log, "0", "1"], CLONE, shell("printf 'login: '; exec sleep 100")),
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

    await using monitor = start(plan(["log", log, "0", "1"], CLONE, shell("echo new")));
    await monitor.finished();

    strictEqual(readLog(log), "to\nnew\n");
  },
);

testBoth(
  "log_open() fails the step when the directory is missing",
  async ({ start, directory }) => {
    await using monitor = start(
      plan(["log", `${directory}/no/log`, "0", "1"], CLONE, shell("true")),
    );

    strictEqual(await monitor.receive(), "failed 0 2");
  },
);

testBoth(
  "rotate() keeps the newest files within their limit and loses nothing in them",
  async ({ start, directory }) => {
    const log = `${directory}/log`;
    const script = "i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); done";

    await using monitor = start(plan(["log", log, "20000", "3"], CLONE, shell(script)));
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

  await using monitor = start(plan(["log", log, "1000", "1"], CLONE, shell(script)));
  await monitor.finished();

  deepStrictEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["log"]);
  ok(readLog(log).endsWith("line 99\n"));
  ok(Deno.statSync(log).size <= 1000);
});

testBoth(
  "log_append() counts what a full disk refuses and never blocks",
  async ({ start, directory }) => {
    const disk = `${directory}/disk`;
    Deno.mkdirSync(disk);
    await run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk);
    try {
      Deno.writeFileSync(`${disk}/filler`, new Uint8Array(40_000));
      const script = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done;" +
        `rm ${disk}/filler; echo last`;

      await using monitor = start(plan(["log", `${disk}/log`, "0", "1"], CLONE, shell(script)));

      strictEqual(await monitor.finished(), "exited 0");
      const lines = readLog(`${disk}/log`).trimEnd().split("\n");
      const reports = readLog(`${disk}/log`, "stderr").trimEnd().split("\n");
      const lost = reports.map((report) => /^wherry: (\d+) log records lost$/.exec(report)?.[1]);
      strictEqual(lines.at(-1), "last");
      strictEqual(lost.reduce((sum, count) => sum + Number(count), lines.length - 1), 2000);
      ok(lines.length < 2000);
    } finally {
      await run("umount", disk);
    }
  },
);

testBoth("record_write() records the exit code on a full disk", async ({ start, directory }) => {
  const disk = `${directory}/disk`;
  Deno.mkdirSync(disk);
  await run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk);
  try {
    const script = `head -c 1000000 /dev/zero >${disk}/filler; exit 7`;
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
