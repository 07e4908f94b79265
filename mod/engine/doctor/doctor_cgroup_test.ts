import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeHostFiles } from "../../../tests/fakes/host_files.ts";
import { readHostControllers } from "../resource/host_controllers.ts";
import {
  checkControllers,
  checkDelegation,
  checkDevices,
  checkFreezer,
  checkKill,
  checkLayout,
  checkPressure,
  checkSwap,
} from "./doctor_cgroup.ts";
import type { FindingState } from "./doctor_finding.ts";

const V2 = {
  "/proc/self/mountinfo": "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n",
  "/cg/cgroup.controllers": "cpuset cpu io memory pids\n",
  "/cg/cgroup.subtree_control": "memory pids\n",
  "/cg/a/cgroup.events": "populated 0\n",
};
const V1 = {
  "/proc/self/mountinfo": "32 31 0:29 / /cg/memory rw - cgroup cgroup rw,memory\n" +
    "33 31 0:30 / /cg/devices rw - cgroup cgroup rw,devices\n",
};

Deno.test("checkLayout() wants a writable cgroup of version 2", () => {
  const readOnly = { "/proc/self/mountinfo": "30 23 0:26 / /cg ro - cgroup2 cgroup2 rw\n" };

  const states = [V2, V1, readOnly, {}]
    .map((texts) => checkLayout(readHostControllers(fakeHostFiles(texts))))
    .map(({ state, detail }) => [state, detail]);

  deepStrictEqual(states, [
    ["ok", "v2, version 2 at /cg"],
    ["limited", "version 1 alone"],
    ["limited", "version 2 is read-only at /cg"],
    ["limited", "no cgroups are mounted"],
  ]);
});

Deno.test("checkControllers() says which version has each", () => {
  const findings = checkControllers(readHostControllers(fakeHostFiles(V1)));

  deepStrictEqual(findings.map(({ feature, state, detail }) => [feature, state, detail]), [
    ["memory controller", "ok", "version 1"],
    ["cpu controller", "missing", "neither version has it"],
    ["cpuset controller", "missing", "neither version has it"],
    ["pids controller", "missing", "neither version has it"],
    ["io controller", "missing", "neither version has it"],
  ]);
});

Deno.test("checkDelegation() says what wherry will switch on", () => {
  const files = fakeHostFiles(V2);

  const findings = checkDelegation(files, readHostControllers(files));

  deepStrictEqual(findings.map(({ state, detail }) => [state, detail]), [
    ["ok", "memory pids switched on when needed: cpu cpuset io"],
  ]);
});

Deno.test("checkDelegation() finds processes in the way where the topmost cgroup is not the host's", () => {
  const files = fakeHostFiles({ ...V2, "/cg/cgroup.type": "domain\n", "/cg/cgroup.procs": "1\n" });

  const findings = checkDelegation(files, readHostControllers(files));

  deepStrictEqual(findings.map(({ state, detail }) => [state, detail]), [
    ["limited", "/cg has processes and keeps cpu cpuset io to itself"],
  ]);
});

Deno.test("checkSwap() says what a limit of memory is worth", () => {
  const states = [true, undefined, false].map((hasSwap) => checkSwap(hasSwap).state);

  deepStrictEqual(states, ["ok", "ok", "missing"] satisfies FindingState[]);
});

Deno.test("checkDevices() takes either version", () => {
  const stateOf = (texts: Record<string, string>, hasBpf: boolean): FindingState =>
    checkDevices(readHostControllers(fakeHostFiles(texts)), () => hasBpf).state;

  deepStrictEqual(
    [stateOf(V1, false), stateOf(V2, true), stateOf(V2, false), stateOf({}, true)],
    ["ok", "ok", "missing", "missing"],
  );
});

Deno.test("checkDevices() names the filter that containers get where there are both", () => {
  const mounts = (access: string): Record<string, string> => ({
    "/proc/self/mountinfo": V1["/proc/self/mountinfo"] +
      `30 23 0:26 / /cg/unified ${access} - cgroup2 cgroup2 rw\n`,
  });
  const detailOf = (access: string): string =>
    checkDevices(readHostControllers(fakeHostFiles(mounts(access))), () => true).detail;

  deepStrictEqual([detailOf("rw"), detailOf("ro")], ["BPF, version 2", "version 1"]);
});

Deno.test("checkFreezer() and checkKill() look at the files of a cgroup", () => {
  const without = fakeHostFiles(V2);
  const having = fakeHostFiles({ ...V2, "/cg/a/cgroup.freeze": "0\n", "/cg/a/cgroup.kill": "" });
  const host = readHostControllers(having);

  deepStrictEqual(
    [having, without].map((files) => [
      checkFreezer(files, host).state,
      checkKill(files, host).state,
    ]),
    [["ok", "ok"], ["missing", "limited"]],
  );
});

Deno.test("checkPressure() looks for the host's own", () => {
  strictEqual(checkPressure(fakeHostFiles({ "/proc/pressure/cpu": "some" })).state, "ok");
  strictEqual(checkPressure(fakeHostFiles({})).state, "missing");
});
