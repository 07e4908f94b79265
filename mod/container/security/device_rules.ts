/** Rules for devices as people write them. @module */

import { WherryError } from "../../errors.ts";
import type { DeviceRule } from "../../kernel/device_filter.ts";

const RULE = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/;

/** As many as a device's number has bits for. */
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xfffff;

/**
 * Reads a rule, for example `"c 189:* rwm"`.
 *
 * @throws {WherryError} `invalid_argument` if it is malformed, or means devices that there cannot be.
 */
export function parseDeviceRule(text: string): DeviceRule {
  const [, type, major = "", minor = "", access = ""] = RULE.exec(text) ?? [];
  if (type !== "a" && type !== "b" && type !== "c") {
    throw malformed(text, "it is not TYPE MAJOR:MINOR ACCESS, like 'c 189:* rwm'");
  }
  return {
    type,
    major: parseNumber(major, { text, what: "major", maximum: MAX_MAJOR }),
    minor: parseNumber(minor, { text, what: "minor", maximum: MAX_MINOR }),
    access,
  };
}

function parseNumber(
  digits: string,
  { text, what, maximum }: { text: string; what: string; maximum: number },
): number | undefined {
  if (digits === "*") return undefined;
  const number = Number(digits);
  if (number <= maximum) return number;
  throw malformed(text, `the ${what} number ${digits} is above ${maximum}`);
}

function malformed(text: string, why: string): WherryError {
  return new WherryError("invalid_argument", `Cannot use the device rule "${text}": ${why}`);
}
