/** From the network flags of `run` and `create` to what a container asks for. @module */

import {
  type EndpointRequest,
  type NetworkMode,
  newEndpointRequest,
} from "../../container/record/config.ts";
import type { NetworkPlace } from "../../container/launch/launch_input.ts";
import type { CreateRequest } from "../../engine/lifecycle/create_request.ts";
import type { ParentNetworkRequest } from "../../engine/network/parent_network.ts";
import {
  formatAddressNumber,
  formatCidr,
  formatIpAddress,
  networkOf,
  parseCidr,
  parseIpAddress,
} from "../../kernel/ip.ts";
import { formatMacAddress, isGroupAddress, parseMacAddress } from "../../kernel/mac_address.ts";
import type { WherryError } from "../../errors.ts";
import { argumentError, flagError } from "../base/argument_error.ts";
import { HOST_NAME, type NameFlags, planNameLookup } from "./name_flags.ts";
import { parseExposeFlags, parsePublishFlags } from "./publish_flags.ts";

/** The flags, as they are parsed. */
export interface NetworkFlags extends NameFlags {
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
  link: string[];
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
/** As long as the kernel keeps them. @see setdomainname(2) */
const NIS_DOMAIN_NAME = /^[\w.-]{1,64}$/;

/**
 * Reads the flags.
 *
 * @throws {WherryError} `invalid_argument` for a value that makes no sense, or two that contradict each other, in
 * docker's words.
 */
export function planNetwork(given: NetworkFlags): NetworkRequest {
  checkLinks(given);
  const { parentNetwork, flags } = planParentNetwork(given);
  const networks = flags.network.length === 0 ? [DEFAULT_NETWORK] : flags.network;
  const endpoints = networks.map(parseNetworkFlag);
  const networkMode = endpoints[0]?.network ?? DEFAULT_NETWORK;
  checkCombination(flags, networkMode, endpoints);
  return {
    networkMode,
    ...(parentNetwork === undefined ? {} : { parentNetwork }),
    endpoints: isAttached(networkMode) ? addFirst(endpoints, flags).map(checkEndpoint) : [],
    publishedPorts: parsePublishFlags(flags.publish),
    publishesAll: flags["publish-all"],
    exposedPorts: parseExposeFlags(flags.expose),
    nameLookup: planNameLookup(flags),
    domainname: checkDomainName(flags.domainname ?? ""),
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
 * What people should know of flags that have no effect, or not the one they may expect.
 *
 * @param findPlace Finds where the container's processes find their network.
 * @returns A sentence for each.
 */
export function networkWarnings(
  config: Pick<
    NetworkRequest,
    "networkMode" | "publishedPorts" | "publishesAll" | "nameLookup"
  >,
  findPlace: () => NetworkPlace,
): string[] {
  const { networkMode, publishedPorts, publishesAll, nameLookup } = config;
  const isPublished = publishedPorts.length > 0 || publishesAll;
  const local = nameLookup.servers.find(isLoopback);
  if (!isPublished && local === undefined) return [];
  const place = findPlace();
  return [
    ...(isPublished && place !== "sandbox"
      ? [`Published ports are discarded when using ${networkMode} network mode`]
      : []),
    ...(local !== undefined && place !== "host"
      ? [`Localhost DNS setting (--dns=${local}) may fail in containers.`]
      : []),
  ];
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

function checkLinks({ link: [link] }: NetworkFlags): void {
  if (link === undefined) return;
  throw flagError(`Cannot link to "${link}": links are not supported`, {
    hint: "Containers on one network find each other by name; " +
      "--network NAME:alias=OTHER gives one more name",
  });
}

function checkDomainName(text: string): string {
  if (text === "" || NIS_DOMAIN_NAME.test(text)) return text;
  throw argumentError(
    `Cannot use the domain name "${text}": it is not 1 to 64 of [a-zA-Z0-9_.-]`,
  );
}

/** As with docker, `--network-alias`, `--ip` and their like are for the first network. */
function addFirst(
  [first, ...others]: readonly EndpointRequest[],
  flags: NetworkFlags,
): EndpointRequest[] {
  if (first === undefined) return [];
  const { "network-alias": aliases, ip = "", ip6 = "", "mac-address": macAddress = "" } = flags;
  const conflicts: readonly (readonly [isWrong: boolean, what: string])[] = [
    [aliases.length > 0 && first.aliases.length > 0, "--network-alias and per-network alias"],
    [ip !== "" && first.ipv4 !== "", "--ip and per-network IPv4 address"],
    [ip6 !== "" && first.ipv6 !== "", "--ip6 and per-network IPv6 address"],
    [macAddress !== "" && first.macAddress !== "", "--mac-address and per-network MAC address"],
  ];
  const [, conflict] = conflicts.find(([isWrong]) => isWrong) ?? [];
  if (conflict !== undefined) {
    throw flagError(`conflicting options: cannot specify both ${conflict}`);
  }
  return [
    {
      ...first,
      aliases: [...first.aliases, ...aliases],
      ipv4: ip || first.ipv4,
      ipv6: ip6 || first.ipv6,
      macAddress: macAddress || first.macAddress,
    },
    ...others,
  ];
}

/** docker's daemon is who looks at addresses, and so `create` ends with 1 for them. */
function checkEndpoint(request: EndpointRequest): EndpointRequest {
  const { aliases, ipv4, ipv6, macAddress } = request;
  if (ipv4 !== "" && parseIpAddress(ipv4)?.family !== 4) {
    throw argumentError(`invalid IPv4 address: ${ipv4}`);
  }
  if (ipv6 !== "" && parseIpAddress(ipv6)?.family !== 6) {
    throw argumentError(`invalid IPv6 address: ${ipv6}`);
  }
  return {
    ...request,
    aliases: aliases.map(checkAlias),
    macAddress: checkMacAddress(macAddress),
  };
}

function checkMacAddress(text: string): string {
  if (text === "") return "";
  const bytes = parseMacAddress(text);
  if (bytes === undefined) throw flagError(`${text} is not a valid mac address`);
  // What the kernel would refuse when the link is made
  if (isGroupAddress(bytes)) {
    throw flagError(`${text} is not a valid mac address: it belongs to a group`);
  }
  if (bytes.every((byte) => byte === 0)) {
    throw flagError(`${text} is not a valid mac address: it belongs to nobody`);
  }
  return formatMacAddress(bytes);
}

/**
 * What stands in the hosts files of others must be a name.
 *
 * @throws {WherryError} `invalid_argument` if it is not.
 */
export function checkAlias(text: string): string {
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
  throw invalidNetwork(text, "network name/id is not specified");
}

function readOption(request: EndpointRequest, option: string, text: string): void {
  const [key = "", ...rest] = option.split("=");
  const value = rest.join("=");
  if (rest.length === 0) throw invalidNetwork(text, `invalid field ${option}`);
  switch (key.toLowerCase()) {
    case "name":
      request.network = value;
      return;
    case "alias":
      request.aliases.push(value);
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
      throw refuseDriverOption(value, text);
    default:
      throw invalidNetwork(text, `invalid field key ${key}`);
  }
}

function parsePriority(value: string, text: string): number {
  if (/^-?\d{1,9}$/.test(value)) return Number(value);
  throw invalidNetwork(text, `invalid gw-priority (${value}): invalid syntax`);
}

/** In docker's words for what is malformed; docker takes any other option and forgets it. */
function refuseDriverOption(value: string, text: string): WherryError {
  if (!value.includes("=")) {
    return invalidNetwork(text, "invalid key value pair format in driver options");
  }
  return invalidNetwork(text, `driver option ${value.slice(0, value.indexOf("="))} is not known`);
}

function invalidNetwork(text: string, why: string): WherryError {
  return flagError(`invalid argument "${text}" for "--network" flag: ${why}`);
}

/** In docker's words. */
function checkCombination(
  flags: NetworkFlags,
  networkMode: NetworkMode,
  endpoints: readonly EndpointRequest[],
): void {
  checkNetworks(endpoints);
  if (networkMode.startsWith("container:")) checkShared(flags, networkMode);
  if (isAttached(networkMode)) return;
  if (flags["network-alias"].length > 0) {
    throw flagError("network-scoped aliases are only supported for user-defined networks");
  }
  if (flags["mac-address"] !== undefined) {
    throw argumentError("conflicting options: mac-address and the network mode");
  }
  if (flags.ip !== undefined || flags.ip6 !== undefined) {
    throw argumentError("user specified IP address is supported on user defined networks only");
  }
}

function checkNetworks(endpoints: readonly EndpointRequest[]): void {
  const names = endpoints.map(({ network }) => network);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw flagError(`network "${twice}" is specified multiple times`);
  if (names.length > 1 && !names.every(isAttached)) {
    throw flagError(
      "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
    );
  }
  const [single] = endpoints;
  if (single === undefined || isAttached(single.network)) return;
  const { aliases, ipv4, ipv6, macAddress } = single;
  if (aliases.length > 0 || ipv4 !== "" || ipv6 !== "" || macAddress !== "") {
    throw argumentError(`Cannot use options with the network mode "${single.network}"`);
  }
}

/** What belongs to the container whose network is shared. */
function checkShared(flags: NetworkFlags, networkMode: NetworkMode): void {
  if (networkMode === "container:") {
    throw argumentError("Invalid network mode: invalid container format container:<name|id>");
  }
  const conflicts: readonly (readonly [isWrong: boolean, what: string])[] = [
    [flags.hostname !== undefined, "hostname and the network mode"],
    [flags.dns.length > 0, "dns and the network mode"],
    [flags["add-host"].length > 0, "custom host-to-IP mapping and the network mode"],
    [
      flags.publish.length > 0 || flags["publish-all"],
      "port publishing and the container type network mode",
    ],
    [flags.expose.length > 0, "port exposing and the container type network mode"],
  ];
  const [, conflict] = conflicts.find(([isWrong]) => isWrong) ?? [];
  if (conflict !== undefined) throw argumentError(`conflicting options: ${conflict}`);
}
