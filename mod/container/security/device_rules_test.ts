import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { compileDeviceFilter } from "../../kernel/device_filter.ts";
import { DEFAULT_DEVICE_FILTER, DEFAULT_DEVICE_RULES } from "../launch/default_devices.ts";
import { parseDeviceRule } from "./device_rules.ts";

Deno.test("parseDeviceRule() reads numbers and wildcards", () => {
  deepStrictEqual(parseDeviceRule("c 189:* rwm"), {
    type: "c",
    major: 189,
    minor: undefined,
    access: "rwm",
  });
  deepStrictEqual(parseDeviceRule("a *:0 m"), {
    type: "a",
    major: undefined,
    minor: 0,
    access: "m",
  });
});

for (
  const text of [
    "",
    "c",
    "c 1:3",
    "c 1:3 x",
    "c 1:3 rwmr",
    "d 1:3 r",
    "c 1 r",
    "c -1:3 r",
    "c  1:3 r",
    " c 1:3 r",
    "c 1:3 r\n",
  ]
) {
  Deno.test(`parseDeviceRule() refuses ${JSON.stringify(text)}`, () => {
    throws(() => parseDeviceRule(text), {
      kind: "invalid_argument",
      message: `Cannot use the device rule "${text}": ` +
        "it is not TYPE MAJOR:MINOR ACCESS, like 'c 189:* rwm'",
    });
  });
}

Deno.test("parseDeviceRule() refuses numbers that no device has", () => {
  throws(() => parseDeviceRule("c 4096:0 r"), {
    message: 'Cannot use the device rule "c 4096:0 r": the major number 4096 is above 4095',
  });
  throws(() => parseDeviceRule("b 1:1048576 r"), {
    message:
      'Cannot use the device rule "b 1:1048576 r": the minor number 1048576 is above 1048575',
  });
});

Deno.test("DEFAULT_DEVICE_FILTER is the program of the default rules", () => {
  strictEqual(
    DEFAULT_DEVICE_FILTER,
    compileDeviceFilter(DEFAULT_DEVICE_RULES.map(parseDeviceRule)),
  );
});
