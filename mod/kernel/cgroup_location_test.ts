import { deepStrictEqual } from "node:assert/strict";
import { cgroupsNaming, locateCgroups } from "./cgroup_location.ts";

const ID = "f".repeat(64);

const V1_MOUNTS = `32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
42 31 0:40 / /tmp rw - tmpfs tmpfs rw
`;

Deno.test("locateCgroups() finds the directory of each controller of version 1, and of version 2", () => {
  const membership =
    `9:name=systemd:/\n4:memory:/wherry/${ID}\n1:cpu,cpuacct:/\n0::/wherry/${ID}\n`;

  const directories = locateCgroups(membership, V1_MOUNTS);

  deepStrictEqual([...directories], [
    ["name=systemd", "/sys/fs/cgroup/systemd"],
    ["memory", `/sys/fs/cgroup/memory/wherry/${ID}`],
    ["cpu", "/sys/fs/cgroup/cpu,cpuacct"],
    ["cpuacct", "/sys/fs/cgroup/cpu,cpuacct"],
    ["unified", `/sys/fs/cgroup/unified/wherry/${ID}`],
  ]);
});

Deno.test("locateCgroups() cuts off what is mounted, and leaves out what is beside it", () => {
  const mounts = `35 31 0:32 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw
36 31 0:33 /docker/1 /cg/pids rw - cgroup cgroup rw,pids
`;

  const directories = locateCgroups("0::/docker/1/wherry\n3:pids:/docker/12\n", mounts);

  deepStrictEqual([...directories], [["unified", "/sys/fs/cgroup/wherry"]]);
});

Deno.test("locateCgroups() leaves out hierarchies that are not mounted", () => {
  deepStrictEqual([...locateCgroups("3:pids:/\n0::/\n", "")], []);
});

Deno.test("locateCgroups() takes colons in the names of cgroups", () => {
  const directories = locateCgroups("0::/a:b/c\n", "1 2 0:3 / /cg rw - cgroup2 none rw");

  deepStrictEqual([...directories], [["unified", "/cg/a:b/c"]]);
});

Deno.test("cgroupsNaming() cuts paths at the container's own cgroup, and leaves out shared ones", () => {
  const directories = new Map([
    ["unified", `/cg/parent/${ID}/init.scope`],
    ["memory", `/cg/memory/wherry-${ID}.scope`],
    ["cpu", "/cg/cpu"],
  ]);

  deepStrictEqual([...cgroupsNaming(directories, ID)], [
    ["unified", `/cg/parent/${ID}`],
    ["memory", `/cg/memory/wherry-${ID}.scope`],
  ]);
});
