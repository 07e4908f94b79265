/** Networks and ports of containers that exist: `network connect`, `disconnect`, `update`, and who shares a network. */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Links } from "../mod/kernel/link.ts";
import { NETLINK, NetlinkSocket } from "../mod/kernel/netlink.ts";
import { readPortRegistry } from "../mod/network/port_registry.ts";
import { listNames, type Result, type TestEngine, testWhole } from "./harness.ts";

async function network(wherry: TestEngine, ...args: readonly string[]): Promise<Result> {
  return await wherry.run(["network", ...args]);
}

/** A command that must work and say nothing of trouble. */
async function succeed(wherry: TestEngine, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await wherry.run(args);
  strictEqual(stderr, "");
  strictEqual(code, 0);
  return stdout.trimEnd();
}

async function createNetworks(wherry: TestEngine, ...names: readonly string[]): Promise<void> {
  for (const name of names) await succeed(wherry, "network", "create", "--ipv6=false", name);
}

async function startSleeper(wherry: TestEngine, ...flags: readonly string[]): Promise<string> {
  return await wherry.start(["--name", "box", "--stop-timeout", "0", ...flags], ["sleep", "1000"]);
}

async function look(wherry: TestEngine, template: string, name = "box"): Promise<string> {
  return await succeed(wherry, "inspect", "-f", template, name);
}

const NETWORKS = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}";

async function inBox(wherry: TestEngine, script: string): Promise<string> {
  return await succeed(wherry, "exec", "box", "sh", "-c", script);
}

/** The first line of what is said on standard error. */
function complaint({ stderr }: Result): string {
  return stderr.split("\n")[0] ?? "";
}

/** `host port->container port` of all that is published over IPv4, as the record that the kernel gets has it. */
function publishedPorts({ runRoot }: TestEngine): string[] {
  const owners = readPortRegistry(`${runRoot}/network/ports`);
  return [...owners.values()].flat().filter(({ hostAddress }) => hostAddress === "0.0.0.0")
    .map(({ hostPort, containerAddress, containerPort, count }) =>
      `${hostPort}+${count}->${containerAddress}:${containerPort}`
    );
}

/** Addresses that are taken, of all networks. */
function takenAddresses({ runRoot }: TestEngine): string[] {
  const directory = `${runRoot}/network`;
  return listNames(directory).flatMap((id) => {
    const isNetwork = id.length === 64;
    return isNetwork ? listNames(`${directory}/${id}/addresses`) : [];
  }).filter((name) => !name.startsWith("."));
}

testWhole(
  "network connect gives a running container a link, an address and names",
  async (wherry) => {
    await createNetworks(wherry, "net");
    await startSleeper(wherry);
    const before = await inBox(wherry, "cat /etc/resolv.conf; ip route | grep ^default");

    const result = await network(wherry, "connect", "--alias", "other", "net", "box");

    deepStrictEqual(result, { code: 0, stdout: "", stderr: "" });
    match(await inBox(wherry, "ip -4 addr show eth1"), /inet 10\.211\.0\.2\/24/);
    strictEqual(await inBox(wherry, "cat /etc/resolv.conf; ip route | grep ^default"), before);
    strictEqual(await look(wherry, NETWORKS), "bridge net");
    const ping = ["sh", "-c", "ping -c1 -W2 other && ping -c1 -W2 box"];
    strictEqual((await wherry.runBusybox(["--network", "net"], ping)).code, 0);
    await succeed(wherry, "rm", "-f", "box");
  },
);

testWhole("network connect lets a container find those that are there", async (wherry) => {
  await createNetworks(wherry, "net");
  await startSleeper(wherry);
  await wherry.start(["--name", "peer", "--network", "net", "--stop-timeout", "0"], [
    "sleep",
    "1000",
  ]);

  await succeed(wherry, "network", "connect", "net", "box");

  match(await inBox(wherry, "ping -c1 -W2 peer"), /1 packets received/);
  await succeed(wherry, "rm", "-f", "box", "peer");
});

testWhole("network connect gives a container without networks a default route", async (wherry) => {
  await createNetworks(wherry, "net");
  await startSleeper(wherry);
  await succeed(wherry, "network", "disconnect", "bridge", "box");
  strictEqual(await inBox(wherry, "ip route"), "");

  await succeed(wherry, "network", "connect", "--ip", "10.211.0.77", "net", "box");

  match(await inBox(wherry, "ip route"), /^default via 10\.211\.0\.1 dev eth0 /);
  match(await inBox(wherry, "ip addr show eth0"), /inet 10\.211\.0\.77\/24/);
  await succeed(wherry, "rm", "-f", "box");
});

