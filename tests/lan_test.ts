/** Containers on the LAN of the host: macvlan, static addresses and DHCP. */

import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import { Links } from "../mod/kernel/link.ts";
import { NETLINK, NetlinkSocket } from "../mod/kernel/netlink.ts";
import type { DhcpOptions } from "../mod/network/dhcp_message.ts";
import { eventually, killUnlessGone, pause, type TestEngine, testWhole } from "./harness.ts";
import { type Answering, type DhcpAnswer, Lan, PARENT, ROUTER, SUBNET } from "./lan.ts";

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

const NETWORK_NAMES = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}";
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

testWhole("network connect has an address leased for a container that runs", async (wherry) => {
  await using lan = new Lan(wherry.network);
  await lan.startDnsmasq("--domain=home.example");
  await makeDhcpNetwork(wherry);
  const id = await wherry.start(["--name", "box", "--stop-timeout", "0"], ["sleep", "1000"]);
  const files = ["exec", "box", "cat", "/etc/hosts", "/etc/resolv.conf"];
  const before = await ok(wherry, ...files);

  await ok(wherry, "network", "connect", "--gw-priority", "1", "lan", "box");
  const [[, mac, leased = ""] = []] = lan.readLeases();
  const inside = await ok(wherry, "exec", "box", "ip", "addr", "show", "eth1");
  const routes = await ok(wherry, "exec", "box", "ip", "route");
  const known = await ok(wherry, ...files);
  const ping = await wherry.run(["exec", "box", "ping", "-c", "1", "-w", "2", ROUTER]);
  const again = await wherry.run(["network", "connect", "lan", "box"]);
  await ok(wherry, "network", "disconnect", "lan", "box");

  match(inside, new RegExp(`${mac}.*\n.*inet ${leased}/24 `));
  match(routes, new RegExp(`^default via ${ROUTER} dev eth1`));
  match(known, new RegExp(`^${leased}\tbox ${id.slice(0, 12)}`, "m"));
  match(known, /^search home\.example$/m);
  strictEqual(ping.code, 0);
  match(again.stderr, /endpoint with name box already exists in network lan/);
  deepStrictEqual(lan.readLeases(), []);
  strictEqual(await ok(wherry, ...files), before);
  match(await ok(wherry, "exec", "box", "ip", "route"), /^default via 10\.210\.0\.1 dev eth0/);
  await ok(wherry, "rm", "-f", "box");
});

testWhole("the monitor renews a lease that network connect has got", async (wherry) => {
  await using lan = new Lan(wherry.network);
  let renewals = 0;
  lan.startLying((message) => {
    if (message.clientAddress !== "0.0.0.0") renewals++;
    return serve("192.168.77.60")(message);
  });
  await makeDhcpNetwork(wherry);
  await wherry.start(["--name", "box", "--stop-timeout", "0"], ["sleep", "1000"]);

  await ok(wherry, "network", "connect", "lan", "box");

  await eventually(() => renewals >= 2);
  await ok(wherry, "rm", "-f", "box");
});

/** Sends a signal to a command once a DHCP server has been asked. @returns How it ends, and how long that takes. */
async function interrupt(
  wherry: TestEngine,
  lan: Lan,
  args: readonly string[],
): Promise<{ code: number; stderr: string; tookMs: number }> {
  const asked = Promise.withResolvers<void>();
  lan.startLying(() => {
    asked.resolve();
    return [];
  });
  const child = wherry.spawn(args);
  await asked.promise;
  const sentAt = performance.now();
  child.kill("SIGINT");
  const { code, stderr } = await child.output();
  return {
    code,
    stderr: new TextDecoder().decode(stderr),
    tookMs: performance.now() - sentAt,
  };
}

/** Far less than the 18 seconds that a server is waited for, also on a slow machine. */
const SOON_MS = 8_000;

testWhole(
  "an interrupted run does not wait for a DHCP server, and leaves nothing",
  async (wherry) => {
    await using lan = new Lan(wherry.network);
    await makeDhcpNetwork(wherry);
    const box = await wherry.busybox(["--rm", "--network", "lan"]);

    const attached = await interrupt(wherry, lan, ["run", ...box, "true"]);
    await lan.stopServers();
    const detached = await interrupt(wherry, lan, ["run", "-d", ...box, "true"]);

    for (const { code, stderr, tookMs } of [attached, detached]) {
      strictEqual(
        stderr,
        'wherry: Cannot get an address of network "lan": interrupted by SIGINT\n',
      );
      strictEqual(code, 130);
      strictEqual(tookMs < SOON_MS, true, `${tookMs} ms`);
    }
    strictEqual(await ok(wherry, "ps", "-aq"), "");
  },
);

