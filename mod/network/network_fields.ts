/**
 * What each field of a network's record may be: the record may have been damaged or written by hand.
 *
 * @module
 */

import { parseCidr, parseIpAddress } from "../kernel/ip.ts";
import { isId } from "../store/id.ts";
import {
  type FieldCheck,
  type FieldChecks,
  isBoolean,
  isListOf,
  isObject,
  isOneOf,
  isString,
  isTexts,
  isTime,
} from "../store/record_fields.ts";
import type { NetworkConfig } from "./network.ts";
import { isNetworkName } from "./network_name.ts";

/** Whether a field of a record is what its type says. */
export const NETWORK_FIELD_CHECKS: FieldChecks<NetworkConfig> = {
  schema: (value) => value === 1,
  id: (value) => isString(value) && isId(value),
  name: (value) => isString(value) && isNetworkName(value),
  createdAt: isTime,
  driver: isOneOf("bridge", "macvlan", "ipvlan", "host", "none"),
  ipamDriver: isOneOf("default", "dhcp", "none"),
  ipamOptions: isTexts,
  pools: isListOf(isPool),
  isInternal: isBoolean,
  isAttachable: isBoolean,
  hasIpv4: isBoolean,
  hasIpv6: isBoolean,
  options: isTexts,
  labels: isTexts,
};

function isPool(value: unknown): boolean {
  return isObject(value) && isCidr(value["subnet"]) && isEmptyOr(isAddress)(value["gateway"]) &&
    isEmptyOr(isCidr)(value["range"]) && isTexts(value["auxiliaryAddresses"]) &&
    Object.values(value["auxiliaryAddresses"]).every(isAddress);
}

function isEmptyOr(check: FieldCheck): FieldCheck {
  return (value) => value === "" || check(value);
}

function isCidr(value: unknown): boolean {
  return isString(value) && parseCidr(value) !== undefined;
}

function isAddress(value: unknown): boolean {
  return isString(value) && parseIpAddress(value) !== undefined;
}
