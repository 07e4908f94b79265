import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { ContainerStats } from "../../engine/inspect/stats.ts";
import { formatRows } from "./rows.ts";
import { goneStatsRow, STATS_LAYOUT, STATS_LAYOUT_WITH_PRESSURE, statsRow } from "./stats_rows.ts";

const ID = "0123456789abcdef".repeat(4);

const WEB: ContainerStats = {
  id: ID,
  name: "web",
  wanted: ID,
  isRunning: true,
  cpuPercent: 12.345,
  memoryBytes: 1.5 * 2 ** 20,
  memoryLimitBytes: 2 ** 30,
  receivedBytes: 1230,
  sentBytes: 0,
  readBytes: 4_260_000,
  writtenBytes: 12_300,
  taskCount: 3,
  pressure: { cpu: { some: 1.5, full: undefined }, memory: { some: 0, full: 0 } },
};

Deno.test("statsRow() writes numbers as docker does", () => {
  deepStrictEqual(statsRow(WEB, { isWhole: false }), {
    BlockIO: "4.26MB / 12.3kB",
    CPUPerc: "12.35%",
    Container: "0123456789ab",
    ID: "0123456789ab",
    MemPerc: "0.15%",
    MemUsage: "1.5MiB / 1GiB",
    Name: "web",
    NetIO: "1.23kB / 0B",
    PIDs: "3",
    CPUPressure: "1.50% / --",
    MemPressure: "0.00% / 0.00%",
    IOPressure: "-- / --",
  });
});

Deno.test("statsRow() gives ids in full on request, and the word that was asked for", () => {
  const row = statsRow({ ...WEB, wanted: "web" }, { isWhole: true });

  deepStrictEqual([row["ID"], row["Container"]], [ID, "web"]);
});

Deno.test("statsRow() makes up nothing where nobody counts", () => {
  const row = statsRow({
    ...WEB,
    cpuPercent: undefined,
    memoryBytes: undefined,
    readBytes: undefined,
    writtenBytes: undefined,
    taskCount: undefined,
  }, { isWhole: false });

  deepStrictEqual(
    [row["CPUPerc"], row["MemUsage"], row["MemPerc"], row["BlockIO"], row["PIDs"]],
    ["--", "-- / 1GiB", "--", "-- / --", "--"],
  );
});

Deno.test("statsRow() gives a container that does not run zeros, as docker does", () => {
  const row = statsRow(
    { ...WEB, cpuPercent: 0, memoryBytes: 0, memoryLimitBytes: 0 },
    { isWhole: false },
  );

  deepStrictEqual([row["CPUPerc"], row["MemUsage"], row["MemPerc"]], ["0.00%", "0B / 0B", "0.00%"]);
});

Deno.test("the table of stats has docker's columns", async () => {
  const text = await formatRows([statsRow(WEB, { isWhole: false })], undefined, STATS_LAYOUT);

  strictEqual(
    text,
    "CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT   MEM %     NET I/O       BLOCK I/O         PIDS\n" +
      "0123456789ab   web       12.35%    1.5MiB / 1GiB       0.15%     1.23kB / 0B   4.26MB / 12.3kB   3\n",
  );
});

Deno.test("the table of stats has the pressure on request", async () => {
  const text = await formatRows([], undefined, STATS_LAYOUT_WITH_PRESSURE);

  strictEqual(text.includes("PIDS      CPU PRESSURE   MEM PRESSURE   I/O PRESSURE\n"), true);
});

Deno.test("all fields of docker's stats can be named in a template", async () => {
  const format =
    "{{.Container}} {{.Name}} {{.ID}} {{.CPUPerc}} {{.MemUsage}} {{.NetIO}} {{.BlockIO}} " +
    "{{.MemPerc}} {{.PIDs}}";

  const text = await formatRows([goneStatsRow("web")], format, STATS_LAYOUT);

  strictEqual(text, "web -- -- -- -- / -- -- / -- -- / -- -- --\n");
});