testWhole("network connect --gw-priority moves the default route", async (wherry) => {
  await createNetworks(wherry, "net");
  await startSleeper(wherry);

  await succeed(wherry, "network", "connect", "--gw-priority", "1", "net", "box");
  const moved = await inBox(wherry, "ip route");
  await succeed(wherry, "network", "disconnect", "net", "box");

  match(moved, /^default via 10\.211\.0\.1 dev eth1 /);
  match(await inBox(wherry, "ip route"), /^default via 10\.210\.0\.1 dev eth0 /);
  await succeed(wherry, "rm", "-f", "box");
});

testWhole(
  "network connect of a stopped container counts from its next start on",
  async (wherry) => {
    await createNetworks(wherry, "net");
    await succeed(wherry, "create", ...await wherry.busybox(["--name", "box"]), "sleep", "1000");

    await succeed(wherry, "network", "connect", "--ip", "10.211.0.9", "net", "box");
    await succeed(wherry, "start", "box");

    match(await inBox(wherry, "ip addr show eth1"), /inet 10\.211\.0\.9\/24/);
    await succeed(wherry, "restart", "-t", "0", "box");
    match(await inBox(wherry, "ip addr show eth1"), /inet 10\.211\.0\.9\/24/);
    await succeed(wherry, "rm", "-f", "box");
  },
);

testWhole("network connect refuses what cannot be, and changes nothing", async (wherry) => {
  await createNetworks(wherry, "net");
  const id = await startSleeper(wherry, "--network", "net", "--ip", "10.211.0.50");
  const plain = ["--stop-timeout", "0"];
  await wherry.start(["--name", "none", "--network", "none", ...plain], ["sleep", "1000"]);
  await wherry.start(["--name", "host", "--network", "host", ...plain], ["sleep", "1000"]);
  await wherry.start(["--name", "other", ...plain], ["sleep", "1000"]);
  await wherry.start(["--name", "guest", "--network", "container:box", ...plain], [
    "sleep",
    "1000",
  ]);
  const addresses = takenAddresses(wherry);
  const complaintOf = async (...args: readonly string[]): Promise<string> => {
    const result = await network(wherry, ...args);
    strictEqual(result.code, 1);
    return complaint(result);
  };

  const shared =
    "wherry: container sharing network namespace with another container or host cannot be connected to any other network";
  strictEqual(
    await complaintOf("connect", "net", "box"),
    "wherry: endpoint with name box already exists in network net",
  );
  strictEqual(await complaintOf("connect", "net", "host"), shared);
  strictEqual(await complaintOf("connect", "net", "guest"), shared);
  strictEqual(await complaintOf("connect", "host", "box"), shared);
  match(await complaintOf("connect", "net", "none"), /networks in private \(none\) mode$/);
  match(
    await complaintOf("connect", "--ip", "10.211.0.50", "net", "other"),
    /Address already in use by container "box"$/,
  );
  match(await complaintOf("connect", "--ip", "10.9.9.9", "net", "other"), /contains IP address/);
  match(await complaintOf("connect", "--link", "box", "net", "other"), /not supported$/);
  match(await complaintOf("connect", "nothing", "other"), /network nothing not found$/);
  match(await complaintOf("connect", "net", "nobody"), /No such container: nobody$/);
  strictEqual(
    await complaintOf("disconnect", "bridge", "box"),
    `wherry: container ${id} is not connected to network bridge`,
  );
  match(
    await complaintOf("disconnect", "host", "host"),
    /cannot be disconnected from host network/,
  );
  deepStrictEqual(takenAddresses(wherry), addresses);
  strictEqual(await look(wherry, NETWORKS, "other"), "bridge");
  await succeed(wherry, "rm", "-f", "guest", "box", "none", "host", "other");
});

testWhole("network connect that fails in the middle is rolled back", async (wherry) => {
  await succeed(wherry, "network", "create", "-o", "com.docker.network.bridge.name=taken", "net");
  await startSleeper(wherry, "-p", "8080:80");
  const ports = publishedPorts(wherry);
  addBridge(wherry, "taken");

  const result = await network(wherry, "connect", "net", "box");

  match(complaint(result), /the host has another link of that name$/);
  strictEqual(await look(wherry, NETWORKS), "bridge");
  strictEqual(takenAddresses(wherry).filter((address) => address.startsWith("10.211.")).length, 0);
  deepStrictEqual(publishedPorts(wherry), ports);
  strictEqual(await inBox(wherry, "ls /sys/class/net | grep -c eth1 || true"), "0");
  removeLink(wherry, "taken");
  await succeed(wherry, "network", "connect", "net", "box");
  await succeed(wherry, "rm", "-f", "box");
});

