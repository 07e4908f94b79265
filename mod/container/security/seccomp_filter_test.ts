import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { runFilter } from "../../../tests/fakes/filter_machine.ts";
import { verdictOf } from "../../../tests/fakes/profile_verdict.ts";
import { AUDIT_ARCH } from "../../kernel/seccomp.ts";
import { type SyscallAbi, syscallNumbers } from "../../kernel/syscall_numbers.ts";
import { compileSeccomp, type SeccompHost } from "./seccomp_filter.ts";
import {
  type ArgumentCondition,
  type ComparisonOperator,
  parseSeccompProfile,
  type SeccompProfile,
  type SeccompRule,
} from "./seccomp_profile.ts";

const ALLOW = 0x7fff0000;
const KILL = 0;
const EPERM = 0x50001;
const ENOSYS = 0x50026;

const HOST: SeccompHost = {
  architecture: "x86_64",
  capabilities: new Set(["CAP_CHOWN", "CAP_SYS_TIME"]),
  kernel: [5, 10],
};

const ALL_X86 = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"];

/** A profile that denies what no rule allows. */
function denying(...rules: SeccompRule[]): SeccompProfile {
  return { defaultAction: EPERM, flags: 0, architectures: ALL_X86, architectureMap: [], rules };
}

function rule(names: string[], overrides: Partial<SeccompRule> = {}): SeccompRule {
  return { names, action: ALLOW, conditions: [], ...overrides };
}

function condition(
  operator: ComparisonOperator,
  value: bigint,
  overrides: Partial<ArgumentCondition> = {},
): ArgumentCondition {
  return { index: 0, operator, value, valueTwo: 0n, ...overrides };
}

/** What the filter of `profile` says of a call by name. */
function ask(
  profile: SeccompProfile,
  name: string,
  { args = [], abi = "x86_64", host = HOST }: {
    args?: readonly bigint[];
    abi?: SyscallAbi;
    host?: SeccompHost;
  } = {},
): number {
  return runFilter(compileSeccomp(profile, host).program, {
    architecture: AUDIT_ARCH[abi],
    number: syscallNumbers(abi).get(name) ?? -1,
    args,
  });
}

const VALUES = [
  0n,
  1n,
  0x28n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x100000001n,
  0x8000000000000000n,
  0xffffffffffffffffn,
];

const OPERATORS = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"] as const;

for (const operator of OPERATORS) {
  Deno.test(`compileSeccomp() compares arguments of every size with ${operator}`, () => {
    for (const abi of ["x86_64", "i386", "x32"] as const) {
      for (const value of VALUES) {
        const profile = denying(
          rule(["kill"], { conditions: [condition(operator, value, { index: 1, valueTwo: 1n })] }),
          rule(["getxattrat"]),
        );
        const { program } = compileSeccomp(profile, HOST);
        const number = syscallNumbers(abi).get("kill") ?? -1;
        for (const argument of VALUES) {
          const args = [7n, argument];
          strictEqual(
            runFilter(program, { architecture: AUDIT_ARCH[abi], number, args }),
            verdictOf(profile, { abi, name: "kill", args }),
            `${abi} ${operator} ${value} ${argument}`,
          );
        }
      }
    }
  });
}

Deno.test("compileSeccomp() wants all conditions of a rule", () => {
  const profile = denying(rule(["kill"], {
    conditions: [condition("EQ", 1n), condition("GT", 5n, { index: 2 })],
  }));

  deepStrictEqual(
    [[1n, 0n, 6n], [1n, 0n, 5n], [2n, 0n, 6n]].map((args) => ask(profile, "kill", { args })),
    [ALLOW, EPERM, EPERM],
  );
});

Deno.test("compileSeccomp() takes conditions on one argument for alternatives", () => {
  const profile = denying(rule(["kill"], {
    conditions: [condition("EQ", 1n), condition("EQ", 2n), condition("EQ", 9n, { index: 1 })],
  }));

  deepStrictEqual(
    [[1n], [2n], [3n, 9n], [3n, 8n]].map((args) => ask(profile, "kill", { args })),
    [ALLOW, ALLOW, ALLOW, EPERM],
  );
});

