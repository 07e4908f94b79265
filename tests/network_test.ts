/** `wherry network`: making, listing, describing and removing networks. */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { addAddress } from "../mod/kernel/address.ts";
import { Links } from "../mod/kernel/link.ts";
import { NETLINK, NetlinkSocket } from "../mod/kernel/netlink.ts";
import { addRoute } from "../mod/kernel/route.ts";
import { type Result, type TestEngine, testWhole } from "./harness.ts";

async function network(wherry: TestEngine, ...args: readonly string[]): Promise<Result> {
  return await wherry.run(["network", ...args]);
}

/** What a template shows of a network. */
async function look(wherry: TestEngine, name: string, template: string): Promise<string> {
  const { stdout, stderr } = await network(wherry, "inspect", "-f", template, name);
  strictEqual(stderr, "");
  return stdout.trimEnd();
}

/** The first line of what is said on standard error. */
function complaint({ stderr }: Result): string {
  return stderr.split("\n")[0] ?? "";
}

testWhole("network ls shows the three networks that always exist", async (wherry) => {
  const { code, stdout } = await network(wherry, "ls");

  strictEqual(code, 0);
  match(
    stdout,
    /^NETWORK ID {5}NAME {6}DRIVER {4}SCOPE\n[0-9a-f]{12} {3}bridge {4}bridge {4}local\n[0-9a-f]{12} {3}host {6}host {6}local\n[0-9a-f]{12} {3}none {6}null {6}local\n$/,
  );
});

testWhole("network create prints the id that network ls shows", async (wherry) => {
  const { code, stdout } = await network(wherry, "create", "web");
  const id = stdout.trim();

  const whole = await network(wherry, "list", "-q", "--no-trunc", "-f", "name=web");
  const short = await network(wherry, "ls", "-q", "-f", "type=custom");

  strictEqual(code, 0);
  match(id, /^[0-9a-f]{64}$/);
  deepStrictEqual([whole.stdout, short.stdout], [`${id}\n`, `${id.slice(0, 12)}\n`]);
});

testWhole("network create puts nothing on the host", async (wherry) => {
  await network(wherry, "create", "web");

  deepStrictEqual(wherry.network.findChanges(), []);
});

testWhole("network ls --format has docker's fields and the subnets", async (wherry) => {
  await network(
    wherry,
    ...["create", "--subnet", "10.5.0.0/24", "--ipv6=false", "--internal", "--label", "a=b", "web"],
  );

  const table = await network(
    wherry,
    ...["ls", "-f", "label=a", "--format", 'table {{.Name}}\t{{.Subnet}}\t{{.Label "a"}}'],
  );
  const json = await network(wherry, "ls", "-f", "name=web", "--format", "json");

  strictEqual(table.stdout, "NAME      SUBNET        a\nweb       10.5.0.0/24   b\n");
  const { ID, CreatedAt, ...fields } = JSON.parse(json.stdout);
  deepStrictEqual(fields, {
    Driver: "bridge",
    IPv4: "true",
    IPv6: "false",
    Internal: "true",
    Labels: "a=b",
    Name: "web",
    Scope: "local",
    Subnet: "10.5.0.0/24",
  });
  strictEqual(ID.length, 12);
  match(CreatedAt, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC$/);
});

testWhole("network inspect shows what was asked for in docker's shape", async (wherry) => {
  const { stdout: id } = await network(
    wherry,
    ...["create", "--subnet", "10.5.0.0/24", "--gateway", "10.5.0.254"],
    ...["--ip-range", "10.5.0.128/25", "--aux-address", "printer=10.5.0.200"],
    ...["-o", "icc=false", "-o", "mtu=1400", "--ipv6=false", "--attachable", "--label", "x", "web"],
  );

  const { stdout } = await network(wherry, "inspect", "web");

  const [{ Created, ...shown }] = JSON.parse(stdout);
  match(Created, /^\d{4}-\d\d-\d\dT/);
  deepStrictEqual(shown, {
    Name: "web",
    Id: id.trim(),
    Scope: "local",
    Driver: "bridge",
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: {
      Driver: "default",
      Options: {},
      Config: [{
        Subnet: "10.5.0.0/24",
        IPRange: "10.5.0.128/25",
        Gateway: "10.5.0.254",
        AuxiliaryAddresses: { printer: "10.5.0.200" },
      }],
    },
    Internal: false,
    Attachable: true,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: {},
    Options: {
      "com.docker.network.bridge.enable_icc": "false",
      "com.docker.network.driver.mtu": "1400",
    },
    Labels: { x: "" },
  });
});

