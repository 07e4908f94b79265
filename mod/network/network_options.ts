/** Options of networks' drivers. @module */

import { WherryError } from "../errors.ts";
import { parseIpAddress } from "../kernel/ip.ts";
import { IPVLAN_MODE, isLinkName, MACVLAN_MODE } from "../kernel/link.ts";
import { NETWORK_OPTION, type NetworkDriver } from "./network.ts";

/** What a value may be, for messages, and whether one is. */
interface OptionKind {
  expected: string;
  isValid(value: string): boolean;
}

const BOOLEAN: OptionKind = {
  expected: "true or false",
  isValid: (value) => value === "true" || value === "false",
};
const LINK: OptionKind = {
  expected: "the name of a link: at most 15 characters, without blanks, / and :",
  isValid: isLinkName,
};

/** Least that IPv4 works with, RFC 791; what the length of a packet can say. */
const [LEAST_MTU, LARGEST_MTU] = [68, 65535];

const MTU: OptionKind = {
  expected: `a number of bytes from ${LEAST_MTU} to ${LARGEST_MTU}`,
  isValid: (value) =>
    /^\d{1,5}$/.test(value) && Number(value) >= LEAST_MTU && Number(value) <= LARGEST_MTU,
};
const IPV4: OptionKind = {
  expected: "an IPv4 address",
  isValid: (value) => parseIpAddress(value)?.family === 4,
};

function wordOf(words: Readonly<Record<string, unknown>>): OptionKind {
  return {
    expected: `one of ${Object.keys(words).join(", ")}`,
    isValid: (value) => Object.hasOwn(words, value),
  };
}

/** One option, and what it may be called besides. */
interface DriverOption extends OptionKind {
  short: string;
}

const COMMON = { [NETWORK_OPTION.MTU]: { short: "mtu", ...MTU } };

const DRIVER_OPTIONS: Readonly<Record<NetworkDriver, Readonly<Record<string, DriverOption>>>> = {
  bridge: {
    ...COMMON,
    [NETWORK_OPTION.BRIDGE_NAME]: { short: "name", ...LINK },
    [NETWORK_OPTION.ICC]: { short: "icc", ...BOOLEAN },
    [NETWORK_OPTION.MASQUERADE]: { short: "masquerade", ...BOOLEAN },
    [NETWORK_OPTION.HOST_BINDING]: { short: "host_binding", ...IPV4 },
  },
  macvlan: {
    ...COMMON,
    [NETWORK_OPTION.PARENT]: { short: "parent", ...LINK },
    [NETWORK_OPTION.MACVLAN_MODE]: { short: "mode", ...wordOf(MACVLAN_MODE) },
  },
  ipvlan: {
    ...COMMON,
    [NETWORK_OPTION.PARENT]: { short: "parent", ...LINK },
    [NETWORK_OPTION.IPVLAN_MODE]: { short: "mode", ...wordOf(IPVLAN_MODE) },
  },
  host: {},
  none: {},
};

/** Words for `true` and `false` that docker takes, too. */
const BOOLEAN_WORDS: Readonly<Record<string, string>> = {
  "1": "true",
  t: "true",
  T: "true",
  TRUE: "true",
  True: "true",
  "0": "false",
  f: "false",
  F: "false",
  FALSE: "false",
  False: "false",
};

/**
 * Checks the options of a driver.
 *
 * @returns By docker's long names.
 * @throws {WherryError} `invalid_argument` for one that the driver does not have, or a value that makes no sense.
 */
export function normalizeOptions(
  driver: NetworkDriver,
  options: Readonly<Record<string, string>>,
): Record<string, string> {
  const known = Object.entries(DRIVER_OPTIONS[driver]);
  const normalized = Object.entries(options).map(([given, text]) => {
    const [name, option] = known.find(([long, { short }]) => given === long || given === short) ??
      [];
    if (name === undefined || option === undefined) throw unknownOption(driver, given);
    const value = option.isValid(text) ? text : BOOLEAN_WORDS[text] ?? text;
    if (option.isValid(value)) return [name, value];
    throw new WherryError(
      "invalid_argument",
      `Cannot use the option "${given}=${text}": it is not ${option.expected}`,
    );
  });
  return Object.fromEntries(normalized);
}

function unknownOption(driver: NetworkDriver, given: string): WherryError {
  const names = Object.entries(DRIVER_OPTIONS[driver]).map(([long, { short }]) =>
    long === short ? long : `${short} (${long})`
  );
  return new WherryError(
    "invalid_argument",
    `Cannot use the option "${given}": driver ${driver} does not have it`,
    { hint: names.length === 0 ? "It has none" : `It has ${names.join(", ")}` },
  );
}
