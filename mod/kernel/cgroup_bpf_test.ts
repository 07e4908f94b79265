import { strictEqual, throws } from "node:assert/strict";
import { canFilterDevices } from "./cgroup_bpf.ts";
import { findCgroupHierarchies, findWritableCgroup2 } from "./proc.ts";

Deno.test("canFilterDevices() finds what all distributions build into their kernels", () => {
  const mountPoint = findWritableCgroup2(
    findCgroupHierarchies(Deno.readTextFileSync("/proc/self/mountinfo")),
  );

  strictEqual(canFilterDevices(mountPoint ?? ""), true);
});

Deno.test("canFilterDevices() complains about a directory that is not there", () => {
  throws(() => canFilterDevices("/nowhere/at/all"), { name: "SystemError", code: "ENOENT" });
});
