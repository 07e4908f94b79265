import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { TestNetwork } from "../../../tests/test_network.ts";
import { addAddress, listAddresses } from "../../kernel/address.ts";
import { type Link, Links } from "../../kernel/link.ts";
import { NETLINK, NetlinkError, NetlinkSocket } from "../../kernel/netlink.ts";
import { addRoute } from "../../kernel/route.ts";
import { DEFAULT_NETWORK, type NetworkConfig } from "../../network/network.ts";
import type { NetworkRequest } from "../../network/network_plan.ts";
import { removeTree } from "../../kernel/tree.ts";
import { createNetwork } from "./create_network.ts";
import { Engine } from "../base/engine.ts";
import { listNetworks } from "./list_networks.ts";
import { bringUp, findNetwork, takeDown } from "./networks.ts";
import { removeNetwork } from "./remove_network.ts";

/** An engine with directories and a host's network of its own. */
class TestHost implements Disposable {
  readonly #directory = new TemporaryDirectory();
  readonly engine = new Engine({
    root: this.#directory.join("root"),
    runRoot: this.#directory.join("run"),
  });
  readonly network = new TestNetwork();

  within<T>(act: (engine: Engine, socket: NetlinkSocket) => T): T {
    return this.network.within(() => {
      using socket = new NetlinkSocket(NETLINK.ROUTE);
      return act(this.engine, socket);
    });
  }

  create(fields: Partial<NetworkRequest> = {}): NetworkConfig {
    return this.within((engine) => createNetwork(engine, { name: "web", ...fields }));
  }

  addBridge(name: string, address?: string): Link {
    return this.within((_engine, socket) => {
      const links = new Links(socket);
      links.addBridge(name);
      const { index } = links.get(name);
      if (address !== undefined) addAddress(socket, { index, address, prefixLength: 24 });
      return links.get(name);
    });
  }

  /** As a reboot leaves it. */
  forgetRunRoot(): void {
    removeTree(this.engine.paths.runRoot);
  }

  findDefault(): NetworkConfig {
    return this.within((engine) => findNetwork(engine, DEFAULT_NETWORK));
  }

  [Symbol.dispose](): void {
    this.network[Symbol.dispose]();
    this.#directory[Symbol.dispose]();
  }
}

Deno.test("findNetwork() makes the default network once", () => {
  using host = new TestHost();

  const first = host.findDefault();

  strictEqual(first.pools[0]?.subnet, "10.210.0.0/16");
  match(first.pools[1]?.subnet ?? "", /^fd[0-9a-f:]+::\/64$/);
  deepStrictEqual(host.findDefault(), first);
  strictEqual(host.within((engine) => findNetwork(engine, first.id.slice(0, 12))).id, first.id);
});

Deno.test("findNetwork() gives the default network a subnet that the host does not use", () => {
  using host = new TestHost();
  const { index } = host.addBridge("lan", "10.210.3.1");
  host.within((_engine, socket) => {
    addRoute(socket, { destination: "10.211.0.0/16", gateway: "10.210.3.2", index });
  });

  strictEqual(host.findDefault().pools[0]?.subnet, "10.212.0.0/24");
});

Deno.test("findNetwork() chooses the default network's subnet anew when a reboot brings a collision", () => {
  using host = new TestHost();
  const before = host.findDefault();
  host.forgetRunRoot();
  host.addBridge("vpn", "10.210.3.1");

  const after = host.findDefault();

  strictEqual(after.pools[0]?.subnet, "10.211.0.0/24");
  deepStrictEqual([after.id, after.createdAt], [before.id, before.createdAt]);
});

Deno.test("findNetwork() keeps the default network's subnet over a reboot without a collision", () => {
  using host = new TestHost();
  const before = host.findDefault();
  host.forgetRunRoot();
  host.addBridge("vpn", "10.9.0.1");

  deepStrictEqual(host.findDefault(), before);
});

Deno.test("findNetwork() leaves the bridge's usual name to a link that has it", () => {
  using host = new TestHost();
  host.addBridge("wherry0");
  const network = host.findDefault();

  const name = host.within((engine) => bringUp(engine, network));

  strictEqual(name, `wh-${network.id.slice(0, 12)}`);
});

Deno.test("findNetwork() says so when there is none", () => {
  using host = new TestHost();

  throws(() => host.within((engine) => findNetwork(engine, "web")), /network web not found$/);
});

Deno.test("bringUp() makes the bridge with its addresses, and again does nothing", () => {
  using host = new TestHost();
  const network = host.create({ options: { mtu: "1400" } });

  const first = host.within((engine) => bringUp(engine, network));
  const link = host.within((_engine, socket) => new Links(socket).get(first));
  const second = host.within((engine) => bringUp(engine, network));

  strictEqual(second, first);
  deepStrictEqual([link.kind, link.isUp, link.mtu], ["bridge", true, 1400]);
  const addresses = host.within((_engine, socket) => listAddresses(socket))
    .filter(({ index, address }) => index === link.index && !address.startsWith("fe80:"))
    .map(({ address }) => address);
  deepStrictEqual(addresses.toSorted(), network.pools.map(({ gateway }) => gateway).toSorted());
});

Deno.test("bringUp() finishes what was killed half-way", () => {
  using host = new TestHost();
  const network = host.create();
  const name = host.within((engine) => bringUp(engine, network));
  host.within((_engine, socket) => {
    const links = new Links(socket);
    links.setDown(name);
    links.setAlias(name, "");
  });

  host.within((engine) => bringUp(engine, network));

  const link = host.within((_engine, socket) => new Links(socket).get(name));
  deepStrictEqual([link.isUp, link.alias], [true, "wherry network web"]);
});

