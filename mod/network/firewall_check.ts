/**
 * Looks for rules of other programs that stop what containers send: an accept in wherry's table does not undo a drop in
 * another one.
 *
 * @module
 */

import type { IpFamily } from "../kernel/ip.ts";
import { type NetlinkSocket, parseAttributes } from "../kernel/netlink.ts";
import {
  type ChainInfo,
  listChains,
  listRules,
  type RuleInfo,
} from "../kernel/nftables_listing.ts";
import { type NftFamily, type NftTable } from "../kernel/nftables_wire.ts";

/** A rule or a policy that is in the way. */
export interface Obstacle {
  /** What it is, as a sentence without a full stop. */
  message: string;
  /** The command that opens a way through it. */
  remedy: string;
}

/** The bridge that packets should get to and from. */
export interface CheckedBridge {
  /** Its name. */
  bridge: string;
  /** Families of its subnets. */
  families: readonly IpFamily[];
}

/** Tables of wherry's own, of every run root. */
const OWN_TABLE = /^wherry(-[0-9a-f]{8})?$/;
/** Families of tables whose packets have which IP version. */
const IP_FAMILIES: Partial<Record<NftFamily, readonly IpFamily[]>> = {
  inet: [4, 6],
  ip: [4],
  ip6: [6],
};
const COMPARISON_DATA = 3;
const DATA_VALUE = 1;

/** How a program that keeps its own rules is told to let packets through. */
interface KnownFirewall {
  /** A chain or table by which it is known. */
  sign: RegExp;
  remedy: (bridge: string, table: NftTable) => string;
}

const KNOWN_FIREWALLS: readonly KnownFirewall[] = [
  {
    sign: /^DOCKER-USER$/,
    remedy: (bridge, { family }) => {
      const program = family === "ip6" ? "ip6tables" : "iptables";
      const insert = (direction: string): string =>
        `${program} -I DOCKER-USER ${direction} ${bridge} -j ACCEPT`;
      return `${insert("-i")} && ${insert("-o")}`;
    },
  },
  {
    sign: /^ufw6?-/,
    remedy: (bridge) => `ufw route allow in on ${bridge} && ufw route allow out on ${bridge}`,
  },
  {
    sign: /^firewalld$/,
    remedy: (bridge) =>
      `firewall-cmd --permanent --zone=trusted --add-interface=${bridge} && firewall-cmd --reload`,
  },
];

/**
 * Finds what other programs have put in the way of a bridge's packets.
 *
 * Only rules that drop everything are recognised, and policies; the old iptables, which nf_tables knows nothing of, is
 * not looked into.
 *
 * @param socket Of `NETLINK.NETFILTER`.
 */
export function findObstacles(socket: NetlinkSocket, checked: CheckedBridge): Obstacle[] {
  const chains = listChains(socket);
  const obstacles: Obstacle[] = [];
  for (const chain of chains) {
    const { table, base } = chain;
    const isConcerned = IP_FAMILIES[table.family]?.some((each) => checked.families.includes(each));
    if (base?.hook !== "forward" || isConcerned !== true || OWN_TABLE.test(table.name)) continue;
    const rules = listRules(socket, table);
    const blocker = findBlocker(chain, rules);
    if (blocker === undefined || isLetThrough(rules, checked.bridge)) continue;
    const siblings = chains.filter((each) => isSameTable(each.table, table));
    obstacles.push(describe({ chain, blocker, siblings, bridge: checked.bridge }));
  }
  return obstacles;
}

function isSameTable(one: NftTable, other: NftTable): boolean {
  return one.family === other.family && one.name === other.name;
}

/** What stops a packet that no other rule has accepted, in words. */
function findBlocker({ name, base }: ChainInfo, rules: readonly RuleInfo[]): string | undefined {
  const rule = rules.find((rule) => rule.chain === name && isUnconditionalDrop(rule));
  if (rule !== undefined) return `rule with handle ${rule.handle} drops everything`;
  return base?.policy === "drop" ? "policy is drop" : undefined;
}

function isUnconditionalDrop({ expressions, verdict }: RuleInfo): boolean {
  const harmless = ["counter", "log", "immediate", "reject"];
  return verdict === "drop" && expressions.every(({ name }) => harmless.includes(name));
}

/** Whether some rule of the table singles out the bridge's packets, other than to drop them. */
function isLetThrough(rules: readonly RuleInfo[], bridge: string): boolean {
  return rules.some(({ expressions, verdict }) =>
    verdict !== undefined && verdict !== "drop" &&
    expressions.some(({ name, data }) => name === "cmp" && isComparisonWith(data, bridge))
  );
}

/** Whether an expression compares with a name, which nft(8) fills up with NULs and iptables(8) ends with one. */
function isComparisonWith(data: Uint8Array<ArrayBuffer>, name: string): boolean {
  const value = parseAttributes(data).get(COMPARISON_DATA);
  const bytes = value === undefined ? undefined : parseAttributes(value).get(DATA_VALUE);
  if (bytes === undefined) return false;
  const end = bytes.indexOf(0);
  return end >= 0 && new TextDecoder().decode(bytes.subarray(0, end)) === name;
}

function describe(found: {
  chain: ChainInfo;
  blocker: string;
  siblings: readonly ChainInfo[];
  bridge: string;
}): Obstacle {
  const { chain: { table, name }, blocker, siblings, bridge } = found;
  const names = [table.name, ...siblings.map((each) => each.name)];
  const known = KNOWN_FIREWALLS.find(({ sign }) => names.some((each) => sign.test(each)));
  const where = `${table.family} ${table.name} ${name}`;
  const insert = (link: string): string => `nft insert rule ${where} ${link} ${bridge} accept`;
  return {
    message: `Packets of "${bridge}" may not get further than the chain "${name}" of the table ` +
      `"${table.family} ${table.name}": its ${blocker}`,
    remedy: known?.remedy(bridge, table) ?? `${insert("iifname")} && ${insert("oifname")}`,
  };
}