Deno.test("compileSeccomp() lets the first of several rules count", () => {
  const profile = denying(
    rule(["kill"], { action: ENOSYS, conditions: [condition("EQ", 1n)] }),
    rule(["kill"], { conditions: [condition("LT", 5n)] }),
  );

  deepStrictEqual(
    [1n, 2n, 5n].map((argument) => ask(profile, "kill", { args: [argument] })),
    [ENOSYS, ALLOW, EPERM],
  );
});

Deno.test("compileSeccomp() lets a rule without conditions count before one that has some", () => {
  const profile = denying(
    rule(["kill"], { action: ENOSYS, conditions: [condition("EQ", 1n)] }),
    rule(["kill"]),
  );

  strictEqual(ask(profile, "kill", { args: [1n] }), ALLOW);
});

Deno.test("compileSeccomp() takes a mask without bits for no condition", () => {
  const profile = denying(rule(["kill"], { conditions: [condition("MASKED_EQ", 0n)] }));

  strictEqual(ask(profile, "kill", { args: [1n] }), ALLOW);
});

Deno.test("compileSeccomp() ignores a rule that says what is said of all", () => {
  const profile = denying(
    rule(["kill"], { action: EPERM }),
    rule(["kill"], { conditions: [condition("EQ", 1n)] }),
  );

  strictEqual(ask(profile, "kill", { args: [1n] }), ALLOW);
});

Deno.test("compileSeccomp() looks at 32 bits of an int", () => {
  const profile = denying(rule(["kill"], { conditions: [condition("NE", 9n, { isInt: true })] }));

  deepStrictEqual(
    [9n, 0x100000009n, 8n].map((argument) => ask(profile, "kill", { args: [argument] })),
    [EPERM, EPERM, ALLOW],
  );
});

Deno.test("compileSeccomp() answers ENOSYS to calls newer than all that the profile names", () => {
  const profile = denying(rule(["read"]), rule(["kill"]));

  deepStrictEqual(
    ["kill", "getpid", "uname"].map((name) => ask(profile, name)),
    [ALLOW, EPERM, ENOSYS],
  );
});

Deno.test("compileSeccomp() lets new calls through if all is allowed that nobody denies", () => {
  const profile = { ...denying(rule(["kill"], { action: EPERM })), defaultAction: ALLOW };

  deepStrictEqual(["kill", "uname"].map((name) => ask(profile, name)), [EPERM, ALLOW]);
});

Deno.test("compileSeccomp() knows calls of each ABI by their names", () => {
  const profile = denying(rule(["execve", "listxattrat"]));

  deepStrictEqual(
    (["x86_64", "i386", "x32"] as const).map((abi) => ask(profile, "execve", { abi })),
    [ALLOW, ALLOW, ALLOW],
  );
  strictEqual(
    runFilter(compileSeccomp(profile, HOST).program, {
      architecture: AUDIT_ARCH.i386,
      number: syscallNumbers("x86_64").get("execve") ?? -1,
    }),
    EPERM,
  );
});

Deno.test("compileSeccomp() kills what comes in by a way that the profile does not name", () => {
  const profile = { ...denying(rule(["read"])), architectures: [] };

  deepStrictEqual(
    (["x86_64", "i386", "x32", "arm"] as const).map((abi) => ask(profile, "read", { abi })),
    [ALLOW, KILL, KILL, KILL],
  );
});

Deno.test("compileSeccomp() does not kill for a call that a tracer has cancelled", () => {
  const profile = { ...denying(rule(["read"])), architectures: [] };

  strictEqual(
    runFilter(compileSeccomp(profile, HOST).program, {
      architecture: AUDIT_ARCH.x86_64,
      number: 0xffffffff,
    }),
    EPERM,
  );
});