function addBridge(wherry: TestEngine, name: string): void {
  using socket = wherry.network.within(() => new NetlinkSocket(NETLINK.ROUTE));
  new Links(socket).addBridge(name);
}

function removeLink(wherry: TestEngine, name: string): void {
  using socket = wherry.network.within(() => new NetlinkSocket(NETLINK.ROUTE));
  new Links(socket).remove(name);
}

testWhole("network disconnect takes the link, the address and the names", async (wherry) => {
  await createNetworks(wherry, "net");
  await startSleeper(wherry);
  await succeed(wherry, "network", "connect", "net", "box");
  await wherry.start(["--name", "peer", "--network", "net", "--stop-timeout", "0"], [
    "sleep",
    "1000",
  ]);

  const result = await network(wherry, "disconnect", "net", "box");

  deepStrictEqual(result, { code: 0, stdout: "", stderr: "" });
  strictEqual(await inBox(wherry, "ls /sys/class/net | grep -c eth1 || true"), "0");
  strictEqual(await inBox(wherry, "grep -c -e 10.211 -e peer /etc/hosts || true"), "0");
  const peer = await succeed(wherry, "exec", "peer", "cat", "/etc/hosts");
  strictEqual(peer.includes("box"), false);
  strictEqual(await look(wherry, NETWORKS), "bridge");
  await succeed(wherry, "rm", "-f", "peer");
  await succeed(wherry, "network", "rm", "net");
  await succeed(wherry, "rm", "-f", "box");
});

testWhole("network disconnect leads ports through another network, or nowhere", async (wherry) => {
  await createNetworks(wherry, "net");
  await startSleeper(wherry, "-p", "8080:80");
  await succeed(wherry, "network", "connect", "net", "box");

  await succeed(wherry, "network", "disconnect", "bridge", "box");
  const moved = publishedPorts(wherry);
  await succeed(wherry, "network", "disconnect", "net", "box");
  const gone = publishedPorts(wherry);
  await succeed(wherry, "network", "connect", "net", "box");

  deepStrictEqual(moved, ["8080+1->10.211.0.2:80"]);
  deepStrictEqual(gone, []);
  deepStrictEqual(publishedPorts(wherry), ["8080+1->10.211.0.3:80"]);
  await succeed(wherry, "rm", "-f", "box");
});

testWhole(
  "network disconnect from everything leaves a container that can be started",
  async (wherry) => {
    await startSleeper(wherry, "-p", "8080:80");
    await succeed(wherry, "stop", "box");

    await succeed(wherry, "network", "disconnect", "bridge", "box");
    await succeed(wherry, "start", "box");

    strictEqual(await look(wherry, NETWORKS), "");
    strictEqual(await inBox(wherry, "ip route"), "");
    await succeed(wherry, "network", "connect", "bridge", "box");
    match(await inBox(wherry, "ip route"), /^default via 10\.210\.0\.1 dev eth0 /);
    await succeed(wherry, "rm", "-f", "box");
  },
);

testWhole("network disconnect -f leaves a network whose record is gone", async (wherry) => {
  await createNetworks(wherry, "net");
  await startSleeper(wherry);
  await succeed(wherry, "network", "connect", "net", "box");
  Deno.removeSync(`${wherry.root}/networks/net.json`);

  const refused = await network(wherry, "disconnect", "net", "box");
  const forced = await network(wherry, "disconnect", "-f", "net", "box");

  match(complaint(refused), /network net not found$/);
  deepStrictEqual(forced, { code: 0, stdout: "", stderr: "" });
  strictEqual(await look(wherry, NETWORKS), "bridge");
  match(
    await succeed(wherry, "system", "recover"),
    /Removed what was left of network [0-9a-f]{64}/,
  );
  await succeed(wherry, "rm", "-f", "box");
});

testWhole("events tell of endpoints that come and go", async (wherry) => {
  await createNetworks(wherry, "net");
  const id = await startSleeper(wherry);
  await succeed(wherry, "network", "connect", "net", "box");
  await succeed(wherry, "network", "disconnect", "net", "box");
  await succeed(wherry, "stop", "box");

  const events = await succeed(
    wherry,
    ...["events", "--until", "0s", "--since", "1h", "--filter", "type=network"],
    ...["--format", "{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.container}}"],
  );

  deepStrictEqual(events.split("\n").filter((line) => line.includes(id)), [
    `connect bridge ${id}`,
    `connect net ${id}`,
    `disconnect net ${id}`,
    `disconnect bridge ${id}`,
  ]);
  await succeed(wherry, "rm", "box");
});

