import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { listPids, parseProcess, readPidNamespace, readProcess } from "./process.ts";

const STATUS = "Name:\tx\nUid:\t1000\t0\t0\t0\nGid:\t100\t5\t5\t5\nVmSize:\t    2268 kB\n" +
  "VmRSS:\t    1376 kB\n";
const FILES = {
  stat: "42 (a) b (c) S 7 8 9 34816 10 4194560 1 2 3 4 150 25 0 0 20 -5 3 0 98765 2322432 344 " +
    "1 2 3 4 5 6 7 8 9 10 11 12 13 17 1 0 0 0 0 0 0\n",
  status: STATUS,
  statm: "567 344 1 1 1 1 0\n",
  cmdline: "sleep\x001000\0",
  wchan: "hrtimer_nanosleep",
};

Deno.test("parseProcess() finds every field behind a name with brackets and blanks", () => {
  deepStrictEqual(parseProcess(FILES), {
    pid: 42,
    parentPid: 7,
    processGroup: 8,
    session: 9,
    terminal: 34816,
    foregroundGroup: 10,
    state: "S",
    flags: 4194560,
    cpuTicks: 175,
    startTicks: 98765,
    priority: 20,
    nice: -5,
    threadCount: 3,
    processor: 1,
    realUid: 1000,
    effectiveUid: 0,
    realGid: 100,
    effectiveGid: 5,
    virtualPages: 567,
    virtualKibibytes: 2268,
    residentKibibytes: 1376,
    name: "a) b (c",
    argv: ["sleep", "1000"],
    waitChannel: "hrtimer_nanosleep",
  });
});

Deno.test("parseProcess() gives a zombie no memory and no arguments", () => {
  const status = STATUS.replace(/^Vm.*\n/gm, "");

  const { argv, virtualKibibytes, waitChannel } = parseProcess({
    ...FILES,
    status,
    cmdline: "",
    wchan: "0",
  });

  deepStrictEqual([argv, virtualKibibytes, waitChannel], [[], 0, ""]);
});

Deno.test("parseProcess() keeps empty arguments", () => {
  deepStrictEqual(parseProcess({ ...FILES, cmdline: "a\0\0b\0\0" }).argv, ["a", "", "b", ""]);
});

Deno.test("readProcess() tells of this process, and not of one that is gone", () => {
  strictEqual(readProcess(Deno.pid)?.parentPid, Deno.ppid);
  strictEqual(readProcess(2 ** 30), undefined);
});

Deno.test("readPidNamespace() is the same for this process and itself", () => {
  ok(listPids().includes(Deno.pid));
  strictEqual(readPidNamespace(Deno.pid), Deno.readLinkSync("/proc/self/ns/pid"));
  strictEqual(readPidNamespace(2 ** 30), undefined);
});