testWhole("ctrl-C on a terminal ends the wait for a DHCP server", async (wherry) => {
  await using lan = new Lan(wherry.network);
  await makeDhcpNetwork(wherry);
  const asked = Promise.withResolvers<void>();
  lan.startLying(() => {
    asked.resolve();
    return [];
  });
  const box = await wherry.busybox(["--rm", "-it", "--network", "lan"]);
  await using terminal = wherry.openTerminal(["run", ...box, "true"]);
  await asked.promise;

  terminal.type("\x03");

  await terminal.waitFor("interrupted by SIGINT");
  strictEqual(await terminal.finish(), 130);
});

testWhole("an interrupted network connect leaves the container as it was", async (wherry) => {
  await using lan = new Lan(wherry.network);
  await makeDhcpNetwork(wherry);
  const id = await wherry.start(["--stop-timeout", "0"], ["sleep", "1000"]);
  const look = ["exec", id, "sh", "-c", "ls /sys/class/net; cat /etc/hosts; ip route"];
  const before = await ok(wherry, ...look);

  const { code, stderr, tookMs } = await interrupt(wherry, lan, ["network", "connect", "lan", id]);

  match(stderr, /interrupted by SIGINT/);
  strictEqual(code, 130);
  strictEqual(tookMs < SOON_MS, true, `${tookMs} ms`);
  strictEqual(await ok(wherry, ...look), before);
  strictEqual(await inspect(wherry, NETWORK_NAMES, id), "bridge");
  await ok(wherry, "rm", "-f", id);
});

testWhole(
  "network connect fails when the container ends while the server is asked",
  async (wherry) => {
    await using lan = new Lan(wherry.network);
    await makeDhcpNetwork(wherry);
    await wherry.start(["--name", "box", "--stop-timeout", "0"], ["sleep", "1000"]);
    let stop: Promise<string> | undefined;
    let hasStopped = false;
    lan.startLying((message) => {
      stop ??= ok(wherry, "stop", "box").finally(() => hasStopped = true);
      return hasStopped ? serve("192.168.77.60")(message) : [];
    });

    const { code, stderr } = await wherry.run(["network", "connect", "lan", "box"]);
    await stop;

    strictEqual(
      stderr,
      'wherry: Cannot connect container "box" to network "lan": ' +
        "it has ended, or was disconnected, while the DHCP server was asked\n",
    );
    strictEqual(code, 1);
    strictEqual(await inspect(wherry, NETWORK_NAMES, "box"), "bridge");
    await ok(wherry, "rm", "box");
  },
);

/** Seconds of the leases that a lying server gives: T1, T2, end. */
const SHORT = { renewalSeconds: 2, rebindingSeconds: 40, leaseSeconds: 60 };

/** A server's answer with all that makes a lease. */
function grant(
  type: "offer" | "ack",
  yourAddress: string,
  options: Partial<DhcpOptions> = {},
): DhcpAnswer {
  return {
    yourAddress,
    options: { type, serverId: ROUTER, prefixLength: 24, routers: [ROUTER], ...SHORT, ...options },
  };
}

/** An honest server with one address. */
function serve(address: string, options: Partial<DhcpOptions> = {}): Answering {
  return ({ options: { type } }) => {
    if (type === "discover") return [grant("offer", address, options)];
    return type === "request" ? [grant("ack", address, options)] : [];
  };
}

async function addressInside(wherry: TestEngine, id: string): Promise<string> {
  const text = await ok(wherry, "exec", id, "ip", "-4", "-o", "addr", "show", "eth0");
  return /inet (\S+)/.exec(text)?.[1] ?? "";
}

/** Asks again and again, for at least ten seconds. */
async function becomes(expected: string, ask: () => Promise<string>): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    if (await ask() === expected) return;
    await pause(200);
  }
  strictEqual(await ask(), expected);
}

testWhole(
  "the monitor has a lease renewed by its server, and its name servers kept up to date",
  async (wherry) => {
    await using lan = new Lan(wherry.network);
    const renewals: string[] = [];
    lan.startLying((message) => {
      const { options: { type, requestedAddress }, clientAddress } = message;
      const isRenewal = type === "request" && requestedAddress === undefined;
      if (isRenewal) renewals.push(clientAddress);
      return serve("192.168.77.60", { nameServers: [isRenewal ? "192.0.2.7" : "192.0.2.6"] })(
        message,
      );
    });
    await makeDhcpNetwork(wherry);
    const id = await wherry.start(["--network", "lan"], ["sleep", "1000"]);

    await eventually(() => renewals.length >= 3);
    const address = await addressInside(wherry, id);
    const resolver = await ok(wherry, "exec", id, "cat", "/etc/resolv.conf");
    await ok(wherry, "rm", "-f", id);

    deepStrictEqual(new Set(renewals), new Set(["192.168.77.60"]));
    strictEqual(address, "192.168.77.60/24");
    match(resolver, /^nameserver 192\.0\.2\.7$/m);
  },
);