testWhole("network inspect takes templates by Go's names of the fields", async (wherry) => {
  await network(wherry, "create", "--subnet", "10.5.0.0/24", "--ipv6=false", "web");

  strictEqual(
    await look(wherry, "web", "{{(index .IPAM.Config 0).Subnet}} {{len .ID}} {{.Labels}}"),
    "10.5.0.0/24 64 map[]",
  );
  strictEqual(await look(wherry, "web", "{{len .Id}}"), "64");
  const any = await wherry.run(["inspect", "--type", "network", "-f", "{{.Name}}", "web"]);
  strictEqual(any.stdout, "web\n");
});

testWhole("network inspect prints what it found and says what is missing", async (wherry) => {
  const { code, stdout, stderr } = await network(wherry, "inspect", "host", "nope");

  strictEqual(code, 1);
  deepStrictEqual(JSON.parse(stdout).map(({ Name }: { Name: string }) => Name), ["host"]);
  match(stderr, /^wherry: network nope not found$/m);
});

testWhole("networks made at the same time have different subnets", async (wherry) => {
  const names = Array.from({ length: 8 }, (_, index) => `net${index}`);

  await Promise.all(names.map((name) => network(wherry, "create", name)));

  const { stdout } = await network(
    wherry,
    ...["ls", "-f", "type=custom", "--format", "{{.Subnet}}"],
  );
  const subnets = stdout.trim().split("\n").map((line) => line.split(",")[0] ?? "");
  deepStrictEqual(
    subnets.toSorted(),
    names.map((_, index) => `10.211.${index}.0/24`),
  );
});

testWhole("a name is given to one of two that ask at the same time", async (wherry) => {
  const results = await Promise.all([1, 2, 3].map(() => network(wherry, "create", "web")));

  deepStrictEqual(results.map(({ code }) => code).toSorted(), [0, 1, 1]);
  const refused = results.find(({ code }) => code === 1);
  strictEqual(refused?.stderr.split("\n")[0], "wherry: network with name web already exists");
});

testWhole("network create refuses what overlaps, and says with what", async (wherry) => {
  const index = addLink(wherry, "lan", "192.168.7.1");
  wherry.network.within(() => {
    using socket = new NetlinkSocket(NETLINK.ROUTE);
    addRoute(socket, { destination: "10.9.0.0/16", gateway: "192.168.7.2", index });
  });
  await network(wherry, "create", "--subnet", "10.5.0.0/16", "--ipv6=false", "web");

  const withNetwork = await network(wherry, "create", "--subnet", "10.5.7.0/24", "x");
  const withRoute = await network(wherry, "create", "--subnet", "10.9.7.0/24", "x");
  const withAddress = await network(wherry, "create", "--subnet", "192.168.0.0/16", "x");
  removeLink(wherry, "lan");

  deepStrictEqual([withNetwork, withRoute, withAddress].map(complaint), [
    'wherry: Cannot use the subnet "10.5.7.0/24": it overlaps with network "web" (10.5.0.0/16)',
    'wherry: Cannot use the subnet "10.9.7.0/24": it overlaps with host route 10.9.0.0/16 dev lan',
    'wherry: Cannot use the subnet "192.168.0.0/16": it overlaps with host route 192.168.7.0/24 dev lan',
  ]);
});

testWhole(
  "a network whose subnet somebody has taken since is told of when it comes up",
  async (wherry) => {
    await network(wherry, "create", "--subnet", "10.5.0.0/16", "--ipv6=false", "web");
    addLink(wherry, "lan", "10.5.7.1");

    const first = await wherry.runBusybox(["--network", "web"], ["true"]);
    const second = await wherry.runBusybox(["--network", "web"], ["true"]);
    removeLink(wherry, "lan");

    strictEqual(
      first.stderr,
      'WARNING: the subnet 10.5.0.0/16 of network "web" overlaps with host route 10.5.7.0/24 dev lan\n',
    );
    deepStrictEqual([first.code, second.code, second.stderr], [0, 0, ""]);
  },
);

