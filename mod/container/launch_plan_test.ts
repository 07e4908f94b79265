import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeContainerConfig } from "../../tests/fakes/container_config.ts";
import { MS } from "../kernel/mount.ts";
import { Paths } from "../store/paths.ts";
import type { ContainerConfig, HealthCheck } from "./config.ts";
import {
  type ContainerDevices,
  DEFAULT_DEVICES,
  type DeviceNode,
  type LaunchInput,
} from "./launch_input.ts";
import { planLaunch } from "./launch_plan.ts";
import { type Namespaces, PRIVATE_NAMESPACES } from "./namespaces.ts";
import { planExecIn } from "./plan_process.ts";
import { DEFAULT_PROCESS_SECURITY, type ProcessSecurity } from "./process_security.ts";
import type { Step } from "./plan.ts";
import { DEFAULT_SECURITY, type Security } from "./security.ts";
import { systemPathsOf } from "./system_paths.ts";

const EVENTS = {
  path: "/run/r/events",
  id: "0123abcd",
  attributes: { label: 'a "b"', image: "/srv/rootfs", name: "web" },
};

const CONFIG = fakeContainerConfig({
  id: "0123abcd",
  root: { type: "directory", path: "/srv/rootfs" },
  entrypoint: ["/entry"],
  command: ["a b", ""],
  env: ["PATH=/bin", "A=1"],
  workingDirectory: "/work",
  hostname: "0123abcd",
});

const ALL_NAMESPACES = String(0x6e020000);
const ALL_BUT_NETWORK = String(0x2e020000);
const SYSCTLS = [
  ["sysctl", "net/ipv4/ip_unprivileged_port_start", "0"],
  ["sysctl", "net/ipv4/ping_group_range", "0 2147483647"],
];

function inputWith(
  changes: Partial<ContainerConfig>,
  network: LaunchInput["network"] = "new",
): LaunchInput {
  return {
    config: { ...CONFIG, ...changes },
    paths: new Paths("/r", "/run/r").container(CONFIG.id),
    lowerDirectories: ["/layers/base", "/layers/with:colon,comma"],
    identity: { uid: 33, gid: 44, groups: [55], home: "/home/web" },
    security: DEFAULT_PROCESS_SECURITY,
    devices: DEFAULT_DEVICES,
    systemPaths: systemPathsOf(DEFAULT_SECURITY, "/nonexistent"),
    cgroupHierarchies: [{ type: "cgroup2", name: "", data: "", isOwn: true }],
    cgroupSteps: [["cgroup", "/sys/fs/cgroup/wherry/0123abcd"]],
    events: EVENTS,
    terminalSize: { rows: 24, columns: 80 },
    cleanupArgv: [],
    network,
  };
}

/** The plan of a container with these devices. */
function planWithDevices(
  devices: Partial<ContainerDevices>,
  changes: Partial<ContainerConfig> = {},
): Step[] {
  return planLaunch({ ...inputWith(changes), devices: { ...DEFAULT_DEVICES, ...devices } });
}

/** Of a host without cgroups. */
const MOUNTS_ALONE = { control: { type: "mounts" } } as const;

function textOf(steps: readonly Step[]): string {
  return steps.map((step) => step.map((word) => JSON.stringify(word)).join(" ") + "\n").join("");
}

function stepsCalled(word: string, steps: readonly Step[]): Step[] {
  return steps.filter((step) => step[0] === word);
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

  deepStrictEqual(stepsCalled("mount-in", steps).filter((step) => step[2] === "/dev/shm"), [
    ["mount-in", "tmpfs", "/dev/shm", "tmpfs", "14", "size=1m"],
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
    ["/r/containers/0123abcd/etc/hostname", "/r/containers/0123abcd/etc/resolv.conf", "/my/hosts"],
  );
});

for (
  const { source, attributes } of [
    { source: "/srv", attributes: "4" },
    { source: "/dev", attributes: "0" },
    { source: "/dev/fuse", attributes: "0" },
    { source: "/devices", attributes: "4" },
  ]
) {
  Deno.test(`planLaunch() gives a bind mount of ${source} the attributes ${attributes}`, () => {
    const steps = planWithDevices(MOUNTS_ALONE, {
      mounts: [{
        type: "bind",
        source,
        target: "/mine",
        isReadOnly: false,
        createsSource: true,
        propagation: "rprivate",
      }],
    });

    const [step] = stepsCalled("attach-tree", steps).filter((step) => step[2] === "/mine");
    strictEqual(step?.[4], attributes);
  });
}

Deno.test("planLaunch() lets no device work but those it makes where only mounts keep them away", () => {
  const { paths: { merged } } = inputWith({});

  const steps = planWithDevices(MOUNTS_ALONE);

  deepStrictEqual(stepsCalled("device-filter", steps), []);
  const overlay = stepsCalled("mount", steps).find((step) => step[1] === "overlay");
  strictEqual(overlay?.[4], String(MS.NODEV));
  deepStrictEqual(steps.filter((step) => step.some((word) => word.endsWith("/dev/null"))), [
    ["mknod", "/dev/null", "20666", "1", "3"],
    ["attach-tree", `${merged}/dev/null`, "/dev/null", "0", "0", "0"],
  ]);
  const remount = stepsCalled("mount", steps).find((step) => step[2] === `${merged}/dev`);
  strictEqual((Number(remount?.[4]) & MS.NODEV) !== 0, true);
});