testWhole("a refused renewal takes the address away and gets another one", async (wherry) => {
  await using lan = new Lan(wherry.network);
  let isRefusing = false;
  lan.startLying((message) => {
    if (!isRefusing) return serve("192.168.77.60")(message);
    const { options: { type }, clientAddress } = message;
    const isRenewal = type === "request" && clientAddress !== "0.0.0.0";
    return isRenewal
      ? [{ options: { type: "nak", serverId: ROUTER } }]
      : serve("192.168.77.61", { leaseSeconds: 1000, renewalSeconds: 500 })(message);
  });
  await makeDhcpNetwork(wherry);
  const id = await wherry.start(["--network", "lan", "--hostname", "boat"], ["sleep", "1000"]);
  const before = await addressInside(wherry, id);
  isRefusing = true;

  await becomes("192.168.77.61/24", () => addressInside(wherry, id));
  const hosts = await ok(wherry, "exec", id, "cat", "/etc/hosts");
  const routes = await ok(wherry, "exec", id, "ip", "route");
  const shown = await inspect(wherry, ADDRESS, id);
  await ok(wherry, "rm", "-f", id);

  strictEqual(before, "192.168.77.60/24");
  match(hosts, /^192\.168\.77\.61\tboat$/m);
  strictEqual(hosts.includes("192.168.77.60"), false);
  match(routes, new RegExp(`^default via ${ROUTER} dev eth0`));
  strictEqual(shown, "192.168.77.61");
});

testWhole(
  "a lease that nobody renews is asked for by broadcast, and ends in time",
  async (wherry) => {
    await using lan = new Lan(wherry.network);
    let isSilent = false;
    const heard: string[] = [];
    lan.startLying((message) => {
      const times = { rebindingSeconds: 3, leaseSeconds: 5 };
      if (!isSilent) return serve("192.168.77.60", times)(message);
      heard.push(`${message.options.type} ${message.clientAddress}`);
      return [];
    });
    await makeDhcpNetwork(wherry);
    const id = await wherry.start(["--network", "lan"], ["sleep", "1000"]);
    isSilent = true;

    await becomes("", () => addressInside(wherry, id));
    await ok(wherry, "rm", "-f", id);

    deepStrictEqual([...new Set(heard)].slice(0, 2), ["request 192.168.77.60", "discover 0.0.0.0"]);
  },
);

testWhole("run says what was received when no server gives an address", async (wherry) => {
  await using lan = new Lan(wherry.network);
  lan.startLying(({ options: { type } }) =>
    type === "discover" ? [grant("offer", "192.168.77.60", { leaseSeconds: 0 })] : []
  );
  await makeDhcpNetwork(wherry);

  const { code, stderr } = await wherry.runBusybox(["--network", "lan"], ["true"]);

  strictEqual(code, 125);
  match(
    stderr,
    /^wherry: Cannot get an address of network "lan" on "lan0": no DHCP server has given one in 18 seconds; received: \d times an offer of 192\.168\.77\.1 with no time for which it is given\n/,
  );
});

testWhole(
  "containers of one parent have their own addresses and reach each other",
  async (wherry) => {
    await using lan = new Lan(wherry.network);
    await lan.startDnsmasq();
    await makeDhcpNetwork(wherry);
    const ids = [
      await wherry.start(["--network", "lan", "--name", "one"], ["sleep", "1000"]),
      await wherry.start(["--network", "lan", "--name", "two"], ["sleep", "1000"]),
    ];
    const ping = await wherry.run(["exec", "one", "ping", "-c", "1", "-w", "2", "two"]);
    const leases = lan.readLeases().map(([, , address]) => address);
    for (const id of ids) await ok(wherry, "rm", "-f", id);

    strictEqual(ping.code, 0);
    strictEqual(new Set(leases).size, 2);
    deepStrictEqual(lan.readLeases(), []);
  },
);

testWhole("the address of a container that lost its monitor is given back", async (wherry) => {
  await using lan = new Lan(wherry.network);
  await lan.startDnsmasq();
  await makeDhcpNetwork(wherry);
  const id = await wherry.start(["--network", "lan"], ["sleep", "1000"]);
  killUnlessGone(wherry.readStateRecord(id).monitorPid);

  await ok(wherry, "rm", "-f", id);

  await eventually(() => lan.readLeases().length === 0);
});

