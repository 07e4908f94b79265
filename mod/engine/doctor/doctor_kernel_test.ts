import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeHostFiles } from "../../../tests/fakes/host_files.ts";
import {
  checkClock,
  checkModules,
  checkMountApi,
  checkNamespaces,
  checkSeccomp,
  checkSecurityModules,
  checkVersion,
} from "./doctor_kernel.ts";

const ALL_NAMESPACES = Object.fromEntries(
  ["mnt", "pid", "uts", "ipc", "net", "cgroup", "user"]
    .map((name) => [`/proc/self/ns/${name}`, ""]),
);

Deno.test("checkVersion() takes Linux 5.10 and newer", () => {
  const states = ["6.18.5", "5.10.0-33-amd64", "10.0", "5.9.16", "4.19.0", "weird"]
    .map((release) => checkVersion(release)).map(({ state, isFatal }) => [state, isFatal]);

  deepStrictEqual(states, [
    ["ok", false],
    ["ok", false],
    ["ok", false],
    ["limited", false],
    ["missing", true],
    ["limited", false],
  ]);
});

Deno.test("checkNamespaces() is content with all of them", () => {
  const findings = checkNamespaces(fakeHostFiles(ALL_NAMESPACES));

  deepStrictEqual(findings.map(({ state, detail }) => [state, detail]), [
    ["ok", "mnt pid uts ipc net cgroup user"],
  ]);
});

Deno.test("checkNamespaces() finds a kind that the kernel lacks, or of which none may be made", () => {
  const { "/proc/self/ns/pid": _, ...others } = ALL_NAMESPACES;
  const files = fakeHostFiles({ ...others, "/proc/sys/user/max_user_namespaces": "0\n" });

  const [, ...troubles] = checkNamespaces(files);

  deepStrictEqual(troubles.map(({ feature, detail, isFatal }) => [feature, detail, isFatal]), [
    ["pid namespaces", "not in this kernel", true],
    ["user namespaces", "none may be made", false],
  ]);
  strictEqual(
    troubles[1]?.remedy,
    "Raise the limit: sysctl -w user.max_user_namespaces=10000",
  );
});

Deno.test("checkSeccomp() looks for filters that answer with an error", () => {
  const path = "/proc/sys/kernel/seccomp/actions_avail";

  strictEqual(checkSeccomp(fakeHostFiles({ [path]: "kill errno allow\n" })).state, "ok");
  strictEqual(checkSeccomp(fakeHostFiles({})).state, "missing");
});

Deno.test("checkMountApi() says what lacks without each call", () => {
  strictEqual(checkMountApi({ openTree: true, mountSetattr: true }).state, "ok");
  strictEqual(checkMountApi({ openTree: true, mountSetattr: false }).state, "limited");
  strictEqual(checkMountApi({ openTree: false, mountSetattr: false }).state, "missing");
});

Deno.test("checkModules() finds modules that can be loaded, that cannot, and that are not there", () => {
  const loaded = { "/proc/modules": "" };
  const installed = { ...loaded, "/lib/modules/6.1/modules.dep": "" };
  const locked = { ...installed, "/proc/sys/kernel/modules_disabled": "1\n" };

  const states = [{}, loaded, installed, locked]
    .map((texts) => checkModules(fakeHostFiles(texts), "6.1").state);

  deepStrictEqual(states, ["ok", "limited", "ok", "limited"]);
});

Deno.test("checkSecurityModules() names those that are active, and tells of SELinux that enforces", () => {
  const files = fakeHostFiles({
    "/sys/kernel/security/lsm": "lockdown,capability,landlock,selinux",
    "/sys/fs/selinux/enforce": "1",
  });

  const findings = checkSecurityModules(files);

  deepStrictEqual(findings.map(({ state, detail }) => [state, detail]), [
    ["ok", "lockdown capability landlock selinux"],
    ["limited", "enforcing"],
  ]);
});

Deno.test("checkSecurityModules() knows AppArmor where securityfs is not mounted", () => {
  const files = fakeHostFiles({ "/sys/module/apparmor/parameters/enabled": "Y\n" });

  deepStrictEqual(checkSecurityModules(files).map(({ detail }) => detail), ["apparmor"]);
  deepStrictEqual(checkSecurityModules(fakeHostFiles({})).map(({ detail }) => detail), ["none"]);
});

Deno.test("checkClock() finds a clock that nobody has set", () => {
  strictEqual(checkClock(new Date("1970-01-01T00:01:00Z")).state, "limited");
  strictEqual(checkClock(new Date("2030-01-01T00:00:00Z")).state, "ok");
});