/** What is refused before anything of it exists, and what is said of it. */
const REFUSED: readonly (readonly [args: readonly string[], message: string, code: number])[] = [
  [["--subnet", "foo", "x"], "invalid subnet foo: invalid CIDR block notation", 1],
  [["--subnet", "10.0.0.5/24", "x"], "invalid subnet 10.0.0.5/24: it should be 10.0.0.0/24", 1],
  [["--subnet", "10.0.0.0/24", "--gateway", "10.0.1.1", "x"], "no matching subnet for gateway", 1],
  [["--gateway", "10.0.1.1", "x"], "every ip-range or gateway must have a corresponding subnet", 1],
  [["--subnet", "224.0.0.0/4", "x"], "it has addresses of multicast groups", 1],
  [["--subnet", "ff05::/64", "x"], "it has addresses of multicast groups", 1],
  [
    ["--subnet", "10.0.0.0/24", "--gateway", "10.0.0.9", "--aux-address", "a=10.0.0.9", "x"],
    "invalid auxiliary address a: it is the gateway's",
    1,
  ],
  [
    ["--subnet", "10.0.0.0/24", "--aux-address", "10.0.0.9", "x"],
    'Cannot use --aux-address "10.0.0.9": it is not NAME=ADDRESS',
    1,
  ],
  [["-d", "overlay", "x"], 'plugin "overlay" not found', 1],
  [["-d", "macvlan", "--subnet", "10.0.0.0/24", "x"], "driver macvlan needs a parent", 1],
  [
    ["-d", "ipvlan", "--subnet", "10.0.0.0/24", "-o", "parent=eth9", "x"],
    "-o parent interface was not found on the host: eth9",
    1,
  ],
  [
    ["-d", "macvlan", "--subnet", "10.0.0.0/24", "-o", "parent=eth9.10", "x"],
    "-o parent interface was not found on the host: eth9.10",
    1,
  ],
  [["-o", "size=9", "x"], 'Cannot use the option "size": driver bridge does not have it', 1],
  [["bridge"], "operation is not permitted on predefined bridge network", 1],
  [["a/b"], 'Cannot use the network name "a/b"', 1],
  [["--ipv6=maybe", "x"], 'invalid argument "maybe" for "--ipv6" flag', 125],
  [[], "'wherry network create' requires 1 argument", 1],
];

testWhole("network create refuses bad input and leaves nothing of it", async (wherry) => {
  for (const [args, message, code] of REFUSED) {
    const result = await network(wherry, "create", ...args);

    strictEqual(result.code, code, args.join(" "));
    strictEqual(result.stderr.includes(message), true, `${args.join(" ")}: ${result.stderr}`);
  }
  strictEqual((await network(wherry, "ls", "-q", "-f", "type=custom")).stdout, "");
});

testWhole("networks of the drivers host, none and macvlan are made by name", async (wherry) => {
  addLink(wherry, "eth0", "192.168.7.5");

  const results = [
    await network(wherry, "create", "-d", "host", "h"),
    await network(wherry, "create", "--type", "none", "n"),
    await network(wherry, "create", "-d=macvlan", "-o", "parent=eth0", "--ipam-driver=dhcp", "m"),
  ];
  const { stdout } = await network(
    wherry,
    ...["ls", "-f", "type=custom", "--format", "{{.Name}} {{.Driver}} {{.Subnet}}."],
  );
  removeLink(wherry, "eth0");

  deepStrictEqual(results.map(({ stderr }) => stderr), ["", "", ""]);
  strictEqual(stdout, "h host .\nm macvlan .\nn null .\n");
});

testWhole("network rm goes on after an error and prints what is gone", async (wherry) => {
  await network(wherry, "create", "a");
  await network(wherry, "create", "b");

  const { code, stdout, stderr } = await network(wherry, "rm", "a", "nope", "bridge", "b");
  const forced = await network(wherry, "remove", "-f", "nope");

  deepStrictEqual([code, stdout], [1, "a\nb\n"]);
  match(stderr, /^wherry: network nope not found$/m);
  match(stderr, /^wherry: bridge is a pre-defined network and cannot be removed$/m);
  deepStrictEqual([forced.code, forced.stdout, forced.stderr], [0, "", ""]);
});

