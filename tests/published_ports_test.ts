import { match, strictEqual } from "node:assert/strict";
import { ensureTable, HostNetwork } from "../mod/network/host_network.ts";
import { needs } from "./needs.ts";
import { LAN, NetworkLab } from "./network_lab.ts";

function labTest(
  name: string,
  test: (lab: NetworkLab) => Promise<void>,
  hasFilteredBridges = false,
): void {
  Deno.test({
    name,
    ignore: !needs("root", "nft"),
    fn: async () => {
      await using lab = new NetworkLab({ hasFilteredBridges });
      await test(lab);
    },
  });
}

const NO_ANSWER = "no answer";

labTest("a published port is reached from the host at any of its addresses", async (lab) => {
  const network = lab.addNetwork({ subnet: "10.1" });
  lab.publish(await lab.addContainer(network, 2), 8080);
  const ask = (address: string): Promise<string> => lab.ask(lab.host, address, { port: 8080 });

  strictEqual(await ask("127.0.0.1"), "10.1.0.1");
  strictEqual(await ask("127.0.0.99"), "10.1.0.1");
  strictEqual(await ask(LAN.host), LAN.host);
  strictEqual(await ask("10.1.0.1"), "10.1.0.1");
  strictEqual(await ask("::1"), "fd00:1::1");
  strictEqual(await ask(LAN.hostIpv6), LAN.hostIpv6);
});

labTest(
  "a published port is reached from the LAN, and the container sees who asks",
  async (lab) => {
    const network = lab.addNetwork({ subnet: "10.1" });
    lab.publish(await lab.addContainer(network, 2), 8080);

    strictEqual(await lab.ask(lab.neighbour, LAN.host, { port: 8080 }), LAN.neighbour);
    strictEqual(await lab.ask(lab.neighbour, LAN.hostIpv6, { port: 8080 }), LAN.neighbourIpv6);
    strictEqual(await lab.ask(lab.neighbour, LAN.host, { port: 8081 }), NO_ANSWER);
  },
);

labTest("a published UDP port is reached from everywhere", async (lab) => {
  const network = lab.addNetwork({ subnet: "10.1" });
  const options = { port: 8080, protocol: "udp" } as const;
  const container = await lab.addContainer(network, 2);
  lab.publish(container, 8080, { protocol: "udp" });

  strictEqual(await lab.ask(lab.host, "127.0.0.1", options), "10.1.0.1");
  strictEqual(await lab.ask(lab.host, "::1", options), "fd00:1::1");
  strictEqual(await lab.ask(lab.neighbour, LAN.host, options), LAN.neighbour);
  strictEqual(await lab.ask(container, LAN.host, options), "10.1.0.1");
});

async function askByHairpin(lab: NetworkLab): Promise<void> {
  const network = lab.addNetwork({ subnet: "10.1" });
  const own = await lab.addContainer(network, 2);
  const other = await lab.addContainer(network, 3);
  lab.publish(own, 8080);

  strictEqual(await lab.ask(own, LAN.host, { port: 8080 }), "10.1.0.1");
  strictEqual(await lab.ask(own, LAN.hostIpv6, { port: 8080 }), "fd00:1::1");
  strictEqual(await lab.ask(other, LAN.host, { port: 8080 }), "10.1.0.1");
  strictEqual(await lab.ask(other, LAN.hostIpv6, { port: 8080 }), "fd00:1::1");
}

labTest("a container reaches its own published port and its neighbour's", askByHairpin);

labTest(
  "a container reaches its own published port where docker has bridges filtered",
  askByHairpin,
  true,
);

labTest("everything but ::1 works where docker has bridges filtered", async (lab) => {
  const [one, two] = [lab.addNetwork({ subnet: "10.1" }), lab.addNetwork({ subnet: "10.2" })];
  const container = await lab.addContainer(one, 2);
  const stranger = await lab.addContainer(two, 2);
  lab.publish(container, 8080);

  strictEqual(await lab.ask(lab.host, "127.0.0.1", { port: 8080 }), "10.1.0.1");
  strictEqual(await lab.ask(lab.host, LAN.hostIpv6, { port: 8080 }), LAN.hostIpv6);
  strictEqual(await lab.ask(lab.neighbour, LAN.host, { port: 8080 }), LAN.neighbour);
  strictEqual(await lab.ask(stranger, container.ipv4), NO_ANSWER);
  strictEqual(await lab.ask(stranger, LAN.host, { port: 8080 }), "10.1.0.1");
}, true);

labTest("a port that is published on one address is reached at that one alone", async (lab) => {
  const network = lab.addNetwork({ subnet: "10.1" });
  const one = await lab.addContainer(network, 2);
  lab.publish(one, 8080, { hostAddress: "127.0.0.1" });
  lab.publish(one, 8081, { hostAddress: LAN.host });

  strictEqual(await lab.ask(lab.host, "127.0.0.1", { port: 8080 }), "10.1.0.1");
  strictEqual(await lab.ask(lab.host, LAN.host, { port: 8080 }), NO_ANSWER);
  strictEqual(await lab.ask(lab.neighbour, LAN.host, { port: 8081 }), LAN.neighbour);
  strictEqual(await lab.ask(lab.host, "127.0.0.1", { port: 8081 }), NO_ANSWER);
});

