/** From the network flags of `run` and `create` to what a container asks for. @module */

import type { EndpointRequest, NameLookup, NetworkMode } from "../container/config.ts";
import type { CreateRequest } from "../engine/create.ts";
import type { ParentNetworkRequest } from "../engine/parent_network.ts";
import type { WherryError } from "../errors.ts";
import {
  formatAddressNumber,
  formatCidr,
  formatIpAddress,
  networkOf,
  parseCidr,
  parseIpAddress,
} from "../kernel/ip.ts";
import { argumentError } from "./argument_error.ts";
import { parseExposeFlags, parsePublishFlags } from "./publish_flags.ts";

/** The flags, as they are parsed. */
export interface NetworkFlags {
  network: string[];
  parent: string | undefined;
  gateway: string | undefined;
  "network-alias": string[];
  ip: string | undefined;
  ip6: string | undefined;
  "mac-address": string | undefined;
  publish: string[];
  "publish-all": boolean;
  expose: string[];
  "add-host": string[];
  dns: string[];
  "dns-search": string[];
  "dns-option": string[];
  domainname: string | undefined;
  hostname: string | undefined;
}

/** What of a request the network flags decide. */
export type NetworkRequest =
  & Required<
    Pick<
      CreateRequest,
      | "networkMode"
      | "endpoints"
      | "publishedPorts"
      | "publishesAll"
      | "exposedPorts"
      | "nameLookup"
      | "domainname"
    >
  >
  & Pick<CreateRequest, "parentNetwork">;

const DEFAULT_NETWORK = "bridge";
const HOST_NAME = /^[a-zA-Z0-9_][\w.-]{0,252}$/;

/**
 * Reads the flags.
 *
 * @throws {WherryError} `invalid_argument` for a value that makes no sense, or two that contradict each other.
 */
export function planNetwork(given: NetworkFlags): NetworkRequest {
  const { parentNetwork, flags } = planParentNetwork(given);
  const networks = flags.network.length === 0 ? [DEFAULT_NETWORK] : flags.network;
  const endpoints = networks.map(parseNetworkFlag);
  const networkMode = endpoints[0]?.network ?? DEFAULT_NETWORK;
  checkCombination(flags, networkMode, endpoints);
  return {
    networkMode,
    ...(parentNetwork === undefined ? {} : { parentNetwork }),
    endpoints: isAttached(networkMode) ? addFirst(endpoints, flags) : [],
    publishedPorts: parsePublishFlags(flags.publish),
    publishesAll: flags["publish-all"],
    exposedPorts: parseExposeFlags(flags.expose),
    nameLookup: planNameLookup(flags),
    domainname: flags.domainname ?? "",
  };
}

/** Spellings of simplecontainer: not names of networks, but how a link's LAN gives addresses. */
const PARENT_MODES = ["dhcp", "static"] as const;

/** Whether `--network` is given so that it needs `--parent`, unless there is a network of that name. */
export function needsParent({ network: [mode] }: Pick<NetworkFlags, "network">): boolean {
  return PARENT_MODES.some((one) => one === mode);
}

/** The error of a `--network` that {@linkcode needsParent} tells of, where there is no network of that name. */
export function missingParent(
  { network: [mode = ""] }: Pick<NetworkFlags, "network">,
): WherryError {
  return argumentError(
    `missing parent device name: --network ${mode} needs --parent with the name of a link of the host`,
  );
}

/**
 * Reads `--network dhcp --parent eth0`, and `--network static --parent eth0 --ip 10.0.0.5/24 --gateway 10.0.0.1`.
 *
 * @returns The other flags as they would be with a network that is made before.
 */
function planParentNetwork(
  flags: NetworkFlags,
): { flags: NetworkFlags; parentNetwork?: ParentNetworkRequest } {
  const { parent, gateway, network: [mode] } = flags;
  if (parent === undefined && gateway === undefined) return { flags };
  if (mode !== "dhcp" && mode !== "static") {
    throw argumentError(
      "net option must be dhcp or static: --parent and --gateway go with --network dhcp or static",
    );
  }
  if (parent === undefined || parent === "") throw missingParent(flags);
  if (mode === "static") return planStaticNetwork(flags, parent, gateway);
  const conflict = gateway === undefined ? "ip" : "gateway";
  if (gateway !== undefined || flags.ip !== undefined) {
    throw argumentError(
      `conflicting options: --${conflict} and --network dhcp, where the server chooses`,
    );
  }
  return { flags, parentNetwork: { addresses: "dhcp", parent } };
}

