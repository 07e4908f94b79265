/** How containers on one network find each other by name: `/etc/hosts` of each, kept up to date. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import type { NetworkPlace } from "../../container/launch/launch_input.ts";
import { type EtcFiles, writeEtcFiles } from "../../container/launch/etc_files.ts";
import {
  formatExtraHosts,
  formatHostsHeader,
  formatHostsLines,
  formatOwnLines,
  listMemberAddresses,
  listMembers,
  LOCAL_HOSTS,
  removeHostsLines,
  renameHostsLines,
  shortenIds,
} from "../../network/hosts_file.ts";
import type { NetworkConfig } from "../../network/network.ts";
import {
  planResolvConf,
  readHostFile,
  readHostResolver,
  RESOLV_CONF,
} from "../../network/resolver.ts";
import type { Endpoint, Sandbox } from "../../network/sandbox.ts";
import { isPresent, listNames } from "../../kernel/entry.ts";
import { isId, shortId } from "../../store/id.ts";
import { acquireLock } from "../../store/lock.ts";
import type { Paths } from "../../store/paths.ts";
import { readTextIfPresent, replaceText } from "../../store/record.ts";
import { isMissing, isOfSystem, systemFailure } from "../base/engine.ts";

/** Somebody inside may write into a container's file; what is larger is not read but begun anew. */
const MAX_HOSTS_BYTES = 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function writeFiles(directory: string, files: EtcFiles): void {
  try {
    writeEtcFiles(directory, files);
  } catch (cause) {
    throw systemFailure(`write to "${directory}"`, cause);
  }
}

/** Writes the files of a container that has no links of its own. */
export function writeHostEtcFiles(
  paths: Paths,
  config: ContainerConfig,
  place: NetworkPlace,
): void {
  const { nameLookup } = config;
  const isOnHost = place === "host";
  writeFiles(paths.container(config.id).etc, {
    hosts: (isOnHost ? readHostFile("/etc/hosts") : LOCAL_HOSTS) +
      formatExtraHosts(nameLookup.extraHosts, ["127.0.0.1"]),
    hostname: `${config.hostname}\n`,
    resolvConf: isOnHost && isAsOnHost(config)
      ? readHostFile(RESOLV_CONF)
      : planResolvConf(nameLookup, readHostResolver(), "").text,
  });
}

function isAsOnHost({ nameLookup: { servers, searches, options } }: ContainerConfig): boolean {
  return servers.length + searches.length + options.length === 0;
}

/** Writes the files of a container with a sandbox; those on its networks are told by {@linkcode joinNames}. */
export function writeSandboxEtcFiles(
  paths: Paths,
  config: ContainerConfig,
  { sandbox, networks }: { sandbox: Sandbox; networks: readonly NetworkConfig[] },
): void {
  const hostAddresses = listHostAddresses(networks);
  const { nameLookup, hostname, domainname } = config;
  writeFiles(paths.container(config.id).etc, {
    hosts: formatHostsHeader({
      addresses: sandbox.endpoints.flatMap(addressesOf),
      hostname,
      domainname,
      hostAddresses,
      extraHosts: nameLookup.extraHosts,
    }),
    hostname: `${hostname}\n`,
    resolvConf: planSandboxResolvConf(config, sandbox, networks),
  });
}

/** What somebody asks for comes before what DHCP servers say, and that before what the host has. */
function planSandboxResolvConf(
  { nameLookup }: ContainerConfig,
  { endpoints }: Sandbox,
  networks: readonly NetworkConfig[],
): string {
  const leases = endpoints.flatMap(({ lease }) => lease ?? []);
  const domains = leases.flatMap(({ domainSearch, domainName }) => [...domainSearch, domainName]);
  const lookup = {
    ...nameLookup,
    servers: orElse(nameLookup.servers, leases.flatMap(({ nameServers }) => nameServers)),
    searches: orElse(nameLookup.searches, domains.filter((domain) => domain !== "")),
  };
  const gateway = listHostAddresses(networks).find((address) => !address.includes(":")) ?? "";
  return planResolvConf(lookup, readHostResolver(), gateway).text;
}

/** Brings a running container's `resolv.conf` up to date, in place. */
export function rewriteResolvConf(
  paths: Paths,
  config: ContainerConfig,
  { sandbox, networks }: { sandbox: Sandbox; networks: readonly NetworkConfig[] },
): void {
  const text = planSandboxResolvConf(config, sandbox, networks);
  rewriteIfPresent(`${paths.container(config.id).etc}/resolv.conf`, () => text);
}

/** Tells a running container and those on its network that it has another address, or none. */
export function changeAddress(
  paths: Paths,
  config: ContainerConfig,
  { old, endpoint }: { old: Endpoint; endpoint: Endpoint },
): void {
  leaveNames(paths, config.id, [old]);
  joinNamesAlive(paths, config, endpoint);
}

function orElse(wanted: readonly string[], other: readonly string[]): string[] {
  return [...new Set(wanted.length > 0 ? wanted : other)];
}

/** The host as containers see it: the gateways of the first network that has a bridge. */
function listHostAddresses(networks: readonly NetworkConfig[]): string[] {
  const bridge = networks.find(({ driver }) => driver === "bridge");
  return (bridge?.pools ?? []).map(({ gateway }) => gateway).filter((gateway) => gateway !== "");
}

function addressesOf({ ipv4, ipv6 }: Endpoint): string[] {
  return [ipv4, ipv6].flatMap((one) => one === undefined ? [] : [one.address]);
}

/**
 * Tells all containers on a container's networks of it, and it of them.
 *
 * @param endpoints With their addresses.
 */
