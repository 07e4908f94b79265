import { deepStrictEqual, throws } from "node:assert/strict";
import type { NetworkConfig } from "../../network/network.ts";
import { planNetwork } from "../../network/network_plan.ts";
import { parseNetworkFilter } from "./network_filter.ts";

function network(name: string, fields: Partial<NetworkConfig> = {}): NetworkConfig {
  const identity = { id: "ab".repeat(32), createdAt: "2026-01-02T03:04:05Z", hostHasIpv6: false };
  return { ...planNetwork({ name }, identity), ...fields };
}

const NETWORKS = [
  network("bridge"),
  network("web-front", { labels: { tier: "front" }, id: "cd".repeat(32) }),
  network("web-back", { labels: { tier: "back", safe: "" } }),
  network("lan", { driver: "macvlan" }),
  network("alone", { driver: "none" }),
];
const USED = ["web-front"];

function choose(...filters: readonly string[]): string[] {
  const isWanted = parseNetworkFilter(filters);
  return NETWORKS.filter((one) => isWanted({ network: one, isUsed: () => USED.includes(one.name) }))
    .map(({ name }) => name);
}

for (
  const [filters, expected] of [
    [["name=web"], ["web-front", "web-back"]],
    [["name=^lan$"], ["lan"]],
    [["id=^cdcd"], ["web-front"]],
    [["driver=macvlan"], ["lan"]],
    [["driver=null"], ["alone"]],
    [["driver=macvlan", "driver=none"], ["lan", "alone"]],
    [["label=tier"], ["web-front", "web-back"]],
    [["label=tier=back", "label=safe"], ["web-back"]],
    [["type=builtin"], ["bridge"]],
    [["type=custom", "driver=bridge"], ["web-front", "web-back"]],
    [["scope=swarm"], []],
    [["dangling=true"], ["web-back", "lan", "alone"]],
    [["dangling=false"], ["bridge", "web-front"]],
  ] as const
) {
  Deno.test(`parseNetworkFilter() chooses by ${filters.join(" and ")}`, () => {
    deepStrictEqual(choose(...filters), [...expected]);
  });
}

for (const filter of ["color=red", "type=x", "dangling=maybe", "name=("]) {
  Deno.test(`parseNetworkFilter() refuses ${filter}`, () => {
    throws(() => parseNetworkFilter([filter]), /invalid filter '/);
  });
}