Deno.test("compileSeccomp() takes the architectures of this host from a map", () => {
  const profile = {
    ...denying(rule(["read"])),
    architectures: [],
    architectureMap: [ALL_X86, ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]],
  };
  const host = { ...HOST, architecture: "aarch64" as const };

  strictEqual(ask(profile, "read", { abi: "i386" }), ALLOW);
  deepStrictEqual(
    (["aarch64", "arm", "x86_64"] as const).map((abi) => ask(profile, "read", { abi, host })),
    [ALLOW, ALLOW, KILL],
  );
});

const SOCKETCALL_BIND = 2n;
const SOCKETCALL_LISTEN = 4n;
const IPC_SHMGET = 23n;

Deno.test("compileSeccomp() finds calls of 32-bit x86 behind the call that they are made through", () => {
  const profile = denying(rule(["listen", "shmget", "statx"]));
  const through = (name: string, call: bigint): number =>
    ask(profile, name, { abi: "i386", args: [call] });

  deepStrictEqual(
    [
      through("socketcall", SOCKETCALL_LISTEN),
      through("socketcall", SOCKETCALL_BIND),
      through("ipc", IPC_SHMGET),
      ask(profile, "listen", { abi: "i386" }),
    ],
    [ALLOW, EPERM, ALLOW, ALLOW],
  );
});

Deno.test("compileSeccomp() applies rules to the hosts that they are for", () => {
  const scope = { capabilities: [], architectures: [] };
  const profile = denying(
    rule(["read"], { includes: { ...scope, capabilities: ["CAP_CHOWN", "CAP_SYS_TIME"] } }),
    rule(["write"], { includes: { ...scope, capabilities: ["CAP_CHOWN", "CAP_SYS_ADMIN"] } }),
    rule(["open"], { includes: { ...scope, architectures: ["arm64", "amd64"] } }),
    rule(["close"], { includes: { ...scope, architectures: ["arm64"] } }),
    rule(["stat"], { includes: { ...scope, minKernel: [5, 10] } }),
    rule(["fstat"], { includes: { ...scope, minKernel: [5, 11] } }),
    rule(["poll"], { excludes: { ...scope, capabilities: ["CAP_SYS_ADMIN"] } }),
    rule(["lseek"], { excludes: { ...scope, capabilities: ["CAP_SYS_ADMIN", "CAP_CHOWN"] } }),
    rule(["mmap"], { excludes: { ...scope, architectures: ["amd64"] } }),
    rule(["munmap"], { excludes: { ...scope, minKernel: [4, 20] } }),
    rule(["statx"]),
  );

  deepStrictEqual(
    ["read", "write", "open", "close", "stat", "fstat", "poll", "lseek", "mmap", "munmap"]
      .filter((name) => ask(profile, name) === ALLOW),
    ["read", "open", "stat", "poll"],
  );
});

Deno.test("compileSeccomp() ignores names that no machine has", () => {
  strictEqual(ask(denying(rule(["no_such_call", "kill"])), "kill"), ALLOW);
});

Deno.test("compileSeccomp() stays within reach in a profile of many conditions", () => {
  const names = [...syscallNumbers("x86_64").keys()].slice(0, 60);
  const conditions = [0, 1, 2, 3, 4].map((index) => condition("LT", 0x123456789n, { index }));
  const profile = {
    ...denying(...names.map((name) => rule([name], { conditions }))),
    architectures: [],
  };
  const low = [0n, 1n, 2n, 3n, 4n];
  const high = [0n, 1n, 2n, 3n, 0x223456789n];

  deepStrictEqual(names.filter((name) => ask(profile, name, { args: low }) !== ALLOW), []);
  deepStrictEqual(names.filter((name) => ask(profile, name, { args: high }) !== EPERM), []);
});

Deno.test("compileSeccomp() hands on the flags", () => {
  const profile = parseSeccompProfile('{"defaultAction":"SCMP_ACT_ALLOW"}', "x") ?? denying();

  strictEqual(compileSeccomp(profile, HOST).flags, 4);
});
