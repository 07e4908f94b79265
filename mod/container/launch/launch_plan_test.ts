import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { ALL, EVENTS, inputWith, NEW, stepsCalled } from "../../../tests/fakes/launch_input.ts";
import { MS } from "../../kernel/mount.ts";
import type { HealthCheck } from "../record/config.ts";
import type { LaunchInput } from "./launch_input.ts";
import { planLaunch } from "./launch_plan.ts";
import { type Namespaces, PRIVATE_NAMESPACES } from "../record/namespaces.ts";
import type { Step } from "./plan.ts";
import { planExecIn } from "./plan_process.ts";
import { DEFAULT_PROCESS_SECURITY } from "../security/process_security.ts";

const ALL_NAMESPACES = String(0x6e020000);
const ALL_BUT_NETWORK = String(0x2e020000);
const SYSCTLS = [
  ["sysctl", "net/ipv4/ip_unprivileged_port_start", "0"],
  ["sysctl", "net/ipv4/ping_group_range", "0 2147483647"],
];

function textOf(steps: readonly Step[]): string {
  return steps.map((step) => step.map((word) => JSON.stringify(word)).join(" ") + "\n").join("");
}

function golden(name: string): string {
  return Deno.readTextFileSync(new URL(`testdata/${name}.golden`, import.meta.url));
}

Deno.test("planLaunch() of a plain container is the golden plan", () => {
  strictEqual(textOf(planLaunch(inputWith({}))), golden("launch_plan"));
});

Deno.test("planExecIn() with a terminal is the golden plan", () => {
  const steps = planExecIn({
    argv: ["sh"],
    env: ["PATH=/bin"],
    workingDirectory: "/",
    identity: { uid: 0, gid: 0, groups: [10], home: "/root" },
    security: DEFAULT_PROCESS_SECURITY,
    idRange: null,
    hasTerminal: true,
    hasStdin: true,
    cgroups: { unified: "/sys/fs/cgroup/wherry/0123abcd", v1: {} },
    events: EVENTS,
    terminalSize: { rows: 24, columns: 80 },
  });

  strictEqual(textOf(steps), golden("exec_plan"));
});

Deno.test("planLaunch() has the log written as docker does when asked to", () => {
  const log = { driver: "json-file", maxBytes: 1000, maxFiles: 2 } as const;

  deepStrictEqual(stepsCalled("log", planLaunch(inputWith({ log }))), [
    ["log", "/r/containers/0123abcd/log", "json", "1000", "2"],
  ]);
});

Deno.test("planLaunch() has no log with the driver none", () => {
  const log = { driver: "none", maxBytes: 0, maxFiles: 1 } as const;

  deepStrictEqual(stepsCalled("log", planLaunch(inputWith({ log }))), []);
});

Deno.test("planLaunch() has the health check after the command", () => {
  const healthCheck: HealthCheck = {
    test: ["CMD-SHELL", "test -e /well"],
    shell: ["/bin/sh", "-c"],
    intervalMs: 1000,
    timeoutMs: 2000,
    startPeriodMs: 3000,
    startIntervalMs: 4000,
    retries: 5,
    onFailure: "stop",
  };

  const steps = planLaunch(inputWith({ healthCheck, stopTimeoutSeconds: -1 }));

  const path = "/r/containers/0123abcd/health";
  deepStrictEqual(stepsCalled("health", steps), [
    ["health", "1000", "2000", "3000", "4000", "5", "stop", "15", "-1", path],
  ]);
  const check = steps.slice(steps.findIndex(([word]) => word === "check"));
  strictEqual(textOf(check), golden("check_plan"));
});

Deno.test("planLaunch() has docker's defaults for the numbers of a health check", () => {
  const healthCheck = planHealth(["CMD", "true"]);

  const [step] = stepsCalled("health", planLaunch(inputWith({ healthCheck })));

  deepStrictEqual(step?.slice(1, 6), ["30000", "30000", "0", "5000", "3"]);
});

