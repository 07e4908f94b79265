/**
 * Settings of the host's kernel that bridges need, and what they were before.
 *
 * @see `Documentation/networking/ip-sysctl.rst` of Linux
 * @module
 */

import { WherryError } from "../errors.ts";
import type { IpFamily } from "../kernel/ip.ts";
import type { ChainInfo } from "../kernel/nftables_listing.ts";
import type { NftTable } from "../kernel/nftables_wire.ts";
import { readSysctl, writeSysctl } from "../kernel/sysctl.ts";
import { readRecord, removeIfPresent, writeRecord } from "../store/record.ts";

const FORWARDING: Readonly<Record<IpFamily, string>> = {
  4: "net/ipv4/ip_forward",
  6: "net/ipv6/conf/all/forwarding",
};
const IPV6_LINKS = "/proc/sys/net/ipv6/conf";
/** Accept router advertisements unless the host forwards. */
const ACCEPT_UNLESS_FORWARDING = "1";
/** Accept router advertisements in any case. */
const ACCEPT_ALWAYS = "2";

const BRIDGE_IPV6_SETTINGS = [
  // The host does not take a container for its router (CVE-2020-13401)
  ["accept_ra", "0"],
  // Otherwise nobody from outside gets in during the bridge's first second, in which its own address is not yet good to
  // ask for a container's hardware address with
  ["accept_dad", "0"],
] as const;

/** What settings were before wherry changed them, by name. */
type Remembered = Readonly<Record<string, string>>;

interface SysctlRecord {
  schema: 1;
  before: Remembered;
}

function readRemembered(path: string): Remembered {
  return readRecord(path, parseSysctls) ?? {};
}

function parseSysctls(json: unknown): Remembered {
  const { schema, before } = (json ?? {}) as Partial<SysctlRecord>;
  const isSound = schema === 1 &&
    Object.entries(before ?? {}).every(([name, value]) =>
      /^net\/ipv[46]\/[\w./@:-]+$/.test(name) && !name.includes("..") && /^\d+$/.test(value)
    );
  if (isSound) return before ?? {};
  throw new WherryError("corrupt", "Cannot read the settings of before: their shape is not known");
}

/**
 * Families that the host forwards only because wherry has switched it on.
 *
 * @param path File `sysctls` of {@linkcode HostNetworkPaths}.
 */
export function forwardedFamilies(path: string): IpFamily[] {
  const before = readRemembered(path);
  return ([4, 6] as const).filter((family) => before[FORWARDING[family]] === "0");
}

/**
 * Writes down what the settings are that {@linkcode switchForwardingOn} is going to change; changes none of them.
 *
 * What has been written down before stays.
 *
 * @param path File `sysctls` of {@linkcode HostNetworkPaths}.
 * @param families Those that bridges need forwarding for.
 * @param bridges Names of wherry's bridges, which never learn a router from a container.
 */
export function rememberForwarding(
  path: string,
  families: readonly IpFamily[],
  bridges: readonly string[],
): void {
  const before: Record<string, string> = { ...readRemembered(path) };
  const known = Object.keys(before).length;
  for (const family of families) {
    const name = FORWARDING[family];
    if (before[name] !== undefined || readSysctl(name) !== "0") continue;
    before[name] = "0";
    if (family === 6) {
      for (const name of linksWithRouters(bridges)) before[name] = ACCEPT_UNLESS_FORWARDING;
    }
  }
  if (Object.keys(before).length === known) return;
  const record: SysctlRecord = { schema: 1, before };
  writeRecord(path, record, { isDurable: false });
}

/**
 * Settings of links that learn their router from advertisements, and would lose it when the host forwards: not those for
 * links to come, because bridges are among them.
 */
function linksWithRouters(bridges: readonly string[]): string[] {
  const others = ["all", "default", "lo", ...bridges];
  return Array.from(Deno.readDirSync(IPV6_LINKS), ({ name }) => name)
    .filter((name) => !others.includes(name)).map(acceptRouters)
    .filter((name) => readSysctl(name) === ACCEPT_UNLESS_FORWARDING);
}

function acceptRouters(link: string): string {
  return `net/ipv6/conf/${link}/accept_ra`;
}

/**
 * Makes the host forward packets of all families that have been written down.
 *
 * @param path File `sysctls` of {@linkcode HostNetworkPaths}.
 */
export function switchForwardingOn(path: string): void {
  const before = readRemembered(path);
  const forwarding: string[] = Object.values(FORWARDING);
  // Links first: at the moment of switching on, the kernel forgets the routers of all others
  for (const name of Object.keys(before)) {
    if (!forwarding.includes(name) && readSysctl(name) === ACCEPT_UNLESS_FORWARDING) {
      writeSysctl(name, ACCEPT_ALWAYS);
    }
  }
  for (const name of forwarding) {
    if (before[name] !== undefined && readSysctl(name) !== "1") writeSysctl(name, "1");
  }
}

/**
 * Puts back the settings of families that no bridge needs any more, and forgets them.
 *
 * @param path File `sysctls` of {@linkcode HostNetworkPaths}.
 * @param needed Families that are still needed.
 */
export function putForwardingBack(path: string, needed: readonly IpFamily[]): void {
  const before = readRemembered(path);
  const left: Record<string, string> = {};
  for (const [name, value] of Object.entries(before)) {
    const family = name.startsWith("net/ipv4/") ? 4 : 6;
    if (needed.includes(family)) left[name] = value;
    // A link may be gone
    else if (readSysctl(name) !== undefined) writeSysctl(name, value);
  }
  if (Object.keys(left).length === 0) return removeIfPresent(path);
  if (Object.keys(left).length === Object.keys(before).length) return;
  const record: SysctlRecord = { schema: 1, before: left };
  writeRecord(path, record, { isDurable: false });
}

/**
 * Whether somebody else on this host sends packets on in its own name, as container engines, hypervisors and routers do,
 * and so may rely on forwarding that it found switched on.
 *
 * @param own The table that does not count.
 */
export function isForwardingNeededByOthers(chains: readonly ChainInfo[], own: NftTable): boolean {
  return hasLegacyTranslation() ||
    chains.some(({ table, base }) =>
      base?.type === "nat" && base.hook === "postrouting" &&
      (table.family !== own.family || table.name !== own.name)
    );
}

/** Whether the `nat` table of the old iptables is there, which nf_tables knows nothing of. */
function hasLegacyTranslation(): boolean {
  return readLines("/proc/net/ip_tables_names").includes("nat");
}

function readLines(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/**
 * Prepares a bridge for containers that are not trusted, and for published ports that are asked for at 127.0.0.1.
 *
 * The bridge must still be down, and the table there: its guard keeps out what containers send to 127.0.0.0/8.
 */
export function prepareBridge(bridge: string): void {
  writeSysctl(`net/ipv4/conf/${bridge}/route_localnet`, "1");
  for (const [name, value] of BRIDGE_IPV6_SETTINGS) {
    const path = `net/ipv6/conf/${bridge}/${name}`;
    // A kernel without IPv6 has none of these
    if (readSysctl(path) !== undefined) writeSysctl(path, value);
  }
}
