/** Containers on the LAN of the host: macvlan and ipvlan, static addresses and DHCP. */

import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import { type TestEngine, testWhole } from "./harness.ts";
import { Lan, PARENT, ROUTER, SUBNET } from "./lan.ts";

/** Runs a command that must succeed. */
async function ok(wherry: TestEngine, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await wherry.run(args);
  strictEqual(stderr, "");
  strictEqual(code, 0);
  return stdout.trim();
}

async function makeDhcpNetwork(wherry: TestEngine, ...options: readonly string[]): Promise<void> {
  await ok(
    wherry,
    ...["network", "create", "-d", "macvlan", "--ipam-driver", "dhcp", "-o", `parent=${PARENT}`],
    ...options,
    "lan",
  );
}

/** What a template shows of a container. */
async function inspect(wherry: TestEngine, template: string, id: string): Promise<string> {
  return await ok(wherry, "inspect", "-f", template, id);
}

const ADDRESS = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";

testWhole("a container gets what dnsmasq leases", async (wherry) => {
  await using lan = new Lan(wherry.network);
  await lan.startDnsmasq(
    ...["--domain=home.example", "--dhcp-option=option:domain-search,a.example,b.example"],
  );
  await makeDhcpNetwork(wherry);
  const id = await wherry.start(["--network", "lan", "--hostname", "boat"], ["sleep", "1000"]);

  const address = await inspect(wherry, ADDRESS, id);
  const links = await ok(wherry, "exec", id, "ip", "-4", "addr", "show", "eth0");
  const routes = await ok(wherry, "exec", id, "ip", "route");
  const resolver = await ok(wherry, "exec", id, "cat", "/etc/resolv.conf");
  const ping = await wherry.run(["exec", id, "ping", "-c", "1", "-w", "2", ROUTER]);
  const [[, mac, leased, name] = []] = lan.readLeases();
  const actualMac = await ok(wherry, "exec", id, "cat", "/sys/class/net/eth0/address");
  await ok(wherry, "rm", "-f", id);

  strictEqual(leased, address);
  strictEqual(name, "boat");
  strictEqual(mac, actualMac);
  match(links, new RegExp(`inet ${address}/24 `));
  match(routes, new RegExp(`^default via ${ROUTER} dev eth0`));
  match(resolver, new RegExp(`^nameserver ${ROUTER}\\nsearch a.example b.example home.example`));
  strictEqual(ping.code, 0);
});

testWhole("stop gives a leased address back, and start gets the same again", async (wherry) => {
  await using lan = new Lan(wherry.network);
  await lan.startDnsmasq();
  await makeDhcpNetwork(wherry);
  const id = await wherry.start(["--network", "lan"], ["sleep", "1000"]);
  const first = await inspect(wherry, ADDRESS, id);

  await ok(wherry, "stop", "-t", "0", id);
  const leases = lan.readLeases();
  await ok(wherry, "start", id);
  const second = await inspect(wherry, ADDRESS, id);
  await ok(wherry, "rm", "-f", id);

  deepStrictEqual(leases, []);
  notStrictEqual(first, "");
  strictEqual(second, first);
  deepStrictEqual(lan.readLeases(), []);
});

testWhole("run --net dhcp and --net static make a network of the parent", async (wherry) => {
  await using lan = new Lan(wherry.network);
  await lan.startDnsmasq();

  const leased = await wherry.runBusybox(
    ["--net", "dhcp", "--parent", PARENT],
    ["ip", "-4", "-o", "addr", "show", "eth0"],
  );
  const fixed = await wherry.runBusybox(
    ["--net", "static", "--parent", PARENT, "--ip", "192.168.77.20/24", "--gateway", ROUTER],
    ["ping", "-c", "1", "-w", "2", ROUTER],
  );
  const again = await wherry.runBusybox(
    ["--net", "static", "--parent", PARENT, "--ip", "192.168.77.21/24", "--gateway", ROUTER],
    ["ip", "-4", "-o", "addr", "show", "eth0"],
  );
  const networks = await ok(
    wherry,
    "network",
    "ls",
    "-f",
    "driver=macvlan",
    "--format",
    "{{.Name}}",
  );

  strictEqual(leased.stderr, "");
  match(leased.stdout, /inet 192\.168\.77\.[5-9]\d\/24/);
  strictEqual(fixed.stderr, "");
  strictEqual(fixed.code, 0);
  match(again.stdout, /inet 192\.168\.77\.21\/24/);
  deepStrictEqual(networks.split("\n").toSorted(), [`dhcp-${PARENT}`, `static-${PARENT}`]);
});