testWhole("a network shows its containers, and is not removed while they run", async (wherry) => {
  await network(wherry, "create", "--subnet", "10.5.0.0/24", "--ipv6=false", "web");
  const id = await wherry.start(["--name", "box", "--network", "web"], ["sleep", "100"]);

  const containers = JSON.parse(await look(wherry, "web", "{{json .Containers}}"));
  const removed = await network(wherry, "rm", "web");
  const pruned = await network(wherry, "prune", "-f");
  const dangling = await network(wherry, "ls", "-q", "-f", "dangling=true");
  await wherry.run(["rm", "-f", "box"]);
  const afterwards = await network(wherry, "rm", "web");

  const { EndpointID, ...endpoint } = containers[id];
  deepStrictEqual(endpoint, {
    Name: "box",
    MacAddress: "02:42:0a:05:00:02",
    IPv4Address: "10.5.0.2/24",
    IPv6Address: "",
  });
  deepStrictEqual([removed.code, complaint(removed)], [
    1,
    "wherry: error while removing network: network web has active endpoints " +
    `(name:"box" id:"${EndpointID.slice(0, 12)}")`,
  ]);
  deepStrictEqual([pruned.stdout, dangling.stdout], ["", ""]);
  deepStrictEqual([afterwards.code, wherry.network.findChanges()], [0, []]);
});

testWhole(
  "network prune takes the default bridge away, and the next run makes it again",
  async (wherry) => {
    await wherry.runBusybox([], ["true"]);
    const before = wherry.network.listLinks();

    const { stdout } = await network(wherry, "prune", "-f");
    const after = wherry.network.findChanges();
    const again = await wherry.runBusybox([], ["true"]);

    deepStrictEqual([before, stdout, after, again.code], [["wherry0"], "", [], 0]);
  },
);

testWhole("a container runs on a network whose name is one letter", async (wherry) => {
  await network(wherry, "create", "x");

  const { code, stderr } = await wherry.runBusybox(["--network", "x"], ["true"]);

  deepStrictEqual([code, stderr], [0, ""]);
});

testWhole("network prune asks, and spares what its filters do not name", async (wherry) => {
  await network(wherry, "create", "--label", "keep", "a");
  await network(wherry, "create", "b");

  const refused = await wherry.run(["network", "prune"], { stdin: "n\n" });
  const first = await network(wherry, "prune", "-f", "--filter", "label!=keep");
  const young = await network(wherry, "prune", "-f", "--filter", "until=1h");
  const second = await network(wherry, "prune", "-f");

  strictEqual(
    refused.stdout,
    "WARNING! This will remove all custom networks not used by at least one container.\n" +
      "Are you sure you want to continue? [y/N] ",
  );
  deepStrictEqual(
    [first.stdout, young.stdout, second.stdout],
    ["Deleted Networks:\nb\n\n", "", "Deleted Networks:\na\n\n"],
  );
});

testWhole("events tells when networks come and go", async (wherry) => {
  const { stdout: id } = await network(wherry, "create", "-d", "none", "web");
  await network(wherry, "rm", "web");

  const { stdout } = await wherry.run(
    ["events", "--since", "1h", "--until", "0s", "-f", "type=network", "--format", "json"],
  );

  const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
  deepStrictEqual(events.map(({ Action, Actor }) => [Action, Actor]), [
    ["create", { ID: id.trim(), Attributes: { name: "web", type: "null" } }],
    ["destroy", { ID: id.trim(), Attributes: { name: "web", type: "null" } }],
  ]);
});

testWhole("a damaged record of a network is put aside and the others stay", async (wherry) => {
  await network(wherry, "create", "a");
  await network(wherry, "create", "b");
  Deno.writeTextFileSync(`${wherry.root}/networks/a.json`, "{");

  const { code, stdout, stderr } = await network(wherry, "ls", "--format", "{{.Name}}");

  deepStrictEqual([code, stdout], [0, "b\nbridge\nhost\nnone\n"]);
  match(stderr, /network a has a damaged record and was put aside in /);
  await wherry.run(["system", "prune", "-f"]);
});

/** A link like a network card: neither a bridge nor a port of one. */
function addLink(wherry: TestEngine, name: string, address: string): number {
  const { namespace } = wherry.network;
  return wherry.network.within(() => {
    using socket = new NetlinkSocket(NETLINK.ROUTE);
    const links = new Links(socket);
    const peer = { name: `${name}-peer`, namespace, macAddress: "02:00:00:00:00:01" };
    links.addVeth({ name, bridgeIndex: 0, peer });
    const { index } = links.get(name);
    links.setUp(peer.name);
    addAddress(socket, { index, address, prefixLength: 24 });
    return index;
  });
}

function removeLink(wherry: TestEngine, name: string): void {
  wherry.network.within(() => {
    using socket = new NetlinkSocket(NETLINK.ROUTE);
    new Links(socket).remove(name);
  });
}
