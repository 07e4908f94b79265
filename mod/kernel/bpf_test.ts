import { strictEqual, throws } from "node:assert/strict";
import { canFilterDevices } from "./bpf.ts";
import { findCgroupHierarchies, findWritableCgroup2 } from "./proc.ts";

Deno.test("canFilterDevices() is true for the root of the unified hierarchy", () => {
  const hierarchies = findCgroupHierarchies(Deno.readTextFileSync("/proc/self/mountinfo"));

  strictEqual(canFilterDevices(findWritableCgroup2(hierarchies) ?? ""), true);
});

Deno.test("canFilterDevices() is false for a directory that is no cgroup", () => {
  strictEqual(canFilterDevices("/proc"), false);
});

Deno.test("canFilterDevices() throws when there is no such directory", () => {
  throws(() => canFilterDevices("/proc/no such directory"), { code: "ENOENT" });
});