Deno.test("bringUp() refuses a link of somebody else, and leaves it alone", () => {
  using host = new TestHost();
  const network = host.create({ options: { name: "br-web" } });
  host.addBridge("br-web");

  throws(() => host.within((engine) => bringUp(engine, network)), /another link of that name$/);

  deepStrictEqual(host.network.listLinks(), ["br-web"]);
});

Deno.test("bringUp() leaves nothing when an address is refused", () => {
  using host = new TestHost();
  const network = host.create({ hasIpv6: false });
  const pools = network.pools.map((pool) => ({ ...pool, subnet: "10.211.0.0/33" }));

  throws(() => host.within((engine) => bringUp(engine, { ...network, pools })), NetlinkError);

  deepStrictEqual(host.network.findChanges(), []);
});

Deno.test("takeDown() leaves nothing of a network on the host, and again does nothing", () => {
  using host = new TestHost();
  const network = host.create();
  host.within((engine) => bringUp(engine, network));

  host.within((engine) => takeDown(engine, network));
  host.within((engine) => takeDown(engine, network));

  deepStrictEqual(host.network.findChanges(), []);
});

Deno.test("createNetwork() gives networks subnets of their own", () => {
  using host = new TestHost();

  const subnets = ["a", "b", "c"].map((name) => host.create({ name }).pools[0]?.subnet);

  deepStrictEqual(subnets, ["10.211.0.0/24", "10.211.1.0/24", "10.211.2.0/24"]);
});

Deno.test("createNetwork() refuses a bridge name that another network has", () => {
  using host = new TestHost();
  host.create({ name: "a", options: { name: "br-x" } });

  throws(
    () => host.create({ name: "b", options: { name: "br-x" } }),
    /Cannot use the bridge name "br-x": network "a" has it$/,
  );
});

Deno.test("createNetwork() takes the LAN's subnet for a macvlan", () => {
  using host = new TestHost();
  addVeth(host, "eth0", "192.168.7.1");

  const { pools, options } = host.create({
    driver: "macvlan",
    options: { parent: "eth0" },
    pools: [{ subnet: "192.168.7.0/24", gateway: "", range: "", auxiliaryAddresses: {} }],
  });

  deepStrictEqual([pools[0]?.gateway, options], ["192.168.7.1", { parent: "eth0" }]);
});

for (
  const [parent, message] of [
    ["eth9", /^-o parent interface was not found on the host: eth9$/],
    ["lo", /"lo" as the parent of macvlan network "web": it is the loopback interface$/],
    ["br0", /"br0" as the parent of macvlan network "web": it is a bridge$/],
    ["port0", /"port0" as the parent of macvlan network "web": it is a port of "br0"$/],
    [undefined, /driver macvlan needs a parent$/],
  ] as const
) {
  Deno.test(`createNetwork() refuses ${parent ?? "no link"} as a parent`, () => {
    using host = new TestHost();
    const { index } = host.addBridge("br0");
    addVeth(host, "port0");
    host.within((_engine, socket) => new Links(socket).setMaster("port0", index));

    const options: Record<string, string> = parent === undefined ? {} : { parent };
    throws(
      () => host.create({ driver: "macvlan", ipamDriver: "dhcp", options }),
      (error: unknown) => error instanceof Error && message.test(error.message),
    );
  });
}

/** A link as a network card is one: neither a bridge nor a port of one. */
function addVeth(host: TestHost, name: string, address?: string): void {
  const { index: bridgeIndex } = host.addBridge(`${name}-br`);
  host.within((_engine, socket) => {
    const links = new Links(socket);
    links.addVeth({
      name,
      bridgeIndex,
      peer: {
        name: `${name}-peer`,
        namespace: host.network.namespace,
        macAddress: "02:00:00:00:00:01",
      },
    });
    links.setMaster(name, 0);
    const { index } = links.get(name);
    if (address !== undefined) addAddress(socket, { index, address, prefixLength: 24 });
  });
}

Deno.test("listNetworks() sorts by name, numbers by value", () => {
  using host = new TestHost();
  for (const name of ["web10", "web2", "a"]) host.create({ name });

  const { networks } = host.within((engine) => listNetworks(engine));

  deepStrictEqual(
    networks.map(({ name }) => name),
    ["a", "bridge", "host", "none", "web2", "web10"],
  );
});

Deno.test("listNetworks() puts a damaged record aside and says where", () => {
  using host = new TestHost();
  host.create();
  Deno.writeTextFileSync(`${host.engine.paths.networks}/web.json`, "{");

  const { networks, warnings } = host.within((engine) => listNetworks(engine));

  ok(!networks.some(({ name }) => name === "web"));
  match(warnings.join(), /^network web has a damaged record and was put aside in .*web\.json$/);
});

Deno.test("removeNetwork() removes the record and all files", () => {
  using host = new TestHost();
  const { id } = host.create();

  host.within((engine) => removeNetwork(engine, id.slice(0, 5)));

  throws(() => host.within((engine) => findNetwork(engine, "web")), /not found/);
  throws(() => Deno.lstatSync(host.engine.paths.network(id).runDirectory), Deno.errors.NotFound);
});

for (const name of ["bridge", "host", "none"]) {
  Deno.test(`removeNetwork() refuses ${name}`, () => {
    using host = new TestHost();

    throws(
      () => host.within((engine) => removeNetwork(engine, name)),
      { message: `${name} is a pre-defined network and cannot be removed` },
    );
  });
}
