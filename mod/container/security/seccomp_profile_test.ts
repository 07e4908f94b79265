import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { WherryError } from "../../errors.ts";
import { parseSeccompProfile, type SeccompProfile } from "./seccomp_profile.ts";

function parse(profile: unknown): SeccompProfile | undefined {
  return parseSeccompProfile(JSON.stringify(profile), "p.json");
}

/** A profile with one rule. */
function withRule(rule: unknown): unknown {
  return { defaultAction: "SCMP_ACT_ERRNO", syscalls: [rule] };
}

/** A profile with one condition on an argument. */
function withCondition(condition: unknown): unknown {
  return withRule({ names: ["kill"], action: "SCMP_ACT_ALLOW", args: [condition] });
}

Deno.test("parseSeccompProfile() reads all that a profile can say", () => {
  const profile = parse({
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 38,
    archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] }],
    flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"],
    syscalls: [{
      names: ["clone", "unshare"],
      action: "SCMP_ACT_TRACE",
      errnoRet: 7,
      comment: "no namespaces",
      args: [{ index: 1, value: 3, valueTwo: 1, op: "SCMP_CMP_MASKED_EQ" }],
      includes: { caps: ["CAP_CHOWN"], arches: ["amd64"], minKernel: "4.8" },
      excludes: { caps: ["CAP_SYS_ADMIN"] },
    }],
  });

  deepStrictEqual(profile, {
    defaultAction: 0x50026,
    flags: 2,
    architectures: [],
    architectureMap: [["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]],
    rules: [{
      names: ["clone", "unshare"],
      action: 0x7ff00007,
      conditions: [{ index: 1, operator: "MASKED_EQ", value: 3n, valueTwo: 1n }],
      includes: { capabilities: ["CAP_CHOWN"], architectures: ["amd64"], minKernel: [4, 8] },
      excludes: { capabilities: ["CAP_SYS_ADMIN"], architectures: [] },
    }],
  });
});

Deno.test("parseSeccompProfile() denies with EPERM and is fast unless told otherwise", () => {
  const profile = parse({ defaultAction: "SCMP_ACT_ERRNO" });

  deepStrictEqual([profile?.defaultAction, profile?.flags], [0x50001, 4]);
});

Deno.test("parseSeccompProfile() sets no flags where the list is empty", () => {
  strictEqual(parse({ defaultAction: "SCMP_ACT_ALLOW", flags: [] })?.flags, 0);
});

Deno.test("parseSeccompProfile() takes the old form with one name", () => {
  const profile = parse(withRule({ name: "kill", action: "SCMP_ACT_KILL", args: null }));

  deepStrictEqual(profile?.rules, [{ names: ["kill"], action: 0, conditions: [] }]);
});

Deno.test("parseSeccompProfile() keeps all 64 bits of a value", () => {
  const json = JSON.stringify(withCondition({ op: "SCMP_CMP_EQ", value: 4711 }))
    .replace("4711", "18446744073709551615");

  const [rule] = parseSeccompProfile(json, "p.json")?.rules ?? [];

  strictEqual(rule?.conditions[0]?.value, 0xffffffffffffffffn);
});

Deno.test("parseSeccompProfile() takes a profile that says nothing for none", () => {
  strictEqual(parse({}), undefined);
  strictEqual(parse({ syscalls: [] }), undefined);
});

Deno.test("parseSeccompProfile() takes comments, and names of errnos that docker does not read", () => {
  strictEqual(
    parse({
      $schema: "https://example.com/seccomp",
      defaultAction: "SCMP_ACT_LOG",
      defaultErrno: "ENOSYS",
      comment: "",
      syscalls: [{ names: ["kill"], action: "SCMP_ACT_ERRNO", errno: "EPERM", _why: "" }],
    })?.defaultAction,
    0x7ffc0000,
  );
});

