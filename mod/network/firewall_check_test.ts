import { deepStrictEqual } from "node:assert/strict";
import { needs } from "../../tests/needs.ts";
import { createNetNamespace, inNetNamespace } from "../kernel/net_namespace.ts";
import { NETLINK, NetlinkSocket } from "../kernel/netlink.ts";
import { findObstacles } from "./firewall_check.ts";

/** What is found for the IPv4 bridge `wh-test` where nft has read these lines. */
async function obstaclesOf(...lines: string[]): Promise<string[]> {
  using namespace = createNetNamespace();
  using socket = inNetNamespace(namespace, () => new NetlinkSocket(NETLINK.NETFILTER));
  for (const line of lines) {
    const { success, stderr } = await inNetNamespace(
      namespace,
      () => new Deno.Command("nft", { args: [line] }).output(),
    );
    if (!success) throw new Error(`Cannot run nft: ${new TextDecoder().decode(stderr)}`);
  }
  return findObstacles(socket, { bridge: "wh-test", families: [4] })
    .flatMap(({ message, remedy }) => [message, remedy]);
}

function firewallTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !needs("root", "nft"), fn });
}

const FORWARD_DROP = [
  "add table ip filter",
  "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }",
];
const POLICY =
  'Packets of "wh-test" may not get further than the chain "FORWARD" of the table "ip filter": ' +
  "its policy is drop";

firewallTest("findObstacles() names a chain that drops by policy, and how to open it", async () => {
  deepStrictEqual(await obstaclesOf(...FORWARD_DROP), [
    POLICY,
    "nft insert rule ip filter FORWARD iifname wh-test accept && " +
    "nft insert rule ip filter FORWARD oifname wh-test accept",
  ]);
});

firewallTest("findObstacles() knows docker's chain for rules of others", async () => {
  deepStrictEqual(await obstaclesOf(...FORWARD_DROP, "add chain ip filter DOCKER-USER"), [
    POLICY,
    "iptables -I DOCKER-USER -i wh-test -j ACCEPT && iptables -I DOCKER-USER -o wh-test -j ACCEPT",
  ]);
});

firewallTest("findObstacles() knows ufw", async () => {
  const found = await obstaclesOf(...FORWARD_DROP, "add chain ip filter ufw-before-forward");

  deepStrictEqual(found, [
    POLICY,
    "ufw route allow in on wh-test && ufw route allow out on wh-test",
  ]);
});

firewallTest("findObstacles() names the rule of firewalld that rejects the rest", async () => {
  const found = await obstaclesOf(
    "add table inet firewalld",
    "add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; }",
    "add rule inet firewalld filter_FORWARD ct state established accept",
    "add rule inet firewalld filter_FORWARD reject with icmpx type admin-prohibited",
  );

  deepStrictEqual(found, [
    'Packets of "wh-test" may not get further than the chain "filter_FORWARD" of the table ' +
    '"inet firewalld": its rule with handle 3 drops everything',
    "firewall-cmd --permanent --zone=trusted --add-interface=wh-test && firewall-cmd --reload",
  ]);
});

firewallTest(
  "findObstacles() is content once a rule lets the bridge's packets through",
  async () => {
    const found = await obstaclesOf(
      ...FORWARD_DROP,
      'insert rule ip filter FORWARD iifname "wh-test" counter accept',
      'insert rule ip filter FORWARD oifname "wh-test" counter accept',
    );

    deepStrictEqual(found, []);
  },
);

firewallTest(
  "findObstacles() passes over other families, hooks and wherry's own tables",
  async () => {
    const found = await obstaclesOf(
      "add table ip6 filter",
      "add chain ip6 filter FORWARD { type filter hook forward priority 0; policy drop; }",
      "add table ip other",
      "add chain ip other INPUT { type filter hook input priority 0; policy drop; }",
      "add chain ip other FORWARD { type filter hook forward priority 0; policy accept; }",
      'add rule ip other FORWARD iifname "eth7" drop',
      "add table inet wherry-0123abcd",
      "add chain inet wherry-0123abcd f { type filter hook forward priority 0; policy drop; }",
    );

    deepStrictEqual(found, []);
  },
);
