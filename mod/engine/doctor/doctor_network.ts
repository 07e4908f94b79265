/** What networks of containers need. @module */

import { NETLINK, NetlinkSocket } from "../../kernel/netlink.ts";
import { bridgeNameOf } from "../../network/bridge.ts";
import { findObstacles, type Obstacle } from "../../network/firewall_check.ts";
import { listNetworkRecords } from "../../network/network_store.ts";
import { findLoopbackServer, type HostResolver } from "../../network/resolver.ts";
import type { Paths } from "../../store/paths.ts";
import { type Check, type Finding, limited, missing, ok } from "./doctor_finding.ts";
import { type HostFiles } from "../base/host_files.ts";
import { NetworkTrial } from "./doctor_network_trial.ts";

/** All checks of this part. Whatever is made to try it is made in a network namespace that is gone afterwards. */
export function networkChecks(files: HostFiles, paths: Paths): Check[] {
  return [
    ["links", () => checkLinks()],
    ["nf_tables", () => checkRuleset()],
    ["IPv6", () => checkIpv6(files)],
    ["forwarding", () => checkForwarding(files)],
    ["bridge filter", () => checkBridgeFilter(files)],
    ["firewall", () => checkFirewall(listObstacles(paths))],
    ["names", () => checkResolver(readResolver(files))],
  ];
}

/** Kinds of links, and what fails without them. */
const LINK_KINDS = [
  ["bridge", "Networks of the driver bridge, the default one among them, are refused"],
  ["veth", "Networks of the driver bridge, the default one among them, are refused"],
  ["macvlan", "Networks of the driver macvlan are refused"],
  ["ipvlan", "Networks of the driver ipvlan are refused"],
  ["vlan", "Networks on a VLAN, with -o parent=eth0.10 for example, are refused"],
] as const;

function checkLinks(): Finding[] {
  using trial = new NetworkTrial();
  return checkLinkKinds((kind) => trial.canMakeLink(kind));
}

/** Says of each kind of link whether there is such a thing. */
export function checkLinkKinds(
  canMake: (kind: typeof LINK_KINDS[number][0]) => boolean,
): Finding[] {
  return LINK_KINDS.map(([kind, consequence]) => {
    if (canMake(kind)) return ok(`link ${kind}`, "can be made");
    return missing(`link ${kind}`, {
      detail: "not in this kernel",
      consequence,
      remedy: `Load or install the kernel module: modprobe ${kind === "vlan" ? "8021q" : kind}`,
    });
  });
}

/** Tries the whole table that wherry would make. */
function checkRuleset(): Finding {
  using trial = new NetworkTrial();
  return checkTable(trial.refusalOfTable());
}

/** @param refusal Why the kernel does not take wherry's rules; `undefined` if it does. */
export function checkTable(refusal: string | undefined): Finding {
  if (refusal === undefined) return ok("nf_tables", "takes wherry's rules");
  return missing("nf_tables", {
    detail: refusal,
    consequence: "Networks of the driver bridge are refused; host, none, macvlan and ipvlan work",
    remedy:
      "Load or install the kernel modules: modprobe -a nf_tables nft_chain_nat nft_masq nft_fib_inet",
  });
}

/** Whether networks can have IPv6. */
export function checkIpv6({ read }: HostFiles): Finding {
  const disabled = read("/proc/sys/net/ipv6/conf/all/disable_ipv6")?.trim();
  if (disabled === "0") return ok("IPv6", "there");
  const isOff = disabled !== undefined;
  return limited("IPv6", {
    detail: isOff ? "switched off" : "not in this kernel",
    consequence: "Containers have no IPv6 addresses",
    remedy: isOff
      ? "Switch it on: sysctl -w net.ipv6.conf.all.disable_ipv6=0"
      : "Boot without ipv6.disable=1, or use a kernel that has it",
  });
}

/** Wherry switches it on for as long as a bridge is up. */
export function checkForwarding({ read }: HostFiles): Finding {
  const forwards = read("/proc/sys/net/ipv4/ip_forward")?.trim();
  return ok(
    "forwarding",
    forwards === "1" ? "net.ipv4.ip_forward is on" : "off; switched on while a network needs it",
  );
}

/** Whether packets that stay in a bridge pass the host's firewall. */
export function checkBridgeFilter({ read }: HostFiles): Finding {
  const names = ["iptables", "ip6tables"].filter((name) =>
    read(`/proc/sys/net/bridge/bridge-nf-call-${name}`)?.trim() === "1"
  );
  if (names.length === 0) return ok("bridge filter", "off");
  return limited("bridge filter", {
    detail: names.map((name) => `net.bridge.bridge-nf-call-${name}`).join(" "),
    consequence:
      "Packets between containers of one network pass the host's firewall, which may drop them",
    remedy: "Unless docker or Kubernetes on this host needs it: " +
      names.map((name) => `sysctl -w net.bridge.bridge-nf-call-${name}=0`).join(" && "),
  });
}

const FAMILIES = [4, 6] as const;
/** Of a network that is not made yet nobody knows the name of the bridge. */
const ANY_BRIDGE = "BRIDGE";

/** What is in the way of the bridges of all networks; nothing of the host is changed. */
function listObstacles(paths: Paths): Obstacle[] {
  const bridges = listNetworkRecords(paths).networks
    .filter(({ driver, isInternal }) => driver === "bridge" && !isInternal).map(bridgeNameOf);
  using socket = new NetlinkSocket(NETLINK.NETFILTER);
  return (bridges.length > 0 ? bridges : [ANY_BRIDGE])
    .flatMap((bridge) => findObstacles(socket, { bridge, families: FAMILIES }));
}

/** Says which rules of other programs stop what containers send. */
export function checkFirewall(obstacles: readonly Obstacle[]): Finding[] {
  if (obstacles.length === 0) return [ok("firewall", "lets containers' packets through")];
  return obstacles.map(({ message, remedy }) =>
    limited("firewall", {
      detail: "another program's rules drop what containers send",
      consequence: message,
      remedy,
    })
  );
}

function readResolver({ read }: HostFiles): HostResolver {
  return {
    text: read("/etc/resolv.conf") ?? "",
    upstreamText: read("/run/systemd/resolve/resolv.conf"),
  };
}

/** Whether containers find the addresses of names as the host does. */
export function checkResolver(host: HostResolver): Finding {
  const servers = Array.from(host.text.matchAll(/^\s*nameserver\s+(\S+)/gm), ([, one]) => one);
  if (servers.length === 0) {
    return limited("names", {
      detail: "no name server in /etc/resolv.conf",
      consequence: "Containers find no names outside of their networks",
      remedy: "Name a server in /etc/resolv.conf, or give containers one with --dns",
    });
  }
  const loopback = findLoopbackServer(host);
  if (loopback === undefined) return ok("names", servers.join(" "));
  return limited("names", {
    detail: `only ${loopback}, on the host's loopback`,
    consequence:
      "Containers ask it through their gateway; on macvlan and ipvlan they have no name server",
    remedy: "Give such containers one with --dns",
  });
}