testWhole("a parent that cannot be used is named when a container starts", async (wherry) => {
  const lan = new Lan(wherry.network);
  using socket = wherry.network.within(() => new NetlinkSocket(NETLINK.ROUTE));
  const host = new Links(socket);
  const create = ["network", "create", "-d", "macvlan", "--subnet", SUBNET];
  await ok(wherry, ...create, "-o", `parent=${PARENT}`, "lan");
  await ok(
    wherry,
    ...create.toSpliced(-1, 1, "10.0.0.0/24"),
    "-o",
    `parent=${PARENT}`,
    "-o",
    "mtu=9000",
    "big",
  );
  const start = async (name: string): Promise<string> => {
    const { code, stderr } = await wherry.runBusybox(["--network", name], ["true"]);
    strictEqual(code, 125);
    return stderr.split("\n")[0] ?? "";
  };

  host.setDown(PARENT);
  const whenDown = await start("lan");
  host.setUp(PARENT);
  const whenSmall = await start("big");
  await lan[Symbol.asyncDispose]();
  const whenGone = await start("lan");

  const cannot = (name: string): string =>
    `wherry: Cannot use the parent "${PARENT}" of network "${name}":`;
  strictEqual(whenDown, `${cannot("lan")} it is switched off`);
  strictEqual(
    whenSmall,
    `${cannot("big")} its largest packets have 1500 bytes, and the network's 9000`,
  );
  strictEqual(whenGone, `${cannot("lan")} no such link`);
});

testWhole("a VLAN can only be a parent if there is one of its number", async (wherry) => {
  await using _lan = new Lan(wherry.network);
  const create = async (parent: string): Promise<string> =>
    (await wherry.run([
      ...["network", "create", "-d", "macvlan", "--subnet", SUBNET, "-o", `parent=${parent}`],
      "lan",
    ])).stderr.split("\n")[0] ?? "";

  strictEqual(
    await create(`${PARENT}.4095`),
    "wherry: vlan id must be between 1-4094, received: 4095",
  );
  strictEqual(
    await create("lo.10"),
    "wherry: -o parent interface was not found on the host: lo.10",
  );
  strictEqual(await create(`${PARENT}.4094`), "");
});