function planStaticNetwork(
  flags: NetworkFlags,
  parent: string,
  gateway: string | undefined,
): { flags: NetworkFlags; parentNetwork: ParentNetworkRequest } {
  const { ip } = flags;
  if (ip === undefined) {
    throw argumentError("Static network must specify IP: give it with --ip ADDRESS/PREFIX_LENGTH");
  }
  if (gateway === undefined) {
    throw argumentError("missing Gateway: give the router of the LAN with --gateway ADDRESS");
  }
  const cidr = ip.includes("/") ? parseCidr(ip) : undefined;
  if (cidr === undefined) {
    throw argumentError(
      `invalid argument "${ip}" for "--ip" flag: with --network static it is ADDRESS/PREFIX_LENGTH`,
    );
  }
  const router = parseIpAddress(gateway);
  if (router === undefined) {
    throw argumentError(
      `invalid argument "${gateway}" for "--gateway" flag: ${gateway} is not an ip address`,
    );
  }
  const address = formatAddressNumber(cidr.family, cidr.address);
  return {
    flags: { ...flags, ...(cidr.family === 4 ? { ip: address } : { ip: undefined, ip6: address }) },
    parentNetwork: {
      addresses: "static",
      parent,
      subnet: formatCidr(networkOf(cidr)),
      gateway: formatIpAddress(router.bytes),
    },
  };
}

/** Whether a container of this mode has links of its own to networks. */
export function isAttached(networkMode: NetworkMode): boolean {
  return networkMode !== "none" && networkMode !== "host" && !networkMode.startsWith("container:");
}

/**
 * What people should know of flags that have no effect, if anything.
 *
 * @returns A sentence for each.
 */
export function networkWarnings(
  { networkMode, publishedPorts, publishesAll }: NetworkRequest,
): string[] {
  const isPublished = publishedPorts.length > 0 || publishesAll;
  if (isAttached(networkMode) || !isPublished) return [];
  return [`Published ports are discarded when using ${networkMode} network mode`];
}

/** `--ip` and its like are for the first network, `--network-alias` for each. */
function addFirst([first, ...others]: EndpointRequest[], flags: NetworkFlags): EndpointRequest[] {
  if (first === undefined) return [];
  const wanted = flags["network-alias"].map(checkAlias);
  return [
    {
      ...first,
      aliases: [...first.aliases, ...wanted],
      ipv4: flags.ip ?? first.ipv4,
      ipv6: flags.ip6 ?? first.ipv6,
      macAddress: flags["mac-address"] ?? first.macAddress,
    },
    ...others.map((other) => ({
      ...other,
      aliases: [...other.aliases, ...wanted],
    })),
  ];
}

/** What stands in the hosts files of others must be a name. */
function checkAlias(text: string): string {
  if (HOST_NAME.test(text)) return text;
  throw argumentError(`invalid network alias "${text}": it is not of [a-zA-Z0-9_.-]`);
}

/** docker's `name=NAME,ip=ADDRESS`, podman's `NAME:ip=ADDRESS`, or a bare name. */
function parseNetworkFlag(text: string): EndpointRequest {
  const isLong = /^[\w-]+=/.test(text);
  const isContainer = text.startsWith("container:");
  const at = isLong || isContainer ? -1 : text.indexOf(":");
  const name = isLong ? "" : at < 0 ? text : text.slice(0, at);
  const options = isLong ? text : at < 0 ? "" : text.slice(at + 1);
  const request = newEndpointRequest(name === "default" ? DEFAULT_NETWORK : name);
  for (const option of options === "" ? [] : options.split(",")) readOption(request, option, text);
  if (request.network !== "") return request;
  throw argumentError(`invalid argument "${text}" for "--network" flag: network name is missing`);
}

/** A request without wishes. */
export function newEndpointRequest(network: string): EndpointRequest {
  return {
    network,
    aliases: [],
    ipv4: "",
    ipv6: "",
    macAddress: "",
    driverOptions: {},
    gatewayPriority: 0,
  };
}

