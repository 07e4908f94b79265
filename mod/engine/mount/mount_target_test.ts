import { strictEqual, throws } from "node:assert/strict";
import { checkTarget } from "./mount_target.ts";

const good: [target: string, path: string][] = [
  ["/b", "/b"],
  ["/b/", "/b"],
  ["//b//c/.", "/b/c"],
  ["/b/../d/", "/d"],
  ["/../b", "/b"],
  ["/proc/uptime", "/proc/uptime"],
  ["/proc/net/dev", "/proc/net/dev"],
  ["/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/ns_last_pid"],
  ["/process", "/process"],
  [`/${"x".repeat(255)}`, `/${"x".repeat(255)}`],
  [`/${"ü".repeat(127)}`.repeat(16), `/${"ü".repeat(127)}`.repeat(16)],
  ["/with space, comma and ü", "/with space, comma and ü"],
];
for (const [target, path] of good) {
  Deno.test(`checkTarget() makes "${path}" of "${target}"`, () => {
    strictEqual(checkTarget(target), path);
  });
}

const root = "invalid specification: destination can't be '/'";
const bad: [target: string, why: string][] = [
  ["", "invalid mount path: '' mount path must be absolute"],
  ["b", "invalid mount path: 'b' mount path must be absolute"],
  ["../b", "invalid mount path: '../b' mount path must be absolute"],
  ["..", "invalid mount path: '..' mount path must be absolute"],
  ["/", root],
  ["//", root],
  ["/.", root],
  ["/..", root],
  ["/b/..", root],
  ["/b/../../..", root],
  ["/b\0c", "the mount path holds a NUL or a line break"],
  ["/b\nc", "the mount path holds a NUL or a line break"],
  [`/${"x".repeat(256)}`, "the mount path is too long"],
  [`/${"ü".repeat(128)}`, "the mount path is too long"],
  [`/${"x".repeat(254)}`.repeat(17), "the mount path is too long"],
  ["/proc", '"/proc" cannot be mounted because it is not of type proc'],
  ["/proc/", '"/proc" cannot be mounted because it is not of type proc'],
  ["/x/../proc", '"/proc" cannot be mounted because it is not of type proc'],
  ["/proc/sys", '"/proc/sys" cannot be mounted because it is inside /proc'],
  ["/proc/self/attr/exec", '"/proc/self/attr/exec" cannot be mounted because it is inside /proc'],
  ["/proc/uptime/x", '"/proc/uptime/x" cannot be mounted because it is inside /proc'],
  ["/proc/./1", '"/proc/1" cannot be mounted because it is inside /proc'],
];
for (const [target, why] of bad) {
  Deno.test(`checkTarget() refuses ${JSON.stringify(target)}`, () => {
    throws(() => checkTarget(target), { kind: "invalid_argument", message: why });
  });
}

Deno.test("checkTarget() takes /proc for the host's own", () => {
  strictEqual(checkTarget("/proc", { source: "/proc" }), "/proc");
  throws(() => checkTarget("/proc", { source: "/srv" }));
});