labTest("a neighbour on the LAN does not reach what is published on 127.0.0.1", async (lab) => {
  const network = lab.addNetwork({ subnet: "10.1" });
  lab.publish(await lab.addContainer(network, 2), 8080, { hostAddress: "127.0.0.1" });
  // The neighbour sends packets for 127.0.0.1 to the host, which must not take them
  await lab.run(lab.neighbour, "bash", "-c", SEND_LOOPBACK_TO_ROUTER);

  strictEqual(await lab.ask(lab.neighbour, "127.0.0.1", { port: 8080 }), NO_ANSWER);
});

/** Takes 127.0.0.0/8 away from `lo`, so that the router gets it. */
const SEND_LOOPBACK_TO_ROUTER = "echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet && " +
  "ip addr del 127.0.0.1/8 dev lo && ip route add 127.0.0.0/8 via 192.0.2.1 src 192.0.2.2";

labTest("a port of an address that is not the host's is left alone", async (lab) => {
  const [one, two] = [lab.addNetwork({ subnet: "10.1" }), lab.addNetwork({ subnet: "10.2" })];
  const client = await lab.addContainer(one, 2);
  lab.publish(await lab.addContainer(two, 2), 7000);

  // The neighbour has no service: had the packet been led to the container, that would answer
  strictEqual(await lab.ask(client, LAN.neighbour), NO_ANSWER);
  strictEqual(await lab.ask(client, LAN.host), "10.2.0.1");
});

labTest(
  "containers of different networks reach each other by published ports alone",
  async (lab) => {
    const [one, two] = [lab.addNetwork({ subnet: "10.1" }), lab.addNetwork({ subnet: "10.2" })];
    const client = await lab.addContainer(one, 2);
    const server = await lab.addContainer(two, 2);
    lab.publish(server, 8080);

    strictEqual(await lab.ask(client, server.ipv4), NO_ANSWER);
    strictEqual(await lab.ask(client, server.ipv6), NO_ANSWER);
    strictEqual(await lab.ask(client, LAN.host, { port: 8080 }), "10.2.0.1");
  },
);

labTest("a neighbour on the LAN does not reach a container directly", async (lab) => {
  const container = await lab.addContainer(lab.addNetwork({ subnet: "10.1" }), 2);

  strictEqual(await lab.ask(lab.neighbour, container.ipv4), NO_ANSWER);
  strictEqual(await lab.ask(lab.neighbour, container.ipv6), NO_ANSWER);
  strictEqual(await lab.ask(lab.host, container.ipv4), "10.1.0.1");
});

labTest("what containers send to the LAN has the host's address", async (lab) => {
  const container = await lab.addContainer(lab.addNetwork({ subnet: "10.1" }), 2);
  await lab.serve(lab.neighbour);

  strictEqual(await lab.ask(container, LAN.neighbour), LAN.host);
  strictEqual(await lab.ask(container, LAN.neighbourIpv6), LAN.hostIpv6);
});

labTest("containers of an internal network reach each other and nothing else", async (lab) => {
  const inside = lab.addNetwork({ subnet: "10.1", isInternal: true });
  const outside = await lab.addContainer(lab.addNetwork({ subnet: "10.2" }), 2);
  const [one, two] = [await lab.addContainer(inside, 2), await lab.addContainer(inside, 3)];
  lab.publish(one, 8080);
  lab.publish(outside, 8081);
  await lab.serve(lab.neighbour);

  strictEqual(await lab.ask(one, two.ipv4), one.ipv4);
  strictEqual(await lab.ask(one, LAN.neighbour), NO_ANSWER);
  strictEqual(await lab.ask(one, LAN.host, { port: 8081 }), NO_ANSWER);
  strictEqual(await lab.ask(outside, LAN.host, { port: 8080 }), NO_ANSWER);
  strictEqual(await lab.ask(lab.neighbour, LAN.host, { port: 8080 }), NO_ANSWER);
  strictEqual(await lab.ask(lab.host, "127.0.0.1", { port: 8080 }), "10.1.0.1");
});

labTest(
  "containers of an isolated network reach each other by published ports alone",
  async (lab) => {
    const network = lab.addNetwork({ subnet: "10.1", isIsolated: true });
    const one = await lab.addContainer(network, 2);
    const two = await lab.addContainer(network, 3);
    lab.publish(two, 8080);
    // By way of the host, as the link itself does not let them
    await lab.run(one, "ip", "route", "replace", `${two.ipv4}/32`, "via", "10.1.0.1");

    strictEqual(await lab.ask(one, two.ipv4), NO_ANSWER);
    strictEqual(await lab.ask(one, two.ipv6), NO_ANSWER);
    strictEqual(await lab.ask(one, LAN.host, { port: 8080 }), "10.1.0.1");
  },
);

