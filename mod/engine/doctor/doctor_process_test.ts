import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { ALL_CAPABILITIES, capabilityMask } from "../../kernel/capability.ts";
import {
  checkCapabilities,
  checkCLibrary,
  checkConfinement,
  checkOpenFiles,
  checkUser,
} from "./doctor_process.ts";

Deno.test("checkUser() wants root", () => {
  deepStrictEqual([checkUser(0).isFatal, checkUser(1000).isFatal], [false, true]);
});

Deno.test("checkCapabilities() is content with all of them", () => {
  deepStrictEqual(
    checkCapabilities(ALL_CAPABILITIES).map(({ state, detail }) => [state, detail]),
    [["ok", "all that wherry and containers need"]],
  );
});

Deno.test("checkCapabilities() says what fails without each", () => {
  const mask = ALL_CAPABILITIES & ~capabilityMask(["CAP_SYS_RESOURCE", "CAP_SYS_ADMIN"]);

  const findings = checkCapabilities(mask);

  deepStrictEqual(findings.map(({ feature, isFatal }) => [feature, isFatal]), [
    ["CAP_SYS_ADMIN", true],
    ["CAP_SYS_RESOURCE", false],
  ]);
});

Deno.test("checkCapabilities() tells of those that containers have by default", () => {
  const mask = ALL_CAPABILITIES & ~capabilityMask(["CAP_NET_RAW"]);

  const findings = checkCapabilities(mask);

  deepStrictEqual(findings.map(({ feature, detail }) => [feature, detail]), [
    ["default capabilities", "without CAP_NET_RAW"],
  ]);
});

Deno.test("checkConfinement() finds a filter of system calls", () => {
  strictEqual(checkConfinement("Name:\tx\nSeccomp:\t0\nSeccomp_filters:\t0\n").state, "ok");
  strictEqual(checkConfinement("Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n").state, "limited");
});

Deno.test("checkOpenFiles() looks at the hard limit", () => {
  const limits = (hard: string): string => `Max open files            1024   ${hard}   files \n`;

  deepStrictEqual(
    ["1048576", "unlimited", "1024"].map((hard) => checkOpenFiles(limits(hard)).state),
    ["ok", "ok", "limited"],
  );
});

Deno.test("checkCLibrary() finds the host's library among what is mapped", () => {
  const line = "7f00-7f01 r-xp 0 fe:00 1";

  strictEqual(
    checkCLibrary(`${line}  /usr/lib/x86_64-linux-gnu/libc.so.6\n`).detail,
    "the host's, /usr/lib/x86_64-linux-gnu/libc.so.6",
  );
  strictEqual(checkCLibrary(`${line}  /memfd:x\n`).detail, "the one that wherry carries");
});
