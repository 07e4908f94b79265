import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  ALL_CAPABILITIES,
  capabilityBit,
  capabilityMask,
  capabilityNames,
  DEFAULT_CAPABILITIES,
  readAvailableCapabilities,
} from "./capability.ts";

/** @see `linux/capability.h` */
const NUMBERS: readonly (readonly [name: string, number: bigint])[] = [
  ["CAP_CHOWN", 0n],
  ["CAP_FOWNER", 3n],
  ["CAP_SETPCAP", 8n],
  ["CAP_NET_ADMIN", 12n],
  ["CAP_SYS_CHROOT", 18n],
  ["CAP_SYS_RESOURCE", 24n],
  ["CAP_SETFCAP", 31n],
  ["CAP_SYSLOG", 34n],
  ["CAP_CHECKPOINT_RESTORE", 40n],
];
for (const [name, number] of NUMBERS) {
  Deno.test(`capabilityBit() of ${name} is the kernel's`, () => {
    strictEqual(capabilityBit(name), 1n << number);
  });
}

Deno.test("capabilityBit() is 0 for what is no capability", () => {
  deepStrictEqual(["CHOWN", "CAP_", "CAP_cHOWN", "", "ALL"].map(capabilityBit), [
    0n,
    0n,
    0n,
    0n,
    0n,
  ]);
});

Deno.test("capabilityNames() of the default ones are docker's fourteen", () => {
  deepStrictEqual(capabilityNames(DEFAULT_CAPABILITIES), [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SYS_CHROOT",
    "CAP_MKNOD",
    "CAP_AUDIT_WRITE",
    "CAP_SETFCAP",
  ]);
});

Deno.test("capabilityMask() of all names is all there is", () => {
  strictEqual(capabilityMask(capabilityNames(ALL_CAPABILITIES)), ALL_CAPABILITIES);
});

Deno.test("readAvailableCapabilities() is what a program that root executes gets", async () => {
  const { stdout } = await new Deno.Command("grep", { args: ["^CapPrm", "/proc/self/status"] })
    .output();

  const [, hex = ""] = new TextDecoder().decode(stdout).split(/\s+/);
  strictEqual(readAvailableCapabilities(), BigInt(`0x${hex}`));
});