testWhole(
  "update --publish-add and --publish-rm change ports of a running container",
  async (wherry) => {
    await startSleeper(wherry, "-p", "8080:80");

    await succeed(
      wherry,
      "update",
      "--publish-add",
      "7000-7003:90-93",
      "--publish-rm",
      "80",
      "box",
    );
    const added = publishedPorts(wherry);
    await succeed(wherry, "update", "--publish-rm", "7001:91/tcp", "box");

    deepStrictEqual(added, ["7000+4->10.210.0.2:90"]);
    deepStrictEqual(publishedPorts(wherry), ["7000+1->10.210.0.2:90", "7002+2->10.210.0.2:92"]);
    await succeed(wherry, "stop", "box");
    await succeed(wherry, "start", "box");
    deepStrictEqual(publishedPorts(wherry), ["7000+1->10.210.0.3:90", "7002+2->10.210.0.3:92"]);
    await succeed(wherry, "rm", "-f", "box");
  },
);

testWhole("update keeps host ports that were chosen", async (wherry) => {
  await startSleeper(wherry, "-p", "80");
  const [chosen] = publishedPorts(wherry);

  await succeed(wherry, "update", "--publish-add", "8081:81", "box");

  deepStrictEqual(publishedPorts(wherry), [chosen, "8081+1->10.210.0.2:81"]);
  await succeed(wherry, "rm", "-f", "box");
});

testWhole("update --publish-add refuses a port that another container has", async (wherry) => {
  await startSleeper(wherry, "-p", "8080:80");
  await wherry.start(["--name", "other", "--stop-timeout", "0"], ["sleep", "1000"]);

  const taken = await wherry.run([
    ...["update", "--publish-add", "8081:80", "--publish-add", "8080:80", "other"],
  ]);
  const missing = await wherry.run(["update", "--publish-rm", "99", "box"]);

  match(complaint(taken), /8080 failed: port is already allocated: by container "box"$/);
  match(complaint(missing), /^wherry: Cannot take back port 99\/tcp: container "box" does not/);
  deepStrictEqual(publishedPorts(wherry), ["8080+1->10.210.0.2:80"]);
  await succeed(wherry, "rm", "-f", "box", "other");
});

testWhole(
  "update changes the ports of a stopped container from its next start on",
  async (wherry) => {
    const image = await wherry.busybox(["--name", "box", "-p", "8080:80"]);
    await succeed(wherry, "create", ...image, "sleep", "1000");

    await succeed(wherry, "update", "--publish-add", "8081:81", "--publish-rm", "8080:80", "box");
    const twice = await wherry.run(["update", "--publish-add", "8081:82", "box"]);
    await succeed(wherry, "start", "box");

    match(complaint(twice), /8081 failed: port is asked for twice$/);
    deepStrictEqual(publishedPorts(wherry), ["8081+1->10.210.0.2:81"]);
    await succeed(wherry, "rm", "-f", "box");
  },
);

testWhole("containers that start at the same time have addresses of their own", async (wherry) => {
  const starts = Array.from(
    { length: 32 },
    () => wherry.start(["--stop-timeout", "0"], ["sleep", "100"]),
  );
  const ids = await Promise.all(starts);

  const addresses = await succeed(
    wherry,
    ...["inspect", "-f", "{{.NetworkSettings.IPAddress}}", ...ids],
  );

  strictEqual(new Set(addresses.split("\n")).size, 32);
  await succeed(wherry, "rm", "-f", ...ids);
  deepStrictEqual(takenAddresses(wherry), []);
});

testWhole("network rm and run at the same time end in one or the other", async (wherry) => {
  for (let round = 0; round < 4; round++) {
    await createNetworks(wherry, "net");
    const [removal, ...runs] = await Promise.all([
      network(wherry, "rm", "net"),
      wherry.runBusybox(["--network", "net"], ["true"]),
      wherry.runBusybox(["--network", "net"], ["true"]),
    ]);

    if (removal.code !== 0) match(removal.stderr, /has active endpoints/);
    for (const { code, stderr } of runs) if (code !== 0) match(stderr, /network net not found/);
    await network(wherry, "rm", "-f", "net");
    deepStrictEqual(takenAddresses(wherry), []);
  }
});

