import { strictEqual, throws } from "node:assert/strict";
import { canFilterDevices } from "./cgroup_bpf.ts";
import { findCgroupHierarchies, findWritableCgroup2 } from "./proc.ts";

Deno.test("canFilterDevices() is told by the kernel, which all distributions build so", () => {
  const mountPoint = findWritableCgroup2(
    findCgroupHierarchies(Deno.readTextFileSync("/proc/self/mountinfo")),
  );

  strictEqual(
    mountPoint === undefined ? undefined : typeof canFilterDevices(mountPoint),
    "boolean",
  );
});

Deno.test("canFilterDevices() complains about a directory that is not there", () => {
  throws(() => canFilterDevices("/nowhere/at/all"), { name: "SystemError", code: "ENOENT" });
});