Deno.test("planLaunch() has no health check that is forbidden", () => {
  const steps = planLaunch(inputWith({ healthCheck: planHealth(["NONE"]) }));

  deepStrictEqual([stepsCalled("health", steps), stepsCalled("check", steps)], [[], []]);
});

/** A check of which nobody gave more than the command. */
function planHealth(test: string[]): HealthCheck {
  const numbers = { intervalMs: 0, timeoutMs: 0, startPeriodMs: 0, startIntervalMs: 0, retries: 0 };
  return { test, shell: ["/bin/sh", "-c"], ...numbers, onFailure: "none" };
}

Deno.test("planLaunch() keeps the host's network namespace when asked to", () => {
  const steps = planLaunch(inputWith({ networkMode: "host" }, "host"));

  deepStrictEqual(stepsCalled("clone", steps), [["clone", ALL_BUT_NETWORK]]);
  deepStrictEqual(stepsCalled("join-network", steps), []);
  deepStrictEqual(stepsCalled("loopback-up", steps), []);
  deepStrictEqual(stepsCalled("sysctl", steps), []);
});

Deno.test("planLaunch() has a network of its own made with the container without networks", () => {
  const steps = planLaunch(inputWith({ networkMode: "none" }));

  deepStrictEqual(stepsCalled("clone", steps), [["clone", ALL_NAMESPACES]]);
  deepStrictEqual(stepsCalled("join-network", steps), []);
  deepStrictEqual(stepsCalled("loopback-up", steps), [["loopback-up"]]);
  deepStrictEqual(stepsCalled("sysctl", steps), SYSCTLS);
});

Deno.test("planLaunch() joins and sets up the network that was made before, before anything else", () => {
  const steps = planLaunch(inputWith({ networkMode: "my-net" }, "sandbox"));

  const index = steps.findIndex(([word]) => word === "clone");
  deepStrictEqual(steps.slice(index, index + 2), [["clone", ALL_BUT_NETWORK], ["join-network"]]);
  deepStrictEqual(stepsCalled("loopback-up", steps), [["loopback-up"]]);
  deepStrictEqual(stepsCalled("sysctl", steps), SYSCTLS);
});

Deno.test("planLaunch() joins another container's network and changes nothing of it", () => {
  const steps = planLaunch(inputWith({ networkMode: "container:4567" }, "joined"));

  const index = steps.findIndex(([word]) => word === "clone");
  deepStrictEqual(steps.slice(index, index + 2), [["clone", ALL_BUT_NETWORK], ["join-network"]]);
  deepStrictEqual(stepsCalled("loopback-up", steps), []);
  deepStrictEqual(stepsCalled("sysctl", steps), []);
});

Deno.test("planLaunch() has the host's ruleset kept, and the program run from time to time", () => {
  const steps = planLaunch({
    ...inputWith({}),
    keeper: { table: "wherry", rulesetPath: "/run/r/network/ruleset" },
    wake: { milliseconds: -1, argv: ["wherry", "renew", "0123abcd"] },
  });

  deepStrictEqual(
    steps.slice(0, steps.findIndex(([word]) => word === "clone")).slice(-2),
    [["wake", "-1", "wherry", "renew", "0123abcd"], [
      "ruleset",
      "wherry",
      "/run/r/network/ruleset",
    ]],
  );
});

Deno.test("planLaunch() sets a domain name that is asked for", () => {
  const steps = planLaunch(inputWith({ domainname: "example.org" }));

  deepStrictEqual(stepsCalled("setdomainname", steps), [["setdomainname", "example.org"]]);
  deepStrictEqual(stepsCalled("setdomainname", planLaunch(inputWith({}))), []);
});