const REFUSED: readonly (readonly [name: string, profile: unknown, reason: string])[] = [
  [
    "a misspelt field, which would deny nothing",
    { defaultAction: "SCMP_ACT_ALLOW", syscals: [] },
    'unknown field "syscals"',
  ],
  [
    "a misspelt field of a rule",
    withRule({ names: ["kill"], action: "SCMP_ACT_ALLOW", arg: [] }),
    'syscalls[0]: unknown field "arg"',
  ],
  [
    "a misspelt field of a condition",
    withCondition({ index: 0, value: 1, value2: 1, op: "SCMP_CMP_EQ" }),
    'syscalls[0].args[0]: unknown field "value2"',
  ],
  [
    "a misspelt field of a scope",
    withRule({ names: ["kill"], action: "SCMP_ACT_ALLOW", includes: { cap: ["CAP_CHOWN"] } }),
    'syscalls[0].includes: unknown field "cap"',
  ],
  ["a list", [], "it is not an object"],
  ["a text", "x", "it is not an object"],
  ["an action that is none", { defaultAction: 1 }, "defaultAction: it is not a text"],
  [
    "an unknown action",
    { defaultAction: "SCMP_ACT_FOO" },
    'defaultAction: unknown action "SCMP_ACT_FOO"',
  ],
  [
    "no default action",
    { syscalls: [{ names: ["kill"], action: "SCMP_ACT_ALLOW" }] },
    "defaultAction: no action is given",
  ],
  [
    "an errno out of range",
    { defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 4096 },
    "defaultErrnoRet: it is not a whole number from 0 to 4095",
  ],
  [
    "an unknown architecture",
    { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_Z80"] },
    'architectures[0]: unknown architecture "SCMP_ARCH_Z80"',
  ],
  [
    "architectures said twice",
    {
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86"],
      archMap: [{ architecture: "SCMP_ARCH_X86_64" }],
    },
    "both 'architectures' and 'archMap' are specified",
  ],
  [
    "an unknown flag",
    { defaultAction: "SCMP_ACT_ALLOW", flags: ["FAST"] },
    'flags[0]: unknown flag "FAST"',
  ],
  ["syscalls that are no list", { syscalls: {} }, "syscalls: it is not a list"],
  [
    "a rule without action",
    withRule({ names: ["kill"] }),
    "syscalls[0].action: no action is given",
  ],
  [
    "a rule with an unknown action",
    withRule({ names: ["kill"], action: "ALLOW" }),
    'syscalls[0].action: unknown action "ALLOW"',
  ],
  [
    "a property of every object as action",
    withRule({ names: ["kill"], action: "constructor" }),
    'syscalls[0].action: unknown action "constructor"',
  ],
  [
    "names that are no list",
    withRule({ names: "kill", action: "SCMP_ACT_ALLOW" }),
    "syscalls[0].names: it is not a list",
  ],
  [
    "an empty name",
    withRule({ names: ["kill", ""], action: "SCMP_ACT_ALLOW" }),
    "syscalls[0].names[1]: it is empty",
  ],
  [
    "names said twice",
    withRule({ name: "kill", names: ["kill"], action: "SCMP_ACT_ALLOW" }),
    "syscalls[0]: both 'name' and 'names' are specified",
  ],
  [
    "an unknown operator",
    withCondition({ op: "SCMP_CMP_XX" }),
    'syscalls[0].args[0].op: unknown operator "SCMP_CMP_XX"',
  ],
  ["no operator", withCondition({ value: 1 }), "syscalls[0].args[0].op: no operator is given"],
  [
    "a seventh argument",
    withCondition({ op: "SCMP_CMP_EQ", index: 6 }),
    "syscalls[0].args[0].index: it is not a whole number from 0 to 5",
  ],
  [
    "a negative value",
    withCondition({ op: "SCMP_CMP_EQ", value: -1 }),
    "syscalls[0].args[0].value: it is not a whole number from 0 to 18446744073709551615",
  ],
  [
    "a kernel that is none",
    withRule({
      names: ["kill"],
      action: "SCMP_ACT_ALLOW",
      includes: { minKernel: "4.8.1" },
    }),
    'syscalls[0].includes.minKernel: "4.8.1" is not a kernel release such as "4.8"',
  ],
  [
    "a condition that is none",
    withRule({ names: ["kill"], action: "SCMP_ACT_ALLOW", excludes: 1 }),
    "syscalls[0].excludes: it is not an object",
  ],
];

for (const [name, profile, reason] of REFUSED) {
  Deno.test(`parseSeccompProfile() refuses ${name}`, () => {
    throws(
      () => parse(profile),
      (error: unknown) =>
        error instanceof WherryError && error.kind === "invalid_argument" &&
        error.message === `Cannot use the seccomp profile "p.json": ${reason}`,
    );
  });
}

Deno.test("parseSeccompProfile() refuses what is no JSON", () => {
  throws(
    () => parseSeccompProfile("{", "p.json"),
    /^WherryError: Cannot use the seccomp profile "p.json": it is not JSON: /,
  );
});

Deno.test("parseSeccompProfile() refuses a value beyond 64 bits", () => {
  const json = JSON.stringify(withCondition({ op: "SCMP_CMP_EQ", value: 4711 }))
    .replace("4711", "18446744073709551616");

  throws(() => parseSeccompProfile(json, "p.json"), /value: it is not a whole number/);
});

Deno.test("parseSeccompProfile() says that it has no listener", () => {
  const NO_LISTENER = { kind: "unsupported" } as const;

  throws(() => parse({ defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/x" }), NO_LISTENER);
  throws(() => parse(withRule({ names: ["kill"], action: "SCMP_ACT_NOTIFY" })), NO_LISTENER);
});