labTest("a container does not reach what listens on the host's 127.0.0.1", async (lab) => {
  const container = await lab.addContainer(lab.addNetwork({ subnet: "10.1" }), 2);
  await lab.serve(lab.host);
  strictEqual(await lab.ask(container, "10.1.0.1"), container.ipv4);
  await lab.run(
    container,
    "bash",
    "-c",
    SEND_LOOPBACK_TO_ROUTER.replace("via 192.0.2.1 src 192.0.2.2", "via 10.1.0.1 src 10.1.0.2"),
  );

  strictEqual(await lab.ask(container, "127.0.0.1"), NO_ANSWER);
});

labTest("a container's packets with another network's address are dropped", async (lab) => {
  const [one, two] = [lab.addNetwork({ subnet: "10.1" }), lab.addNetwork({ subnet: "10.2" })];
  const liar = await lab.addContainer(one, 2);
  await lab.addContainer(two, 2);
  await lab.serve(lab.neighbour);
  await lab.run(liar, "ip", "addr", "add", "10.2.0.2/32", "dev", "eth0");
  await lab.run(liar, "ip", "route", "replace", "default", "via", "10.1.0.1", "src", "10.2.0.2");
  await lab.run(lab.neighbour, "nft", COUNT_QUESTIONS);

  strictEqual(await lab.ask(liar, LAN.neighbour), NO_ANSWER);

  match(await lab.run(lab.neighbour, "nft", "list", "ruleset"), /counter packets 0 /);
});

const COUNT_QUESTIONS = "add table inet t; " +
  "add chain inet t c { type filter hook prerouting priority 0; }; " +
  "add rule inet t c tcp dport 7000 counter";

labTest("the host does not become a router for others because of containers", async (lab) => {
  const other = await lab.addOtherLan();
  const container = await lab.addContainer(lab.addNetwork({ subnet: "10.1" }), 2);

  strictEqual(await lab.ask(lab.neighbour, other.ipv4), NO_ANSWER);
  strictEqual(await lab.ask(lab.neighbour, other.ipv6), NO_ANSWER);
  strictEqual(await lab.ask(container, other.ipv4), "198.51.100.1");
});

labTest("a host that has been a router before is one with containers too", async (lab) => {
  const other = await lab.addOtherLan();
  await lab.run(lab.host, "sysctl", "-w", "net.ipv4.ip_forward=1");
  lab.addNetwork({ subnet: "10.1" });

  strictEqual(await lab.ask(lab.neighbour, other.ipv4), LAN.neighbour);
  strictEqual(await lab.ask(lab.neighbour, other.ipv6), NO_ANSWER);
});

labTest("a name server on the host's 127.0.0.1 is reached at the gateway", async (lab) => {
  const network = lab.addNetwork({ subnet: "10.1", resolver: "127.0.0.1" });
  const without = await lab.addContainer(lab.addNetwork({ subnet: "10.2" }), 2);
  const container = await lab.addContainer(network, 2);
  await lab.serve(lab.host, "53", "127.0.0.1");

  strictEqual(await lab.ask(container, "10.1.0.1", { port: 53 }), container.ipv4);
  strictEqual(
    await lab.ask(container, "10.1.0.1", { port: 53, protocol: "udp" }),
    container.ipv4,
  );
  strictEqual(await lab.ask(without, "10.1.0.1", { port: 53 }), NO_ANSWER);
  strictEqual(await lab.ask(lab.neighbour, "10.1.0.1", { port: 53 }), NO_ANSWER);
});

labTest("the table is there again after another program has removed all tables", async (lab) => {
  const network = lab.addNetwork({ subnet: "10.1" });
  lab.publish(await lab.addContainer(network, 2), 8080);
  const before = await lab.run(lab.host, "nft", "list", "ruleset");
  await lab.run(lab.host, "nft", "flush", "ruleset");
  strictEqual(await lab.ask(lab.neighbour, LAN.host, { port: 8080 }), NO_ANSWER);

  lab.asHost(() => ensureTable(lab.paths));

  strictEqual(await lab.run(lab.host, "nft", "list", "ruleset"), before);
  strictEqual(await lab.ask(lab.neighbour, LAN.host, { port: 8080 }), LAN.neighbour);
});

labTest("nothing is left when the last network goes", async (lab) => {
  const network = lab.addNetwork({ subnet: "10.1" });
  const before = await lab.run(lab.host, "sysctl", "net.ipv4.ip_forward");

  lab.asHost(() => {
    using host = new HostNetwork(lab.paths);
    host.removeBridge(network.id);
  });

  strictEqual(before, "net.ipv4.ip_forward = 1\n");
  strictEqual(await lab.run(lab.host, "nft", "list", "ruleset"), "");
  strictEqual(
    await lab.run(lab.host, "sysctl", "net.ipv4.ip_forward"),
    "net.ipv4.ip_forward = 0\n",
  );
});