Deno.test("planLaunch() mounts parents before what is mounted on them", () => {
  const bind = {
    type: "bind",
    source: "/s",
    isReadOnly: true,
    createsSource: true,
    propagation: "rprivate",
  } as const;
  const steps = planLaunch(inputWith({
    mounts: [{ ...bind, target: "/a/b/c" }, { type: "tmpfs", target: "/a", options: "size=1m" }],
  }));

  const targets = steps.map((step) => step[2]).filter((target) => target?.startsWith("/a"));
  deepStrictEqual(targets, ["/a", "/a/b/c"]);
});

Deno.test("planLaunch() leaves out the default mount that a requested one replaces", () => {
  const steps = planLaunch(inputWith({
    mounts: [{ type: "tmpfs", target: "/dev/shm", options: "size=1m" }],
  }));

  deepStrictEqual(steps.filter((step) => step[2] === "/dev/shm"), [
    ["mount-at", "tmpfs", "/dev/shm", "tmpfs", "14", "size=1m"],
  ]);
});

Deno.test("planLaunch() leaves out the managed file that a requested mount replaces", () => {
  const steps = planLaunch(inputWith({
    mounts: [{
      type: "bind",
      source: "/my/hosts",
      target: "/etc/hosts",
      isReadOnly: false,
      createsSource: true,
      propagation: "rprivate",
    }],
  }));

  deepStrictEqual(
    stepsCalled("attach-tree", steps).filter((step) => step[2]?.startsWith("/etc/"))
      .map((step) => step[1]),
    ["/r/containers/0123abcd/etc/hostname", "/r/containers/0123abcd/etc/resolv.conf"],
  );
});

Deno.test("planLaunch() makes the root read-only only after everything is in place", () => {
  const words = planLaunch(inputWith({ isReadOnly: true })).map(([word]) => word);

  strictEqual(words.indexOf("remount-root-readonly") > words.lastIndexOf("mask"), true);
});

Deno.test("planLaunch() puts the reaper between the identity and the command", () => {
  const words = planLaunch(inputWith({ hasInit: true })).map(([word]) => word);

  deepStrictEqual(words.slice(-3), ["parent-death", "reaper", "exec"]);
});

Deno.test("planLaunch() keeps a HOME that was asked for", () => {
  const steps = planLaunch(inputWith({ env: ["HOME=/mine"] }));

  deepStrictEqual(steps.at(-1), ["exec", "3", "/entry", "a b", "", "HOME=/mine"]);
});

Deno.test("planLaunch() records volatile state for a container that is removed anyway", () => {
  const steps = planLaunch(inputWith({ isAutoRemoved: true }));

  deepStrictEqual(stepsCalled("record", steps), [[
    "record",
    "/r/containers/0123abcd/state.json",
    "volatile",
  ]]);
});

Deno.test("planLaunch() makes no cgroup on a host that has no place for it", () => {
  const steps = planLaunch({ ...inputWith({}), cgroupSteps: [] });

  deepStrictEqual(stepsCalled("cgroup", steps), []);
});

Deno.test("planLaunch() tells the monitor the policy and the signal that ends the container", () => {
  const steps = planLaunch(inputWith({
    restartPolicy: { name: "on-failure", maximumRetries: 3 },
    stopSignal: "SIGRTMIN+3",
  }));

  deepStrictEqual(stepsCalled("restart", steps), [["restart", "on-failure", "3", "37"]]);
});

Deno.test("planLaunch() of an idle container ends with the built-in init", () => {
  const steps = planLaunch(inputWith({ isIdle: true, hasInit: true }));

  deepStrictEqual(steps.at(-1), ["idle"]);
  deepStrictEqual(stepsCalled("reaper", steps), []);
});

