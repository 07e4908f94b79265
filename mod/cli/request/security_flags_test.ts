import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { DEFAULT_SECURITY, type Security } from "../../container/security/security.ts";
import { SECURITY_FLAGS } from "../definitions/security_flags.ts";
import { parseFlags } from "../base/flags.ts";
import { planSecurity } from "./security_flags.ts";

function plan(...args: string[]): Security {
  return planSecurity(parseFlags(SECURITY_FLAGS, args, { interspersed: false }).flags);
}

Deno.test("planSecurity() of no flag is the default", () => {
  deepStrictEqual(plan(), DEFAULT_SECURITY);
});

Deno.test("planSecurity() reads what stands for itself", () => {
  const { addedCapabilities, droppedCapabilities, groups, isPrivileged, oomScoreAdj, shmSize } =
    plan(
      ...["--cap-add", "net_admin", "--cap-drop", "ALL", "--group-add", "audio", "--privileged"],
      ...["--oom-score-adj", "-10", "--shm-size", "1g"],
    );

  deepStrictEqual([addedCapabilities, droppedCapabilities], [["CAP_NET_ADMIN"], ["ALL"]]);
  deepStrictEqual([groups, isPrivileged], [["audio"], true]);
  deepStrictEqual([oomScoreAdj, shmSize], [-10, 1024 ** 3]);
});

Deno.test("planSecurity() reads parameters of the kernel, values with = too", () => {
  deepStrictEqual(plan("--sysctl", "net.core.somaxconn=5", "--sysctl", "kernel.sem=1=2").sysctls, {
    "net.core.somaxconn": "5",
    "kernel.sem": "1=2",
  });
});

Deno.test("planSecurity() reads limits, the hard one as the soft one if there is one alone", () => {
  const flags = ["nproc=1:-1", "core=0", "nofile=1", "nofile=2:3", "memlock=-1"]
    .flatMap((limit) => ["--ulimit", limit]);

  deepStrictEqual(plan(...flags).ulimits, [
    { name: "core", hard: 0, soft: 0 },
    { name: "memlock", hard: -1, soft: -1 },
    { name: "nofile", hard: 3, soft: 2 },
    { name: "nproc", hard: -1, soft: 1 },
  ]);
});

for (const [text, umask] of [["0", 0], ["27", 0o27], ["0077", 0o77], ["7777", 0o7777]] as const) {
  Deno.test(`planSecurity() reads --umask ${text}`, () => {
    strictEqual(plan("--umask", text).umask, umask);
  });
}

const sysctl = (text: string): string =>
  `invalid argument "${text}" for "--sysctl" flag: sysctl '${text}' is not allowed`;
const ulimit = (text: string, why: string): string =>
  `invalid argument "${text}" for "--ulimit" flag: ${why}`;
const refused: readonly (readonly [flag: string, value: string, message: string])[] = [
  ["--cap-add", "FOO", 'invalid CapAdd: unknown capability: "CAP_FOO"'],
  ["--cap-drop", "", 'invalid CapDrop: unknown capability: "CAP_"'],
  ["--oom-score-adj", "2000", "Invalid value 2000, range for oom score adj is [-1000, 1000]"],
  ["--shm-size", "0", "Cannot make /dev/shm of 0 bytes: it takes at least 1"],
  ["--shm-size", "x", `invalid argument "x" for "--shm-size" flag: invalid size: 'x'`],
  ["--sysctl", "vm.swappiness=1", sysctl("vm.swappiness=1")],
  ["--sysctl", "kernel.sem", sysctl("kernel.sem")],
  ["--sysctl", "=1", sysctl("=1")],
  ["--sysctl", "net.//.kernel.core_pattern=x", sysctl("net.//.kernel.core_pattern=x")],
  ["--ulimit", "nofile", ulimit("nofile", "invalid ulimit argument: nofile")],
  ["--ulimit", "foo=1", ulimit("foo=1", "invalid ulimit type: foo")],
  ["--ulimit", "foo=x", ulimit("foo=x", "invalid ulimit type: foo")],
  ["--ulimit", "nofile=x", ulimit("nofile=x", 'strconv.ParseInt: parsing "x": invalid syntax')],
  ["--ulimit", "nofile=", ulimit("nofile=", 'strconv.ParseInt: parsing "": invalid syntax')],
  [
    "--ulimit",
    "nofile=99999999999999999999",
    ulimit(
      "nofile=99999999999999999999",
      'strconv.ParseInt: parsing "99999999999999999999": value out of range',
    ),
  ],
  [
    "--ulimit",
    "nofile=1:2:3",
    ulimit(
      "nofile=1:2:3",
      "too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`",
    ),
  ],
  [
    "--ulimit",
    "nofile=2:1",
    ulimit("nofile=2:1", "ulimit soft limit must be less than or equal to hard limit: 2 > 1"),
  ],
  ["--umask", "8", "invalid umask string 8: invalid argument"],
  ["--umask", "", "invalid umask string : invalid argument"],
  ["--umask", "00022", "invalid umask string 00022: invalid argument"],
];
for (const [flag, value, message] of refused) {
  Deno.test(`planSecurity() refuses ${flag} "${value}"`, () => {
    throws(() => plan(flag, value), { kind: "invalid_argument", message });
  });
}

Deno.test("planSecurity() refuses a privileged container that cannot write its cgroups", () => {
  throws(() => plan("--privileged", "--security-opt", "writable-cgroups=false"), {
    message: "conflicting options: --privileged makes cgroups writable, and " +
      "writable-cgroups=false does not",
  });
});
