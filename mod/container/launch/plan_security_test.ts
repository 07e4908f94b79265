import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { EVENTS, inputWith, RIGHTS, ROOT, stepsCalled } from "../../../tests/fakes/launch_input.ts";
import { MS } from "../../kernel/mount.ts";
import { planLaunch } from "./launch_plan.ts";
import type { Step } from "./plan.ts";
import { planExecIn } from "./plan_process.ts";
import { DEFAULT_SECURITY, type Security } from "../security/security.ts";
import { systemPathsOf } from "./system_paths.ts";

Deno.test("planLaunch() takes rights away in the kernel's order", () => {
  const steps = planLaunch({ ...inputWith({}), security: RIGHTS });

  const words = [
    ...["clone", "apparmor", "oom-score-adj", "root", "pivot-root", "umask", "chdir", "rlimit"],
    ...["no-new-privs", "bounding", "user", "capset", "parent-death", "exec"],
  ];
  deepStrictEqual(steps.map(([word]) => word).filter((word) => words.includes(word)), words);
  deepStrictEqual(stepsCalled("rlimit", steps), [["rlimit", "7", "1024", "-1"]]);
  deepStrictEqual(stepsCalled("umask", steps), [["umask", "0027"]]);
});

Deno.test("planLaunch() lets a user other than root hold what was added", () => {
  const steps = planLaunch({ ...inputWith({}), security: RIGHTS });

  deepStrictEqual(stepsCalled("capset", steps), [["capset", "1000", "1000", "1000", "1000"]]);
});

Deno.test("planLaunch() passes root's capabilities on by the bounding set alone", () => {
  const steps = planLaunch({ ...inputWith({}), identity: ROOT, security: RIGHTS });

  deepStrictEqual(stepsCalled("capset", steps), [["capset", "1000", "1000", "0", "0"]]);
});

function planWith(security: Partial<Security>): Step[] {
  const input = inputWith({ security: { ...DEFAULT_SECURITY, ...security } });
  return planLaunch({
    ...input,
    systemPaths: systemPathsOf(input.config.security, "/nonexistent"),
  });
}

Deno.test("planLaunch() gives a privileged container a writable /sys and hides nothing", () => {
  const steps = planWith({ isPrivileged: true });

  const flagsOf = (target: string): string | undefined =>
    stepsCalled("mount-in", steps).find((step) => step[2] === target)?.[4];
  const strict = String(MS.NOSUID | MS.NODEV | MS.NOEXEC);
  deepStrictEqual([flagsOf("/sys"), flagsOf("/sys/fs/cgroup")], [strict, strict]);
  deepStrictEqual([...stepsCalled("mask", steps), ...stepsCalled("readonly", steps)], []);
});

Deno.test("planLaunch() lets a container with writable-cgroups write there alone", () => {
  const mounts = stepsCalled("mount-in", planWith({ hasWritableCgroups: true }));

  const strict = MS.NOSUID | MS.NODEV | MS.NOEXEC;
  const flagsOf = (target: string): string | undefined =>
    mounts.find((step) => step[2] === target)?.[4];
  deepStrictEqual([flagsOf("/sys"), flagsOf("/sys/fs/cgroup")], [
    String(strict | MS.RDONLY),
    String(strict),
  ]);
});

Deno.test("planLaunch() lets a container with writable-cgroups write in no hierarchy that it shares", () => {
  const { config, ...input } = inputWith({});
  const steps = planLaunch({
    ...input,
    config: { ...config, security: { ...DEFAULT_SECURITY, hasWritableCgroups: true } },
    cgroupHierarchies: [
      { type: "cgroup", name: "pids", data: "pids", isOwn: false },
      { type: "cgroup2", name: "unified", data: "", isOwn: true },
    ],
  });

  const strict = MS.NOSUID | MS.NODEV | MS.NOEXEC;
  const flagsOf = (target: string): string | undefined =>
    stepsCalled("mount-in", steps).find((step) => step[2] === target)?.[4];
  deepStrictEqual([flagsOf("/sys/fs/cgroup/pids"), flagsOf("/sys/fs/cgroup/unified")], [
    String(strict | MS.RDONLY),
    String(strict),
  ]);
});

Deno.test("planLaunch() sets parameters after wherry's own and before /proc/sys is read-only", () => {
  const steps = planWith({ sysctls: { "net.ipv4.ping_group_range": "0 0", "kernel.sem": "1 2" } });

  const names = steps.flatMap(([word, name = ""]) =>
    word === "sysctl" || name === "/proc/sys" ? [name] : []
  );
  deepStrictEqual(names, [
    "net/ipv4/ip_unprivileged_port_start",
    "net/ipv4/ping_group_range",
    "net/ipv4/ping_group_range",
    "kernel/sem",
    "/proc/sys",
  ]);
});

Deno.test("planLaunch() makes /dev/shm as large as asked for", () => {
  const shm = stepsCalled("mount-in", planWith({ shmSize: 1024 }))
    .find((step) => step[2] === "/dev/shm");

  strictEqual(shm?.[5], "mode=1777,size=1024");
});

Deno.test("planExecIn() sets what is in procfs before it joins the container", () => {
  const steps = planExecIn({
    argv: ["sh"],
    env: [],
    workingDirectory: "/",
    identity: ROOT,
    security: RIGHTS,
    idRange: null,
    hasTerminal: false,
    hasStdin: false,
    cgroups: { unified: undefined, v1: {} },
    events: EVENTS,
    terminalSize: { rows: 0, columns: 0 },
  });

  const words = ["clone", "apparmor", "oom-score-adj", "join"];
  deepStrictEqual(steps.map(([word]) => word).filter((word) => words.includes(word)), words);
});
