import { strictEqual } from "node:assert/strict";
import { parseAccountNames } from "../../kernel/account.ts";
import { type ProcessInfo, TICKS_PER_SECOND } from "../../kernel/process.ts";
import { findProcessColumn, type ProcessContext } from "./process_columns.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;
const UPTIME = 400 * DAY;

const CONTEXT: ProcessContext = {
  nowMs: new Date(2026, 10, 21, 12, 0, 0).getTime(),
  uptimeSeconds: UPTIME,
  memoryKibibytes: 1_000_000,
  userNames: parseAccountNames("root:x:0:0::/:\nbroken\nalso:x:0:0::/:\n"),
  groupNames: parseAccountNames("staff:x:50:\n"),
};

const PROCESS: ProcessInfo = {
  pid: 42,
  parentPid: 7,
  processGroup: 42,
  session: 42,
  terminal: 136 << 8 | 3,
  foregroundGroup: 42,
  state: "S",
  flags: 4194560,
  cpuTicks: 90 * TICKS_PER_SECOND,
  startTicks: (UPTIME - HOUR) * TICKS_PER_SECOND,
  priority: 20,
  nice: 0,
  threadCount: 1,
  processor: 1,
  realUid: 1000,
  effectiveUid: 0,
  realGid: 50,
  effectiveGid: 51,
  virtualPages: 567,
  virtualKibibytes: 2268,
  residentKibibytes: 12_345,
  name: "sleep",
  argv: ["sleep", "1000"],
  waitChannel: "hrtimer_nanosleep",
};

function format(name: string, change: Partial<ProcessInfo> = {}): string | undefined {
  return findProcessColumn(name)?.format({ ...PROCESS, ...change }, CONTEXT);
}

/** A process that started so many seconds ago. */
function startedAgo(seconds: number): Partial<ProcessInfo> {
  return { startTicks: (UPTIME - seconds) * TICKS_PER_SECOND };
}

const CASES: [column: string, change: Partial<ProcessInfo>, expected: string][] = [
  ["user", {}, "root"],
  ["ruser", {}, "1000"],
  ["rgroup", {}, "staff"],
  ["group", {}, "51"],
  ["args", {}, "sleep 1000"],
  ["args", { argv: [] }, "[sleep]"],
  ["args", { argv: [], state: "Z" }, "[sleep] <defunct>"],
  ["comm", { state: "Z" }, "sleep <defunct>"],
  ["pcpu", {}, "2.5"],
  ["c", {}, "2"],
  ["pcpu", { ...startedAgo(0) }, "0.0"],
  ["pmem", {}, "1.2"],
  ["time", {}, "00:01:30"],
  ["time", { cpuTicks: (2 * DAY + 3 * HOUR + 61) * TICKS_PER_SECOND }, "02-03:01:01"],
  ["bsdtime", { cpuTicks: 4000 * TICKS_PER_SECOND }, "66:40"],
  ["etime", {}, "01:00:00"],
  ["etime", startedAgo(59), "00:59"],
  ["etime", startedAgo(2 * DAY), "02-00:00:00"],
  ["etimes", {}, "3600"],
  ["stime", {}, "11:00"],
  ["stime", startedAgo(3 * DAY), "Nov18"],
  ["stime", startedAgo(365 * DAY), "2025"],
  ["start", {}, "11:00:00"],
  ["start", startedAgo(3 * DAY), "Nov 18"],
  ["bsdstart", {}, "11:00"],
  ["lstart", {}, "Sat Nov 21 11:00:00 2026"],
  ["tty", {}, "pts/3"],
  ["tty", { terminal: 137 << 8 | 1 }, "pts/257"],
  ["tty", { terminal: 4 << 8 | 2 }, "tty2"],
  ["tty", { terminal: 4 << 8 | 65 }, "ttyS1"],
  ["tty", { terminal: 0 }, "?"],
  ["stat", {}, "Ss+"],
  ["stat", { nice: 5, session: 1, threadCount: 3, foregroundGroup: -1 }, "SNl"],
  ["stat", { nice: -5 }, "S<s+"],
  ["f", {}, "4"],
  ["pri", {}, "19"],
  ["opri", {}, "80"],
  ["wchan", {}, "hrtime"],
  ["wchan", { waitChannel: "" }, "-"],
  ["vsz", {}, "2268"],
  ["sz", {}, "567"],
];

for (const [column, change, expected] of CASES) {
  Deno.test(`column ${column} shows ${expected} of ${JSON.stringify(change)}`, () => {
    strictEqual(format(column, change), expected);
  });
}

Deno.test("findProcessColumn() knows no names of Object's own", () => {
  strictEqual(findProcessColumn("constructor"), undefined);
});
