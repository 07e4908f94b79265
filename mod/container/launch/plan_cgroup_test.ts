import { deepStrictEqual } from "node:assert/strict";
import { planLimits } from "../resource/limits.ts";
import { type CgroupInput, planCgroup, planJoinCgroups } from "./plan_cgroup.ts";
import { NO_LIMITS } from "../resource/resources.ts";

const UNIFIED = "/sys/fs/cgroup/wherry/0123";
const MEBIBYTE = 1024 * 1024;

function inputWith(changes: Partial<CgroupInput>): CgroupInput {
  return {
    cgroups: { unified: UNIFIED, v1: {} },
    needed: new Set(),
    keepsParent: false,
    delegating: ["/sys/fs/cgroup", "/sys/fs/cgroup/wherry"],
    required: [],
    wanted: [],
    cpusets: [],
    limits: [],
    directoryOf: () => UNIFIED,
    ...changes,
  };
}

Deno.test("planCgroup() enables controllers from the top down before it sets limits", () => {
  const limits = planLimits({ ...NO_LIMITS, memory: 10 * MEBIBYTE }, {
    generationOf: () => "v2",
    deviceNumberOf: () => "",
  });

  const steps = planCgroup(inputWith({ required: ["memory"], wanted: ["cpu", "pids"], limits }));

  deepStrictEqual(steps, [
    ["cgroup", UNIFIED],
    ["delegate", "required", "+memory", "/sys/fs/cgroup", "/sys/fs/cgroup/wherry"],
    ["delegate", "wanted", "+cpu +pids", "/sys/fs/cgroup", "/sys/fs/cgroup/wherry"],
    ["control", `${UNIFIED}/memory.max`, "10485760"],
    ["control-if-present", `${UNIFIED}/memory.swap.max`, "10485760"],
    ["oom", `${UNIFIED}/memory.events`, "unified"],
  ]);
});

Deno.test("planCgroup() makes a cgroup of version 1 for each limit, and may get others later", () => {
  const v1 = {
    memory: "/sys/fs/cgroup/memory/wherry/0123",
    cpu: "/sys/fs/cgroup/cpu,cpuacct/wherry/0123",
    cpuacct: "/sys/fs/cgroup/cpu,cpuacct/wherry/0123",
    cpuset: "/sys/fs/cgroup/cpuset/wherry/0123",
  };

  const steps = planCgroup(inputWith({
    cgroups: { unified: undefined, v1 },
    needed: new Set(["cpuset"]),
    cpusets: ["/sys/fs/cgroup/cpuset/wherry", "/sys/fs/cgroup/cpuset/wherry/0123"],
  }));

  deepStrictEqual(steps, [
    ["controller", "/sys/fs/cgroup/memory/wherry/0123", "later"],
    ["controller", "/sys/fs/cgroup/cpu,cpuacct/wherry/0123", "later"],
    ["controller", "/sys/fs/cgroup/cpuset/wherry/0123", "now"],
    ["inherit", "/sys/fs/cgroup/cpuset/wherry", "cpuset.cpus"],
    ["inherit", "/sys/fs/cgroup/cpuset/wherry", "cpuset.mems"],
    ["inherit", "/sys/fs/cgroup/cpuset/wherry/0123", "cpuset.cpus"],
    ["inherit", "/sys/fs/cgroup/cpuset/wherry/0123", "cpuset.mems"],
    ["oom", "/sys/fs/cgroup/memory/wherry/0123/memory.oom_control", "v1"],
  ]);
});

Deno.test("planCgroup() keeps a parent that is somebody else's", () => {
  const steps = planCgroup(inputWith({ keepsParent: true, delegating: [] }));

  deepStrictEqual(steps[0], ["cgroup", UNIFIED, "keep-parent"]);
});

Deno.test("planCgroup() has nothing to do on a host without cgroups", () => {
  deepStrictEqual(planCgroup(inputWith({ cgroups: { unified: undefined, v1: {} } })), []);
});

Deno.test("planJoinCgroups() enters each cgroup once", () => {
  const v1 = { cpu: "/c/0123", cpuacct: "/c/0123", memory: "/m/0123" };

  deepStrictEqual(planJoinCgroups({ unified: UNIFIED, v1 }), [
    ["join-cgroup", UNIFIED],
    ["join-controller", "/c/0123"],
    ["join-controller", "/m/0123"],
  ]);
});