Deno.test("planLaunch() leaves bind mounts to the filter", () => {
  const bind = {
    type: "bind",
    source: "/srv",
    target: "/mine",
    isReadOnly: true,
    createsSource: true,
    propagation: "rprivate",
  } as const;

  const steps = planLaunch(inputWith({ mounts: [bind] }));

  const [step] = stepsCalled("attach-tree", steps).filter((step) => step[2] === "/mine");
  strictEqual(step?.[4], "1");
});

const FUSE: DeviceNode = {
  path: "/dev/fuse",
  target: "/dev/fuse",
  type: "c",
  major: 10,
  minor: 229,
  mode: 0o640,
  uid: 0,
  gid: 44,
};

Deno.test("planLaunch() makes a device as the host has it", () => {
  const steps = planWithDevices({ nodes: [FUSE] });

  const index = steps.findIndex((step) => step[1] === "/dev/fuse");
  deepStrictEqual(steps.slice(index, index + 2), [
    ["mknod", "/dev/fuse", "20640", "10", "229"],
    ["chown", "/dev/fuse", "0", "44"],
  ]);
});

Deno.test("planLaunch() makes of several devices on one path the first one", () => {
  const nodes = [{ ...FUSE, target: "/dev/tty", gid: 0 }, {
    ...FUSE,
    target: "/dev/tty",
    minor: 1,
  }];

  const steps = planWithDevices({ nodes });

  deepStrictEqual(stepsCalled("mknod", steps).filter((step) => step[1] === "/dev/tty"), [
    ["mknod", "/dev/tty", "20640", "10", "229"],
  ]);
});

for (const target of ["/data/fuse", "/dev/shm/fuse", "/dev/snd/fuse"]) {
  Deno.test(`planLaunch() mounts a device on ${target}, after what is mounted there`, () => {
    const steps = planWithDevices({ nodes: [{ ...FUSE, target }] }, {
      mounts: [{ type: "tmpfs", target: "/dev/snd", options: "" }],
    });

    const index = steps.findIndex((step) => step[2] === target);
    deepStrictEqual(steps[index], ["attach-tree", "/dev/fuse", target, "0", "1", "0"]);
    strictEqual(index > steps.findIndex((step) => step[2] === "/dev/snd"), true);
    strictEqual(stepsCalled("mknod", steps).length, 6);
  });
}

