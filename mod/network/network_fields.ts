/**
 * What each field of a network's record may be: the record may have been damaged or written by hand.
 *
 * @module
 */

import { parseCidr, parseIpAddress } from "../kernel/ip.ts";
import { isId } from "../store/id.ts";
import type { NetworkConfig } from "./network.ts";
import { isNetworkName } from "./network_name.ts";

type Check = (value: unknown) => boolean;

/** Whether a field of a record is what its type says. */
export const NETWORK_FIELD_CHECKS = {
  schema: (value) => value === 1,
  id: (value) => typeof value === "string" && isId(value),
  name: (value) => typeof value === "string" && isNetworkName(value),
  createdAt: (value) => typeof value === "string" && !Number.isNaN(Date.parse(value)),
  driver: isOneOf("bridge", "macvlan", "ipvlan", "host", "none"),
  ipamDriver: isOneOf("default", "dhcp", "none"),
  ipamOptions: isTexts,
  pools: (value) => Array.isArray(value) && value.every(isPool),
  isInternal: isBoolean,
  isAttachable: isBoolean,
  hasIpv4: isBoolean,
  hasIpv6: isBoolean,
  options: isTexts,
  labels: isTexts,
} as const satisfies Readonly<Record<keyof NetworkConfig, Check>>;

/** Whether a value from JSON is an object, and neither a list nor `null`. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOneOf(...words: readonly string[]): Check {
  return (value) => typeof value === "string" && words.includes(value);
}

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

function isTexts(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((text) => typeof text === "string");
}

function isPool(value: unknown): boolean {
  return isObject(value) && isCidr(value["subnet"]) && isEmptyOr(isAddress)(value["gateway"]) &&
    isEmptyOr(isCidr)(value["range"]) && isTexts(value["auxiliaryAddresses"]) &&
    Object.values(value["auxiliaryAddresses"]).every(isAddress);
}

function isEmptyOr(check: Check): Check {
  return (value) => value === "" || check(value);
}

function isCidr(value: unknown): boolean {
  return typeof value === "string" && parseCidr(value) !== undefined;
}

function isAddress(value: unknown): boolean {
  return typeof value === "string" && parseIpAddress(value) !== undefined;
}
