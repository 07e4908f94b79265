/**
 * Containers on the LAN of the host by links that not every kernel has: ipvlan, and parents that are VLANs.
 *
 * Where the kernel has neither, they can be run in a virtual machine whose kernel does.
 */

import { match, notStrictEqual, strictEqual } from "node:assert/strict";
import { NETLINK, NetlinkSocket } from "../mod/kernel/netlink.ts";
import { Links } from "../mod/kernel/link.ts";
import { type TestEngine, testWhole } from "./harness.ts";
import { Lan, PARENT } from "./lan.ts";
import { needs } from "./needs.ts";

const QUICK = ["--stop-timeout", "0"];
const VLAN = `${PARENT}.10`;

/** Runs a command that must succeed. */
async function ok(wherry: TestEngine, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await wherry.run(args);
  strictEqual(stderr, "");
  strictEqual(code, 0);
  return stdout.trim();
}

/** Makes a network with two containers, which must reach each other by name. */
async function startPair(wherry: TestEngine, ...options: readonly string[]): Promise<void> {
  await ok(wherry, "network", "create", "--subnet", "10.9.0.0/24", ...options, "lan");
  for (const name of ["one", "two"]) {
    await wherry.start(["--name", name, "--network", "lan", ...QUICK], ["sleep", "1000"]);
  }
  for (const [from, to] of [["one", "two"], ["two", "one"]] as const) {
    match(await ok(wherry, "exec", from, "ping", "-c", "1", "-w", "10", to), /1 packets received/);
  }
}

async function removePair(wherry: TestEngine): Promise<void> {
  await ok(wherry, "rm", "-f", "one", "two");
  await ok(wherry, "network", "rm", "lan");
}

async function macAddressOf(wherry: TestEngine, container: string): Promise<string> {
  return await ok(wherry, "exec", container, "cat", "/sys/class/net/eth0/address");
}

/** Registers a test if the kernel can do that at all: nothing that is installed would help. */
function testOnKernel(
  need: "ipvlan" | "vlan",
  name: string,
  body: (wherry: TestEngine) => Promise<void>,
): void {
  if (needs("root", need)) testWhole(name, body);
  else console.log(`left out, because this kernel has no ${need}: ${name}`);
}

for (const mode of ["l2", "l3", "l3s"]) {
  testOnKernel(
    "ipvlan",
    `containers on an ipvlan in mode ${mode} reach each other, with the parent's hardware address`,
    async (wherry) => {
      await using _lan = new Lan(wherry.network);
      using socket = wherry.network.within(() => new NetlinkSocket(NETLINK.ROUTE));
      const parent = new Links(socket).get(PARENT).macAddress;

      await startPair(
        wherry,
        "-d",
        "ipvlan",
        "-o",
        `parent=${PARENT}`,
        "-o",
        `ipvlan_mode=${mode}`,
      );

      strictEqual(await macAddressOf(wherry, "one"), parent);
      strictEqual(await macAddressOf(wherry, "two"), parent);
      await removePair(wherry);
    },
  );
}

testOnKernel("ipvlan", "an ipvlan gets its own address from a DHCP server", async (wherry) => {
  await using lan = new Lan(wherry.network);
  await lan.startDnsmasq();
  await ok(
    wherry,
    ...["network", "create", "-d", "ipvlan", "--ipam-driver", "dhcp", "-o", `parent=${PARENT}`],
    "lan",
  );
  for (const name of ["one", "two"]) {
    await wherry.start(["--name", name, "--network", "lan", ...QUICK], ["sleep", "1000"]);
  }

  const [one = [], two = []] = lan.readLeases();
  await removePair(wherry);

  strictEqual(one[1], two[1]);
  notStrictEqual(one[2], two[2]);
});

testOnKernel("ipvlan", "an ipvlan is refused where the parent carries macvlans", async (wherry) => {
  await using _lan = new Lan(wherry.network);
  await startPair(wherry, "-d", "macvlan", "-o", `parent=${PARENT}`);
  await ok(
    wherry,
    ...["network", "create", "-d", "ipvlan", "-o", `parent=${PARENT}`],
    ...["--subnet", "10.8.0.0/24", "other"],
  );

  const { code, stderr } = await wherry.runBusybox(["--network", "other"], ["true"]);
  await removePair(wherry);

  strictEqual(code, 125);
  match(
    stderr,
    /^wherry: Cannot use the parent "lan0" of network "other": it carries links that no ipvlan goes with\n/,
  );
});

testOnKernel(
  "vlan",
  "a VLAN that is named as the parent is made, and goes with its networks",
  async (wherry) => {
    await using _lan = new Lan(wherry.network);
    await startPair(wherry, "-d", "macvlan", "-o", `parent=${VLAN}`);
    await ok(
      wherry,
      ...["network", "create", "-d", "macvlan", "-o", `parent=${VLAN}`],
      ...["--subnet", "10.8.0.0/24", "other"],
    );

    const shown = await wherry.runHost("ip", "-d", "link", "show", VLAN);
    await removePair(wherry);
    const whileShared = wherry.network.listLinks().includes(VLAN);
    await ok(wherry, "network", "rm", "other");

    match(shown, /vlan protocol 802\.1Q id 10 /);
    strictEqual(whileShared, true);
    strictEqual(wherry.network.listLinks().includes(VLAN), false);
  },
);

testOnKernel("vlan", "a VLAN that somebody else has made stays", async (wherry) => {
  await using _lan = new Lan(wherry.network);
  using socket = wherry.network.within(() => new NetlinkSocket(NETLINK.ROUTE));
  const links = new Links(socket);
  links.addVlan({ name: VLAN, parentIndex: links.get(PARENT).index, id: 10, alias: "" });

  await startPair(wherry, "-d", "macvlan", "-o", `parent=${VLAN}`);
  await removePair(wherry);

  strictEqual(links.remove(VLAN), true);
});

testOnKernel(
  "vlan",
  "a VLAN that cannot be made is told of when the container starts",
  async (wherry) => {
    await using _lan = new Lan(wherry.network);
    using socket = wherry.network.within(() => new NetlinkSocket(NETLINK.ROUTE));
    const links = new Links(socket);
    const start = async (): Promise<string> => {
      const { code, stderr } = await wherry.runBusybox(["--network", "lan"], ["true"]);
      strictEqual(code, 125);
      return stderr.split("\n")[0] ?? "";
    };
    await ok(
      wherry,
      ...["network", "create", "-d", "macvlan", "-o", `parent=${VLAN}`],
      ...["--subnet", "10.9.0.0/24", "lan"],
    );

    links.setDown(PARENT);
    const whenDown = await start();
    links.setUp(PARENT);
    links.addVlan({ name: "other", parentIndex: links.get(PARENT).index, id: 10, alias: "" });
    const whenTaken = await start();
    links.remove("other");

    strictEqual(whenDown, `wherry: Cannot make the link "${VLAN}": "${PARENT}" is switched off`);
    strictEqual(
      whenTaken,
      `wherry: Cannot make the link "${VLAN}": "${PARENT}" has VLAN 10 under another name`,
    );
  },
);
