import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { findUnifiedTree, findV1Hierarchy, parseControllers } from "./cgroup_tree.ts";
import { findCgroupHierarchies } from "./proc.ts";

const UNIFIED = "31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
const READ_ONLY = "31 23 0:28 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
const HYBRID = `\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/pids ro,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;
const V1 = HYBRID.split("\n").filter((line) => !line.includes("cgroup2")).join("\n");

const SERVICE = "0::/system.slice/wherry.service/commands\n";

function treeOf(
  mountInfo: string,
  membership = "0::/\n",
  delegated: readonly string[] = [],
): ReturnType<typeof findUnifiedTree> {
  return findUnifiedTree(findCgroupHierarchies(mountInfo), {
    membership,
    isDelegated: (path) => delegated.includes(path),
  });
}

Deno.test("findUnifiedTree() takes the top where nothing is delegated", () => {
  const top = { mountPoint: "/sys/fs/cgroup", base: "/sys/fs/cgroup" };

  deepStrictEqual(treeOf(UNIFIED), top);
  deepStrictEqual(treeOf(UNIFIED, "0::/user.slice/user-0.slice/session-1.scope\n"), top);
});

Deno.test("findUnifiedTree() takes the nearest cgroup of its own that is delegated", () => {
  const delegated = [
    "/sys/fs/cgroup/system.slice",
    "/sys/fs/cgroup/system.slice/wherry.service",
  ];

  deepStrictEqual(treeOf(UNIFIED, SERVICE, delegated), {
    mountPoint: "/sys/fs/cgroup",
    base: "/sys/fs/cgroup/system.slice/wherry.service",
  });
});

Deno.test("findUnifiedTree() does not look outside of its cgroup namespace", () => {
  deepStrictEqual(treeOf(UNIFIED, "0::/../other\n", ["/sys/fs/cgroup/../other"]), {
    mountPoint: "/sys/fs/cgroup",
    base: "/sys/fs/cgroup",
  });
});

Deno.test("findUnifiedTree() finds the unified hierarchy of a hybrid host", () => {
  deepStrictEqual(treeOf(HYBRID, "9:memory:/a\n0::/\n"), {
    mountPoint: "/sys/fs/cgroup/unified",
    base: "/sys/fs/cgroup/unified",
  });
});

Deno.test("findUnifiedTree() finds none that is read-only, and none on a host of version 1", () => {
  strictEqual(treeOf(READ_ONLY), undefined);
  strictEqual(treeOf(V1, "9:memory:/a\n"), undefined);
});

Deno.test("findV1Hierarchy() finds controllers that share a hierarchy", () => {
  const hierarchies = findCgroupHierarchies(HYBRID);

  deepStrictEqual(
    ["cpu", "cpuacct", "memory"].map((name) => findV1Hierarchy(hierarchies, name)?.mountPoint),
    ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory"],
  );
});

Deno.test("findV1Hierarchy() finds none that is missing, read-only or of version 2", () => {
  const all = findCgroupHierarchies(HYBRID);
  const unified = findCgroupHierarchies(UNIFIED);

  strictEqual(findV1Hierarchy(all, "blkio"), undefined);
  strictEqual(findV1Hierarchy(all, "pids"), undefined);
  strictEqual(findV1Hierarchy(unified, "memory"), undefined);
});

Deno.test("parseControllers() tells what is bound to version 1 and what is switched off", () => {
  const text = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t5\t1\nmemory\t0\t1\t0\n";

  deepStrictEqual(
    parseControllers(text),
    new Map([
      ["cpu", { hierarchy: 1, isEnabled: true }],
      ["memory", { hierarchy: 0, isEnabled: false }],
    ]),
  );
});