testWhole("network connect and stop at the same time end in one state", async (wherry) => {
  await createNetworks(wherry, "net");
  for (let round = 0; round < 4; round++) {
    await startSleeper(wherry);
    await Promise.all([
      succeed(wherry, "network", "connect", "net", "box"),
      succeed(wherry, "stop", "box"),
    ]);

    strictEqual(await look(wherry, `{{.State.Status}} ${NETWORKS}`), "exited bridge net");
    deepStrictEqual(takenAddresses(wherry), []);
    await succeed(wherry, "rm", "box");
  }
});

testWhole("run --network container: shares links and hosts file", async (wherry) => {
  await createNetworks(wherry, "net");
  await startSleeper(wherry, "--network", "net");
  await wherry.start(["--name", "peer", "--network", "net", "--stop-timeout", "0"], [
    "sleep",
    "1000",
  ]);

  const guest = await wherry.runBusybox(
    ["--network", "container:box"],
    [
      "sh",
      "-c",
      "ip -4 addr show eth0 | grep -c 10.211.0.2; ping -c1 -W2 peer >/dev/null && echo reached",
    ],
  );

  deepStrictEqual(guest, { code: 0, stdout: "1\nreached\n", stderr: "" });
  await succeed(wherry, "rm", "-f", "box", "peer");
});

testWhole("a container whose network another one shares can go", async (wherry) => {
  const id = await startSleeper(wherry);
  const flags = ["--name", "guest", "--network", "container:box", "--stop-timeout", "0"];
  await wherry.start(flags, ["sleep", "1000"]);

  await succeed(wherry, "stop", "box");
  const links = await succeed(wherry, "exec", "guest", "ls", "/sys/class/net");
  await succeed(wherry, "stop", "guest");
  const refused = await wherry.run(["start", "guest"]);
  await succeed(wherry, "start", "box");
  await succeed(wherry, "start", "guest");

  strictEqual(links.includes("eth0"), false);
  match(complaint(refused), new RegExp(`non running container: ${id}$`));
  match(await succeed(wherry, "exec", "guest", "ip", "addr", "show", "eth0"), /10\.210\.0\.3/);
  await succeed(wherry, "rm", "-f", "guest", "box");
});

testWhole(
  "networks of the drivers host and none are those of the host and nothing",
  async (wherry) => {
    await succeed(wherry, "network", "create", "-d", "host", "outside");
    await succeed(wherry, "network", "create", "-d", "none", "nowhere");
    addBridge(wherry, "seen");

    const outside = await wherry.runBusybox(["--network", "outside"], ["ls", "/sys/class/net"]);
    const nowhere = await wherry.runBusybox(["--network", "nowhere"], ["ls", "/sys/class/net"]);

    match(outside.stdout, /seen/);
    strictEqual(nowhere.stdout, "lo\n");
    removeLink(wherry, "seen");
  },
);

testWhole("a start that fails in the middle leaves nothing and says why", async (wherry) => {
  const bridge = "com.docker.network.bridge.name=taken";
  await succeed(wherry, "network", "create", "-o", bridge, "net");
  await succeed(wherry, "network", "create", "-o", "com.docker.network.driver.mtu=1400", "small");
  // What nobody can ask for, the kernel refuses: too little for IPv4
  const record = `${wherry.root}/networks/small.json`;
  Deno.writeTextFileSync(record, Deno.readTextFileSync(record).replace('"1400"', '"67"'));
  addBridge(wherry, "taken");
  const complaintOf = async (flags: readonly string[], ...argv: string[]): Promise<string> =>
    complaint(await wherry.runBusybox(flags, argv));
  const everywhere = ["--network", "bridge", "--network", "net"];

  match(await complaintOf(everywhere, "true"), /^wherry: Cannot make bridge "taken"/);
  match(
    await complaintOf(["--network", "small"], "true"),
    /^wherry: Cannot set up the network of container "\w+": Cannot (?:make bridge|add address)/,
  );
  match(await complaintOf(["-p", "80:80", "-p", "80:81"], "true"), /asked for twice$/);
  match(await complaintOf(["-p", "80:80"], "/nothing"), /^wherry: Cannot execute "\/nothing"/);
  deepStrictEqual(takenAddresses(wherry), []);
  deepStrictEqual(publishedPorts(wherry), []);
  deepStrictEqual(wherry.network.listLinks().toSorted(), ["taken", "wherry0"]);
  removeLink(wherry, "taken");
});