testWhole("run says what is missing with --net dhcp and --net static", async (wherry) => {
  await using _lan = new Lan(wherry.network);
  const fixed = ["--net", "static", "--parent", PARENT];
  const cases: [flags: string[], complaint: RegExp][] = [
    [["--net", "dhcp"], /missing parent device name/],
    [["--net", "static", "--ip", "10.0.0.2/24", "--gateway", "10.0.0.1"], /missing parent device/],
    [["--parent", PARENT], /net option must be dhcp or static/],
    [[...fixed, "--gateway", ROUTER], /Static network must specify IP/],
    [[...fixed, "--ip", "10.0.0.2/24"], /missing Gateway/],
    [[...fixed, "--ip", "10.0.0.2", "--gateway", "10.0.0.1"], /ADDRESS\/PREFIX_LENGTH/],
    [[...fixed, "--ip", "10.0.0.2/24", "--gateway", "10.0.9.1"], /doesn't contain this address/],
    [["--net", "dhcp", "--parent", "eth9"], /not found on the host: eth9/],
    [["--net", "dhcp", "--parent", PARENT, "--gateway", ROUTER], /conflicting options: --gateway/],
    [["--net", "dhcp", "--parent", PARENT, "--ip", "10.0.0.2"], /conflicting options: --ip/],
  ];
  for (const [flags, complaint] of cases) {
    const { code, stderr } = await wherry.runBusybox(flags, ["true"]);
    match(stderr, complaint);
    strictEqual(code, 125, flags.join(" "));
  }
});

testWhole(
  "a container keeps its hardware address on a macvlan, with a mode and an MTU",
  async (wherry) => {
    await using _lan = new Lan(wherry.network);
    const show = ["cat", "/sys/class/net/eth0/address", "/sys/class/net/eth0/mtu"];
    await ok(
      wherry,
      ...["network", "create", "-d", "macvlan", "--subnet", SUBNET, "--gateway", ROUTER],
      ...["-o", `parent=${PARENT}`, "-o", "macvlan_mode=private", "-o", "mtu=1400", "lan"],
    );
    const id = await wherry.start(["--network", "lan", "--ip", "192.168.77.9"], ["sleep", "1000"]);
    const before = await ok(wherry, "exec", id, ...show);
    const details = await ok(wherry, "exec", id, "ip", "-4", "-o", "addr", "show", "eth0");

    await ok(wherry, "restart", "-t", "0", id);
    await ok(wherry, "stop", "-t", "0", id);
    await ok(wherry, "start", id);
    const after = await ok(wherry, "exec", id, ...show);
    await ok(wherry, "rm", "-f", id);

    strictEqual(after, before);
    match(before, /^02(:[0-9a-f]{2}){5}\n1400$/);
    match(details, /inet 192\.168\.77\.9\/24/);
  },
);

testWhole("system recover undoes a connection whose command was killed", async (wherry) => {
  await using lan = new Lan(wherry.network);
  await makeDhcpNetwork(wherry);
  const id = await wherry.start(["--stop-timeout", "0"], ["sleep", "1000"]);
  const links = ["exec", id, "ls", "/sys/class/net"];
  const before = await ok(wherry, ...links);
  const asked = Promise.withResolvers<void>();
  lan.startLying(() => {
    asked.resolve();
    return [];
  });
  const child = wherry.spawn(["network", "connect", "lan", id]);
  await asked.promise;

  const whileAlive = await ok(wherry, "system", "recover");
  child.kill("SIGKILL");
  await child.output();
  const left = await ok(wherry, ...links);
  const recovered = await ok(wherry, "system", "recover");

  strictEqual(whileAlive.includes("connection"), false);
  notStrictEqual(left, before);
  match(recovered, new RegExp(`^Undid a connection of container ${id}, which nobody`, "m"));
  strictEqual(await ok(wherry, ...links), before);
  await ok(wherry, "rm", "-f", id);
});

testWhole("two containers on one parent cannot have one hardware address", async (wherry) => {
  await using _lan = new Lan(wherry.network);
  await ok(
    wherry,
    ...["network", "create", "-d", "macvlan", "--subnet", SUBNET, "-o", `parent=${PARENT}`, "lan"],
  );
  const flags = ["--network", "lan", "--mac-address", "02:00:00:00:00:07"];
  const id = await wherry.start(flags, ["sleep", "1000"]);

  const { code, stderr } = await wherry.runBusybox(flags, ["true"]);
  await ok(wherry, "rm", "-f", id);
  const again = await wherry.runBusybox(flags, ["cat", "/sys/class/net/eth0/address"]);

  strictEqual(code, 125);
  match(
    stderr,
    /^wherry: Cannot use the hardware address "02:00:00:00:00:07" on network "lan": it is taken\n/,
  );
  strictEqual(again.stdout, "02:00:00:00:00:07\n");
});

testWhole("the LAN learns at once that an address has another owner", async (wherry) => {
  await using lan = new Lan(wherry.network);
  await ok(
    wherry,
    ...["network", "create", "-d", "macvlan", "--subnet", SUBNET, "-o", `parent=${PARENT}`, "lan"],
  );
  const flags = ["--rm", "--network", "lan", "--ip", "192.168.77.20"];
  const mac = ["--mac-address", "02:00:00:00:00:07"];
  await wherry.runBusybox([...flags, ...mac], ["ping", "-c", "1", "-w", "2", ROUTER]);
  const before = lan.readNeighbour("192.168.77.20");

  const { stdout } = await wherry.runBusybox(flags, ["cat", "/sys/class/net/eth0/address"]);

  strictEqual(before, "02:00:00:00:00:07");
  strictEqual(lan.readNeighbour("192.168.77.20"), stdout.trim());
});

testWhole(
  "an address or a hardware address that a network does not give is refused",
  async (wherry) => {
    await using _lan = new Lan(wherry.network);
    await makeDhcpNetwork(wherry);
    await ok(
      wherry,
      ...[
        "network",
        "create",
        "-d",
        "ipvlan",
        "--subnet",
        SUBNET,
        "-o",
        `parent=${PARENT}`,
        "shared",
      ],
    );

    const address = await wherry.runBusybox(["--network", "lan:ip=192.168.77.9"], ["true"]);
    const hardware = await wherry.runBusybox(
      ["--network", "shared", "--mac-address", "02:00:00:00:00:07"],
      ["true"],
    );
    const unreachable = await wherry.run([
      ...["network", "create", "-d", "ipvlan", "--ipam-driver", "dhcp", "-o", `parent=${PARENT}`],
      ...["-o", "ipvlan_mode=l3", "routed"],
    ]);

    match(
      address.stderr,
      /Cannot use address "192\.168\.77\.9" of network "lan": its DHCP server chooses/,
    );
    match(hardware.stderr, /on network "shared": those on an ipvlan have that of its parent/);
    match(unreachable.stderr, /with ipvlan_mode l3 no DHCP server is reached/);
  },
);
