import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { mountPointsBelow, MS, parseMountInfo, splitMountOptions } from "./mount.ts";
import { findCgroupHierarchies, findWritableCgroup2 } from "./proc.ts";

// From proc_pid_mountinfo(5), with an escaped space
const LINE = "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue";

Deno.test("parseMountInfo() reads mount point, type and both kinds of options", () => {
  deepStrictEqual(parseMountInfo(`${LINE}\n`), [{
    device: "98:0",
    mountPoint: "/mnt 2",
    options: ["rw", "noatime"],
    groups: ["master:1"],
    type: "ext3",
    superOptions: ["rw", "errors=continue"],
  }]);
});

Deno.test("mountPointsBelow() names what is in a directory, the last one mounted first", () => {
  const text = ["/", "/data", "/data/one", "/data/one/with\\040space", "/data2", "/other/data"]
    .map((path) => `36 35 98:0 / ${path} rw - ext3 /dev/root rw\n`).join("");

  deepStrictEqual(mountPointsBelow("/data", text), ["/data/one/with space", "/data/one", "/data"]);
  deepStrictEqual(mountPointsBelow("/data/one/with", text), []);
});

Deno.test("splitMountOptions() tells flags from the file system's own options", () => {
  deepStrictEqual(splitMountOptions("exec,size=1m,ro,mode=700", MS.NOEXEC | MS.NODEV), {
    flags: MS.NODEV | MS.RDONLY,
    data: "size=1m,mode=700",
  });
});

Deno.test("findCgroupHierarchies() names v1 hierarchies by their controllers", () => {
  const text = [
    "30 25 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct",
    "31 25 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/x,name=systemd",
    "32 25 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate",
    "33 25 0:29 / /proc rw - proc proc rw",
  ].join("\n");

  deepStrictEqual(findCgroupHierarchies(text), [
    {
      type: "cgroup",
      mountPoint: "/sys/fs/cgroup/cpu,cpuacct",
      isWritable: true,
      data: "cpu,cpuacct",
    },
    {
      type: "cgroup",
      mountPoint: "/sys/fs/cgroup/systemd",
      isWritable: true,
      data: "name=systemd",
    },
    { type: "cgroup2", mountPoint: "/sys/fs/cgroup/unified", isWritable: true, data: "" },
  ]);
});

Deno.test("findWritableCgroup2() skips what is mounted or made read-only", () => {
  const lines = [
    "31 25 0:28 / /one ro - cgroup2 cgroup2 rw",
    "32 25 0:28 / /two rw - cgroup2 cgroup2 ro",
    "33 25 0:26 / /three rw - cgroup cgroup rw,cpu",
    "34 25 0:28 / /four rw - cgroup2 cgroup2 rw",
  ];

  strictEqual(findWritableCgroup2(findCgroupHierarchies(lines.join("\n"))), "/four");
  strictEqual(findWritableCgroup2(findCgroupHierarchies(lines.slice(0, 3).join("\n"))), undefined);
});