Deno.test("planLaunch() makes no devices below a bind mount on /dev", () => {
  const steps = planLaunch(inputWith({
    mounts: [{
      type: "bind",
      source: "/dev",
      target: "/dev",
      isReadOnly: false,
      createsSource: false,
      propagation: "rprivate",
    }],
  }));

  deepStrictEqual(stepsCalled("mknod", steps), []);
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

Deno.test("planLaunch() puts devices into a tmpfs that is asked for on /dev", () => {
  const merged = "/r/containers/0123abcd/merged/dev";
  const steps = planLaunch(inputWith({
    mounts: [{ type: "tmpfs", target: "/dev", options: "size=1m,exec" }],
  }));

  const about = steps.filter(([word, first, target]) =>
    target === "/dev" || target === merged || (word === "mknod" && first === "/dev/null")
  );

  deepStrictEqual(about, [
    ["mount-in", "tmpfs", "/dev", "tmpfs", String(MS.NOSUID | MS.STRICTATIME), "size=1m"],
    ["mknod", "/dev/null", "20666", "1", "3"],
    ["mount", "", merged, "", String(MS.REMOUNT | MS.BIND | MS.NOSUID | MS.NODEV), ""],
  ]);
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
      "redirect_dir=off,metacopy=off",
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

Deno.test("planLaunch() binds a root that is a copy without devices where only mounts keep them away", () => {
  const steps = planWithDevices(MOUNTS_ALONE, { storageDriver: "copy" });

  const merged = "/r/containers/0123abcd/merged";
  deepStrictEqual(stepsCalled("mount", steps).slice(1, 3), [
    ["mount", merged, merged, "", String(MS.BIND), ""],
    ["mount", "", merged, "", String(MS.REMOUNT | MS.BIND | MS.NODEV), ""],
  ]);
});

const NEW = { NS: 0x20000, CGROUP: 0x02000000, UTS: 0x04000000, IPC: 0x08000000, PID: 0x20000000 };
const ALL = NEW.NS | NEW.CGROUP | NEW.UTS | NEW.IPC | NEW.PID;

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
const RIGHTS: ProcessSecurity = {
  ...DEFAULT_PROCESS_SECURITY,
  capabilities: 0x1000n,
  ambient: 0x1000n,
  hasNoNewPrivileges: true,
  apparmorProfile: "strict",
  limits: [{ resource: 7, soft: 1024n, hard: -1n }],
  umask: 0o027,
  oomScoreAdj: -5,
};
const ROOT = { uid: 0, gid: 0, groups: [0], home: "/root" };

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

const RANGE = { first: 100_000, count: 65_536 };

function mappedInput(changes: Partial<ContainerConfig> = {}): LaunchInput {
  return inputWith({ namespaces: { ...PRIVATE_NAMESPACES, idRange: RANGE }, ...changes }, "new");
}

Deno.test("planLaunch() leaves the host's root behind after all that takes it", () => {
  const steps = planLaunch({ ...mappedInput(), security: RIGHTS });

  const words = [
    ...["clone", "join-network", "oom-score-adj", "owner", "pivot-root", "chdir", "rlimit"],
    ...["join-user", "no-new-privs", "bounding", "user", "capset", "parent-death", "exec"],
  ];
  deepStrictEqual(steps.map(([word]) => word).filter((word) => words.includes(word)), words);
  deepStrictEqual(stepsCalled("owner", steps), [["owner", "100000", "100000"]]);
  deepStrictEqual(stepsCalled("join-user", steps), [["join-user", String(NEW.NS | NEW.UTS)]]);
  deepStrictEqual(stepsCalled("clone", steps), [["clone", String(ALL)]]);
});

Deno.test("planLaunch() mounts an overlay of mapped directories, layers by one mount", () => {
  const steps = planLaunch({
    ...mappedInput({
      root: { type: "image", imageId: "sha256:0", reference: "box", layers: ["one", "two"] },
    }),
    lowerDirectories: ["/r/layers/one", "/r/layers/two"],
  });

  const own = "/r/containers/0123abcd";
  const merged = `${own}/merged`;
  const start = steps.findIndex(([, source]) => source === "tmpfs");
  deepStrictEqual(steps.slice(start, start + 5), [
    ["mount", "tmpfs", merged, "tmpfs", "14", "mode=700,size=64k"],
    ["root", merged],
    ["attach-tree", "/r/layers", "/layers", "4", "4", String(MS.PRIVATE)],
    ["attach-tree", own, "/own", "4", "4", String(MS.PRIVATE)],
    [
      "mount",
      "overlay",
      merged,
      "overlay",
      "4",
      `redirect_dir=off,metacopy=off,lowerdir=${merged}/layers/two:${merged}/layers/one,` +
      `upperdir=${merged}/own/upper,workdir=${merged}/own/work`,
    ],
  ]);
});

Deno.test("planLaunch() maps a root that is a copy onto itself", () => {
  const steps = planLaunch(mappedInput({ storageDriver: "copy" }));

  const merged = "/r/containers/0123abcd/merged";
  const start = steps.findIndex(([word]) => word === "root");
  deepStrictEqual(steps.slice(start, start + 3), [
    ["root", merged],
    ["attach-tree", merged, "/", "4", "4", String(MS.PRIVATE)],
    ["root", merged],
  ]);
});

Deno.test("planLaunch() names owners by the host's ids", () => {
  const steps = planLaunch(mappedInput({
    mounts: [{ type: "tmpfs", target: "/run", options: "size=1m,uid=33,mode=700,gid=44" }],
  }));

  const dataOf = (target: string): string | undefined =>
    stepsCalled("mount-in", steps).find((step) => step[2] === target)?.[5];
  strictEqual(dataOf("/run"), "size=1m,uid=100033,mode=700,gid=100044");
  strictEqual(dataOf("/dev/pts"), "newinstance,ptmxmode=0666,mode=0620,gid=100005");
  deepStrictEqual(stepsCalled("mkdir", steps), [["mkdir", "/work", "0755", "100000", "100000"]]);
});

Deno.test("planLaunch() maps wherry's own files, and of bind mounts those that ask for it", () => {
  const bind = {
    type: "bind",
    source: "/srv",
    isReadOnly: false,
    createsSource: false,
    propagation: "rprivate",
  } as const;
  const steps = planLaunch(mappedInput({
    mounts: [{ ...bind, target: "/plain" }, { ...bind, target: "/mapped", isIdMapped: true }],
  }));

  const flagsOf = (target: string): string | undefined =>
    stepsCalled("attach-tree", steps).find((step) => step[2] === target)?.[3];
  deepStrictEqual(["/etc/hosts", "/plain", "/mapped"].map(flagsOf), ["4", "1", "5"]);
});

Deno.test("planExecIn() enters the container's user namespace last", () => {
  const steps = planExecIn({
    argv: ["sh"],
    env: [],
    workingDirectory: "/",
    identity: ROOT,
    security: RIGHTS,
    idRange: RANGE,
    hasTerminal: true,
    hasStdin: true,
    cgroups: { unified: undefined, v1: {} },
    events: EVENTS,
    terminalSize: { rows: 0, columns: 0 },
  });

  const words = ["owner", "join", "fork", "terminal", "chdir", "rlimit", "join-user", "bounding"];
  deepStrictEqual(steps.map(([word]) => word).filter((word) => words.includes(word)), words);
  deepStrictEqual(stepsCalled("join-user", steps), [["join-user", "0"]]);
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