Deno.test("planLaunch() leaves it to the monitor to mount layers whose paths fill more than a page", () => {
  const lowerDirectories = Array.from({ length: 50 }, (_, i) => `/layers/${"é".repeat(40)}${i}`);

  const steps = planLaunch({ ...inputWith({}), lowerDirectories });

  const own = ["merged", "upper", "work"].map((name) => `/r/containers/0123abcd/${name}`);
  const [merged, ...rest] = own;
  deepStrictEqual(stepsCalled("overlay", steps), [
    [
      "overlay",
      merged,
      "0",
      "index=off,redirect_dir=off,metacopy=off",
      ...rest,
      ...lowerDirectories.toReversed(),
    ],
  ]);
  strictEqual(stepsCalled("mount", steps).some(([, source]) => source === "overlay"), false);
});

Deno.test("planLaunch() binds a root that is a copy on itself", () => {
  const steps = planLaunch(inputWith({ storageDriver: "copy" }));

  const merged = "/r/containers/0123abcd/merged";
  deepStrictEqual(stepsCalled("mount", steps).slice(1), [
    ["mount", merged, merged, "", String(MS.BIND), ""],
  ]);
});

Deno.test("planLaunch() filters the system calls of the first process and of health checks", () => {
  const seccompFilter = { flags: 4, program: "060000000000ff7f" };
  const input = inputWith({ healthCheck: planHealth(["CMD", "true"]) });

  const steps = planLaunch({ ...input, security: { ...DEFAULT_PROCESS_SECURITY, seccompFilter } });

  deepStrictEqual(
    steps.filter(([word]) => word === "seccomp"),
    [["seccomp", "4", "060000000000ff7f"], ["seccomp", "4", "060000000000ff7f"]],
  );
});

function namespacesOf(changes: Partial<Namespaces>): LaunchInput {
  return inputWith({ namespaces: { ...PRIVATE_NAMESPACES, ...changes } }, "host");
}

for (
  const [changes, flags] of [
    [{ pid: "host" }, ALL & ~NEW.PID],
    [{ ipc: "host" }, ALL & ~NEW.IPC],
    [{ ipc: "shareable" }, ALL],
    [{ ipc: "none" }, ALL],
    [{ uts: "host" }, ALL & ~NEW.UTS],
    [{ cgroup: "host" }, ALL & ~NEW.CGROUP],
    [{ pid: "container:0123", ipc: "container:4567" }, ALL & ~NEW.PID & ~NEW.IPC],
  ] as const
) {
  Deno.test(`planLaunch() makes the namespaces of ${JSON.stringify(changes)}`, () => {
    deepStrictEqual(stepsCalled("clone", planLaunch(namespacesOf(changes))), [
      ["clone", String(flags)],
    ]);
  });
}

Deno.test("planLaunch() joins namespaces before it mounts anything, the pid namespace last", () => {
  const namespaces = { ...PRIVATE_NAMESPACES, pid: "container:01", ipc: "container:23" } as const;

  const steps = planLaunch(inputWith({ namespaces }, "joined"));

  const clone = steps.findIndex(([word]) => word === "clone");
  deepStrictEqual(steps.slice(clone + 1, clone + 7).map(([word]) => word), [
    ...["join-network", "join-ipc", "take-shm", "join-pid", "fork", "mount"],
  ]);
});

Deno.test("planLaunch() gives /dev/shm as the IPC mode says", () => {
  const shm = (ipc: Namespaces["ipc"]): Step[] =>
    planLaunch(namespacesOf({ ipc })).filter((step) => step.includes("/dev/shm"));

  deepStrictEqual(shm("shareable"), shm("private"));
  deepStrictEqual(shm("none"), []);
  deepStrictEqual(shm("host"), [["attach-tree", "/dev/shm", "/dev/shm", "0", "6", "278528"]]);
  deepStrictEqual(shm("container:01"), [["attach-shm", "/dev/shm", "14"]]);
});

Deno.test("planLaunch() leaves the host its name with --uts host", () => {
  const steps = planLaunch(namespacesOf({ uts: "host" }));

  deepStrictEqual([stepsCalled("sethostname", steps), stepsCalled("setdomainname", steps)], [
    [],
    [],
  ]);
});