function readOption(request: EndpointRequest, option: string, text: string): void {
  const [key = "", ...rest] = option.split("=");
  const value = rest.join("=");
  if (rest.length === 0) {
    throw argumentError(`invalid argument "${text}" for "--network" flag: invalid field ${option}`);
  }
  switch (key.toLowerCase()) {
    case "name":
      request.network = value;
      return;
    case "alias":
      request.aliases.push(checkAlias(value));
      return;
    case "ip":
      if (value.includes(":")) request.ipv6 = value;
      else request.ipv4 = value;
      return;
    case "ip6":
      request.ipv6 = value;
      return;
    case "mac":
    case "mac-address":
      request.macAddress = value;
      return;
    case "gw-priority":
      request.gatewayPriority = parsePriority(value, text);
      return;
    case "driver-opt":
      readDriverOption(request, value, text);
      return;
    default:
      throw argumentError(
        `invalid argument "${text}" for "--network" flag: invalid field key ${key}`,
      );
  }
}

function parsePriority(value: string, text: string): number {
  if (/^-?\d{1,9}$/.test(value)) return Number(value);
  throw argumentError(
    `invalid argument "${text}" for "--network" flag: invalid gw-priority (${value})`,
  );
}

function readDriverOption({ driverOptions }: EndpointRequest, value: string, text: string): void {
  const at = value.indexOf("=");
  if (at <= 0) {
    throw argumentError(
      `invalid argument "${text}" for "--network" flag: invalid key value pair format in driver options`,
    );
  }
  driverOptions[value.slice(0, at)] = value.slice(at + 1);
}

/** In docker's words. */
function checkCombination(
  flags: NetworkFlags,
  networkMode: NetworkMode,
  endpoints: readonly EndpointRequest[],
): void {
  if (endpoints.length > 1 && endpoints.some(({ network }) => !isAttached(network))) {
    throw argumentError(
      "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
    );
  }
  const isShared = networkMode.startsWith("container:");
  const wantsAddress = flags.ip !== undefined || flags.ip6 !== undefined;
  const conflicts: readonly (readonly [isWrong: boolean, what: string])[] = [
    [isShared && flags.hostname !== undefined, "hostname and the network mode"],
    [isShared && flags.dns.length > 0, "dns and the network mode"],
    [isShared && flags["add-host"].length > 0, "custom host-to-IP mapping and the network mode"],
    [
      isShared && (flags.publish.length > 0 || flags["publish-all"]),
      "port publishing and the container type network mode",
    ],
    [isShared && flags.expose.length > 0, "port exposing and the container type network mode"],
    [
      !isAttached(networkMode) && flags["mac-address"] !== undefined,
      "mac-address and the network mode",
    ],
    [!isAttached(networkMode) && wantsAddress, "an address and the network mode"],
    [
      !isAttached(networkMode) && flags["network-alias"].length > 0,
      "a network alias and the network mode",
    ],
  ];
  const [, conflict] = conflicts.find(([isWrong]) => isWrong) ?? [];
  if (conflict !== undefined) throw argumentError(`conflicting options: ${conflict}`);
}

function planNameLookup(flags: NetworkFlags): NameLookup {
  return {
    servers: flags.dns.map(checkAddress),
    searches: flags["dns-search"],
    options: flags["dns-option"],
    extraHosts: flags["add-host"].map(parseExtraHost),
  };
}

function checkAddress(text: string): string {
  if (isAddress(text)) return text;
  throw argumentError(`invalid argument "${text}" for "--dns" flag: ${text} is not an ip address`);
}

function isAddress(text: string): boolean {
  return /^\d+(\.\d+){3}$/.test(text) || (text.includes(":") && /^[\da-fA-F:.]+$/.test(text));
}

/** `name:address` or `name=address`, and `host-gateway` for an address. */
function parseExtraHost(text: string): string {
  const [, name, address = ""] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  if (name === undefined || !HOST_NAME.test(name)) {
    throw argumentError(
      `invalid argument "${text}" for "--add-host" flag: bad format for add-host: "${text}"`,
    );
  }
  const bare = address.replace(/^\[(.*)\]$/, "$1");
  if (bare === "host-gateway" || isAddress(bare)) return `${name}:${bare}`;
  throw argumentError(
    `invalid argument "${text}" for "--add-host" flag: invalid IP address in add-host: "${bare}"`,
  );
}
