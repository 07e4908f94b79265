import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { parseSecurityOptions } from "./security_options.ts";

Deno.test("parseSecurityOptions() of none says nothing", () => {
  deepStrictEqual(parseSecurityOptions([]), {});
});

const switches: readonly (readonly [text: string, field: string, value: boolean])[] = [
  ["no-new-privileges", "hasNoNewPrivileges", true],
  ["no-new-privileges=true", "hasNoNewPrivileges", true],
  ["no-new-privileges:true", "hasNoNewPrivileges", true],
  ["no-new-privileges=0", "hasNoNewPrivileges", false],
  ["writable-cgroups", "hasWritableCgroups", true],
  ["writable-cgroups=false", "hasWritableCgroups", false],
];
for (const [text, field, value] of switches) {
  Deno.test(`parseSecurityOptions() of ${text} is ${value}`, () => {
    deepStrictEqual(parseSecurityOptions([text]), { [field]: value, options: [text] });
  });
}

Deno.test("parseSecurityOptions() goes by the last of two", () => {
  const texts = ["no-new-privileges", "no-new-privileges=false"];

  strictEqual(parseSecurityOptions(texts).hasNoNewPrivileges, false);
});

Deno.test("parseSecurityOptions() reads what confines and what labels", () => {
  deepStrictEqual(parseSecurityOptions(["apparmor=strict", "label=disable", "label:disable"]), {
    apparmorProfile: "strict",
    options: ["apparmor=strict", "label=disable", "label:disable"],
  });
});

Deno.test("parseSecurityOptions() reads which system calls are let through", () => {
  deepStrictEqual(parseSecurityOptions(["seccomp:unconfined"]).seccomp, { type: "unconfined" });
});

for (const text of ["systempaths=unconfined", "unmask=ALL"]) {
  Deno.test(`parseSecurityOptions() hides nothing with ${text}`, () => {
    const { maskedPaths, readonlyPaths } = parseSecurityOptions([text]);

    deepStrictEqual([maskedPaths, readonlyPaths], [[], []]);
  });
}

Deno.test("parseSecurityOptions() hides more, and shows some", () => {
  const { maskedPaths, readonlyPaths } = parseSecurityOptions([
    "mask=/etc/secret:/proc/kcore",
    "unmask=/proc/keys:/proc/sys",
  ]);

  ok(maskedPaths?.includes("/etc/secret"));
  strictEqual(maskedPaths?.filter((path) => path === "/proc/kcore").length, 1);
  ok(!maskedPaths?.includes("/proc/keys"));
  ok(readonlyPaths?.includes("/proc/bus") && !readonlyPaths?.includes("/proc/sys"));
});

const refused: readonly (readonly [text: string, message: string])[] = [
  ["foo", 'Invalid --security-opt: "foo"'],
  ["", 'Invalid --security-opt: ""'],
  ["apparmor", 'Invalid --security-opt: "apparmor"'],
  ["seccomp=", 'Invalid --security-opt: "seccomp="'],
  ["no-new-privileges=", 'Invalid --security-opt: "no-new-privileges="'],
  ["foo=bar", 'invalid --security-opt 2: "foo=bar"'],
  ["systempaths=all", 'invalid --security-opt 2: "systempaths=all"'],
  ["no-new-privileges=maybe", 'invalid --security-opt 2: "no-new-privileges=maybe"'],
  ["writable-cgroups=maybe", 'invalid --security-opt 2: "writable-cgroups=maybe"'],
  ["mask=etc", 'Cannot use --security-opt mask: "etc" is not an absolute path'],
  ["unmask=/etc", 'Cannot use --security-opt unmask: "/etc" is neither hidden nor read-only'],
  [
    "label=type:container_t",
    'Cannot give the container the SELinux label "type:container_t": wherry sets no labels',
  ],
  [
    "seccomp=/nonexistent",
    "opening seccomp profile (/nonexistent) failed: no such file or directory",
  ],
];
for (const [text, message] of refused) {
  Deno.test(`parseSecurityOptions() refuses "${text}"`, () => {
    throws(() => parseSecurityOptions([text]), { message });
  });
}
