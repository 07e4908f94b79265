import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { runDeviceFilter } from "../../tests/fakes/device_filter_interpreter.ts";
import {
  compileDeviceFilter,
  type DeviceRule,
  formatDeviceRule,
  joinRules,
} from "./device_filter.ts";

const NULL_DEVICE: DeviceRule = { type: "c", major: 1, minor: 3, access: "rw" };

/** Which of these accesses a program made of `rules` allows. */
function allowed(
  rules: readonly DeviceRule[],
  device: { type: "b" | "c"; major: number; minor: number },
): string[] {
  const program = compileDeviceFilter(rules);
  return ["r", "w", "m", "rw", "rwm"].filter((access) =>
    runDeviceFilter(program, { ...device, access })
  );
}

Deno.test("compileDeviceFilter() allows nothing without rules", () => {
  deepStrictEqual(allowed([], { type: "c", major: 1, minor: 3 }), []);
});

Deno.test("compileDeviceFilter() allows the access of a rule and no more", () => {
  deepStrictEqual(allowed([NULL_DEVICE], { type: "c", major: 1, minor: 3 }), ["r", "w", "rw"]);
});

for (
  const { what, device } of [
    { what: "the same number of the other type", device: { type: "b", major: 1, minor: 3 } },
    { what: "another major number", device: { type: "c", major: 2, minor: 3 } },
    { what: "another minor number", device: { type: "c", major: 1, minor: 4 } },
  ] as const
) {
  Deno.test(`compileDeviceFilter() does not allow ${what}`, () => {
    deepStrictEqual(allowed([NULL_DEVICE], device), []);
  });
}

Deno.test("compileDeviceFilter() allows each minor number where a rule names none", () => {
  const rules = [{ type: "c", major: 136, minor: undefined, access: "rwm" }] as const;

  strictEqual(allowed(rules, { type: "c", major: 136, minor: 0xfffff }).length, 5);
  deepStrictEqual(allowed(rules, { type: "c", major: 137, minor: 0 }), []);
});

Deno.test("compileDeviceFilter() takes a for both types", () => {
  const rules = [{ type: "a", major: undefined, minor: undefined, access: "m" }] as const;

  deepStrictEqual(allowed(rules, { type: "b", major: 8, minor: 0 }), ["m"]);
  deepStrictEqual(allowed(rules, { type: "c", major: 8, minor: 0 }), ["m"]);
});

Deno.test("compileDeviceFilter() has nothing behind a rule that allows all, as the kernel wants it", () => {
  const all = { type: "a", major: undefined, minor: undefined } as const;
  const rules = [NULL_DEVICE, { ...all, access: "rm" }, { ...all, access: "w" }] as const;

  deepStrictEqual(allowed(rules, { type: "b", major: 8, minor: 0 }), ["r", "w", "m", "rw", "rwm"]);
  strictEqual(compileDeviceFilter(rules), "b7000000010000009500000000000000");
});

Deno.test("compileDeviceFilter() allows with a later rule what an earlier one does not", () => {
  const rules = [NULL_DEVICE, { type: "b", major: 7, minor: 0, access: "r" }] as const;

  deepStrictEqual(allowed(rules, { type: "b", major: 7, minor: 0 }), ["r"]);
});

Deno.test("joinRules() joins what is allowed of the same devices", () => {
  const rules = [
    { ...NULL_DEVICE, access: "w" },
    { type: "b", major: 1, minor: 3, access: "m" },
    { ...NULL_DEVICE, access: "rw" },
  ] as const;

  deepStrictEqual(joinRules(rules), [
    { ...NULL_DEVICE, access: "rw" },
    { type: "b", major: 1, minor: 3, access: "m" },
  ]);
});

Deno.test("formatDeviceRule() has a line for each type", () => {
  deepStrictEqual(formatDeviceRule({ type: "a", major: undefined, minor: 0, access: "m" }), [
    "b *:0 m",
    "c *:0 m",
  ]);
  deepStrictEqual(formatDeviceRule(NULL_DEVICE), ["c 1:3 rw"]);
});