export function joinNames(paths: Paths, id: string, endpoints: readonly Endpoint[]): void {
  using _lock = acquireLock(paths.hostNetwork.namesLock);
  for (const endpoint of endpoints) {
    const { hosts } = paths.network(endpoint.networkId);
    const known = readTextIfPresent(hosts) ?? "";
    const lines = formatHostsLines(id, endpoint.names, addressesOf(endpoint));
    replaceText(hosts, known + lines, { isDurable: false });
    appendIfPresent(hostsPath(paths, id), shortenIds(known + lines));
    for (const member of listMembers(known)) {
      appendIfPresent(hostsPath(paths, member), shortenIds(lines));
    }
  }
}

/**
 * Tells a container that runs of an endpoint of its own that has just been made, and all others on its network.
 *
 * @param endpoint With its addresses.
 */
export function joinNamesAlive(
  paths: Paths,
  config: Pick<ContainerConfig, "id" | "hostname" | "domainname">,
  endpoint: Endpoint,
): void {
  appendIfPresent(hostsPath(paths, config.id), formatOwnLines(addressesOf(endpoint), config));
  joinNames(paths, config.id, [endpoint]);
}

/**
 * Tells a container and all others on its networks what it is called now.
 *
 * @param endpoints With their new names; where one is not told of, nothing changes.
 */
export function replaceNames(paths: Paths, id: string, endpoints: readonly Endpoint[]): void {
  using _lock = acquireLock(paths.hostNetwork.namesLock);
  for (const endpoint of endpoints) {
    const { hosts } = paths.network(endpoint.networkId);
    const known = readTextIfPresent(hosts);
    if (known === undefined) continue;
    const { names } = endpoint;
    const addresses = addressesOf(endpoint);
    replaceText(hosts, renameHostsLines(known, { id, names, addresses }), { isDurable: false });
    for (const member of listMembers(known)) {
      rewriteIfPresent(
        hostsPath(paths, member),
        (text) => renameHostsLines(text, { id: shortId(id), names, addresses }),
      );
    }
  }
}

/** Makes all containers on a container's networks forget it, and it them; the reverse of {@linkcode joinNames}. */
export function leaveNames(paths: Paths, id: string, endpoints: readonly Endpoint[]): void {
  using _lock = acquireLock(paths.hostNetwork.namesLock);
  for (const endpoint of endpoints) {
    leaveList(paths, id, { networkId: endpoint.networkId, addresses: addressesOf(endpoint) });
  }
}

/** Makes everybody forget a container, whatever networks it was on. */
export function forgetNames(paths: Paths, id: string): void {
  const { directory, namesLock } = paths.hostNetwork;
  if (!isPresent(directory)) return;
  using _lock = acquireLock(namesLock);
  for (const networkId of listNames(directory).filter(isId)) {
    const list = readTextIfPresent(paths.network(networkId).hosts) ?? "";
    leaveList(paths, id, { networkId, addresses: listMemberAddresses(list, id) });
  }
}

/** The caller holds the lock of the names. */
function leaveList(
  paths: Paths,
  id: string,
  { networkId, addresses }: { networkId: string; addresses: readonly string[] },
): void {
  const { hosts } = paths.network(networkId);
  const known = readTextIfPresent(hosts);
  if (known === undefined || !known.includes(id)) return;
  const left = removeHostsLines(known, id, addresses);
  for (const member of listMembers(left)) {
    rewriteIfPresent(
      hostsPath(paths, member),
      (text) => removeHostsLines(text, shortId(id), addresses),
    );
  }
  rewriteIfPresent(hostsPath(paths, id), (text) => forgetAll(text, left, addresses));
  // Last: what is interrupted before is done again
  shorten(hosts, left);
}

/** Replaces a list by a shorter one, also where there is no room for a second one beside it. */
function shorten(path: string, text: string): void {
  try {
    replaceText(path, text, { isDurable: false });
  } catch (error) {
    if (!isOfSystem(error)) throw error;
    rewriteIfPresent(path, () => text);
  }
}

/** What a container that leaves a network knows afterwards. */
function forgetAll(text: string, list: string, own: readonly string[]): string {
  const lines = new Set([...shortenIds(list).split("\n"), ""]);
  return text.split("\n").filter((line) =>
    line === "" || !(lines.has(line) || own.includes(line.slice(0, line.indexOf("\t"))))
  ).join("\n");
}

function hostsPath(paths: Paths, id: string): string {
  return `${paths.container(id).etc}/hosts`;
}

/** A container that is gone without a word has no file. */
function appendIfPresent(path: string, text: string): void {
  try {
    using file = Deno.openSync(path, { append: true });
    writeAll(file, text);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/**
 * Replaces a file's text in place, since containers have this very file mounted.
 *
 * One write has the whole new text and blank lines up to the old length, so that no reader meets half a line.
 */
function rewriteIfPresent(path: string, change: (text: string) => string): void {
  try {
    using file = Deno.openSync(path, { read: true, write: true });
    const { size } = file.statSync();
    if (size > MAX_HOSTS_BYTES) return file.truncateSync(0);
    const old = new Uint8Array(size);
    for (let at = 0; at < size;) {
      const count = file.readSync(old.subarray(at));
      if (count === null) break;
      at += count;
    }
    const text = change(decoder.decode(old));
    const length = encoder.encode(text).length;
    file.seekSync(0, Deno.SeekMode.Start);
    writeAll(file, text + "\n".repeat(Math.max(0, size - length)));
    file.truncateSync(length);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function writeAll(file: Deno.FsFile, text: string): void {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}
