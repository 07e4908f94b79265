import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { Descriptor } from "../../ffi/descriptor.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { needs } from "../../tests/needs.ts";
import { Links } from "../kernel/link.ts";
import { inNetNamespace } from "../kernel/net_namespace.ts";
import { createHostNamespace } from "../../tests/fakes/host_namespace.ts";
import { NETLINK, NetlinkSocket } from "../kernel/netlink.ts";
import { commitBatch, removeTable } from "../kernel/nftables.ts";
import { findTable, listElements, listTables } from "../kernel/nftables_listing.ts";
import { readSysctl } from "../kernel/sysctl.ts";
import { Paths } from "../store/paths.ts";
import { ensureTable, HostNetwork, publishPorts, unpublishPorts } from "./host_network.ts";
import { planPortChange } from "./port_maps.ts";
import { type BridgeState, tableNameOf, tableOf } from "./table_state.ts";
import type { PortMapping } from "./sandbox.ts";

const BRIDGE: BridgeState = {
  networkId: "a".repeat(64),
  bridge: "wh-test",
  subnets: ["10.210.0.0/16"],
  isInternal: false,
  isIsolated: false,
  masquerades: true,
};
const OTHER: BridgeState = {
  ...BRIDGE,
  networkId: "b".repeat(64),
  bridge: "wh-other",
  subnets: ["10.211.0.0/24", "fd00:1::/64"],
};
const PORT: PortMapping = {
  protocol: "tcp",
  hostAddress: "0.0.0.0",
  hostPort: 8080,
  containerAddress: "10.210.0.2",
  containerPort: 80,
  count: 1,
};

/** A host with two bridges, and the engine's files. */
class TestHost implements Disposable {
  readonly #namespace: Descriptor = createHostNamespace();
  readonly #directory = Deno.makeTempDirSync();
  readonly paths = new Paths(`${this.#directory}/root`, `${this.#directory}/run`);
  readonly socket = this.within(() => new NetlinkSocket(NETLINK.NETFILTER));
  readonly table = tableOf(tableNameOf(this.paths.runRoot));

  constructor() {
    using socket = this.within(() => new NetlinkSocket(NETLINK.ROUTE));
    const links = new Links(socket);
    for (const { bridge } of [BRIDGE, OTHER]) links.addBridge(bridge);
  }

  within<T>(act: () => T): T {
    return inNetNamespace(this.#namespace, act);
  }

  change(act: (host: HostNetwork) => void): void {
    this.within(() => {
      using host = new HostNetwork(this.paths);
      act(host);
    });
  }

  sysctl(name: string): string | undefined {
    return this.within(() => readSysctl(name));
  }

  portCount(): number {
    return listElements(this.socket, this.table, "ports4").length;
  }

  /** Names of the engine's files. */
  files(): string[] {
    return Array.from(Deno.readDirSync(this.paths.hostNetwork.directory), ({ name }) => name)
      .sort();
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
    this.#namespace[Symbol.dispose]();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

/** Writes what the file has into a socket, as a monitor does. */
function sendAsItIs(bytes: Uint8Array<ArrayBuffer>): void {
  const [AF_NETLINK, SOCK_RAW, SOL_SOCKET, SO_SNDBUFFORCE] = [16, 3, 1, 32];
  using socket = new Descriptor(
    core.nnn(SYSCALL.socket, AF_NETLINK, SOCK_RAW, NETLINK.NETFILTER),
  );
  const room = new Uint8Array(new Int32Array([2 * bytes.length]).buffer);
  core.nnnbn(SYSCALL.setsockopt, socket.number, SOL_SOCKET, SO_SNDBUFFORCE, room, room.length);
  strictEqual(core.nbnn(SYSCALL.write, socket.number, bytes, bytes.length, 0), bytes.length);
}

function hostTest(name: string, fn: (host: TestHost) => void): void {
  Deno.test({
    name,
    ignore: !needs("root"),
    fn: () => {
      using host = new TestHost();
      fn(host);
    },
  });
}

hostTest("addBridge() makes the table and leaves no sign of being unfinished", (host) => {
  host.change((network) => network.addBridge(BRIDGE));

  ok(findTable(host.socket, host.table));
  deepStrictEqual(host.files(), ["bridges", "lock", "ruleset", "sysctls"]);
});

hostTest(
  "addBridge() switches on what the bridge needs, and removeBridge() puts it back",
  (host) => {
    host.change((network) => network.addBridge(BRIDGE));
    strictEqual(host.sysctl("net/ipv4/ip_forward"), "1");
    strictEqual(host.sysctl("net/ipv4/conf/wh-test/route_localnet"), "1");
    strictEqual(host.sysctl("net/ipv6/conf/wh-test/accept_ra"), "0");
    strictEqual(host.sysctl("net/ipv6/conf/all/forwarding"), "0");

    host.change((network) => network.addBridge(OTHER));
    strictEqual(host.sysctl("net/ipv6/conf/all/forwarding"), "1");

    host.change((network) => network.removeBridge(OTHER.networkId));
    strictEqual(host.sysctl("net/ipv6/conf/all/forwarding"), "0");
    strictEqual(host.sysctl("net/ipv4/ip_forward"), "1");

    host.change((network) => network.removeBridge(BRIDGE.networkId));
    strictEqual(host.sysctl("net/ipv4/ip_forward"), "0");
    deepStrictEqual(listTables(host.socket), []);
    deepStrictEqual(host.files(), ["bridges", "lock"]);
  },
);

hostTest("addBridge() of an internal network forwards nothing", (host) => {
  host.change((network) => network.addBridge({ ...BRIDGE, isInternal: true }));

  strictEqual(host.sysctl("net/ipv4/ip_forward"), "0");
});

hostTest("addBridge() takes the place of the same network", (host) => {
  host.change((network) => network.addBridge(BRIDGE));
  host.change((network) => network.addBridge({ ...BRIDGE, isIsolated: true }));

  host.change(({ bridges }) => deepStrictEqual(bridges, [{ ...BRIDGE, isIsolated: true }]));
  deepStrictEqual(listElements(host.socket, host.table, "open_bridges"), []);
});

hostTest("removeBridge() leaves forwarding on while another run root needs it", (host) => {
  const other = new Paths(host.paths.root, `${host.paths.runRoot}2`);
  host.change((network) => network.addBridge(BRIDGE));
  host.within(() => {
    using network = new HostNetwork(other);
    network.addBridge(OTHER);
  });

  host.change((network) => network.removeBridge(BRIDGE.networkId));

  strictEqual(host.sysctl("net/ipv4/ip_forward"), "1");
});

hostTest("publishPorts() and unpublishPorts() change the table and the files", (host) => {
  host.change((network) => network.addBridge(BRIDGE));
  const before = Deno.readFileSync(host.paths.hostNetwork.ruleset);

  host.within(() => publishPorts(host.paths, "one", [PORT, { ...PORT, hostPort: 1, count: 9 }]));
  host.within(() => publishPorts(host.paths, "two", [{ ...PORT, hostPort: 10 }]));
  strictEqual(host.portCount(), 11);

  host.within(() => unpublishPorts(host.paths, "one"));
  strictEqual(host.portCount(), 1);
  host.within(() => unpublishPorts(host.paths, "two"));
  host.within(() => unpublishPorts(host.paths, "two"));
  strictEqual(host.portCount(), 0);
  deepStrictEqual(Deno.readFileSync(host.paths.hostNetwork.ruleset), before);
  deepStrictEqual(host.files(), ["bridges", "lock", "ports", "ruleset", "sysctls"]);
});

hostTest("publishPorts() refuses what another container has, and changes nothing", (host) => {
  host.change((network) => network.addBridge(BRIDGE));
  host.within(() => publishPorts(host.paths, "one", [PORT]));
  const wanted = [{ ...PORT, hostPort: 1 }, { ...PORT, hostAddress: "127.0.0.1" }];

  throws(() => host.within(() => publishPorts(host.paths, "two", wanted)), {
    kind: "conflict",
    message:
      'Cannot publish 127.0.0.1:8080/tcp: the container "one" has published it as 0.0.0.0:8080/tcp',
  });

  strictEqual(host.portCount(), 1);
  host.change(({ registry }) => deepStrictEqual([...registry.keys()], ["one"]));
});

hostTest("publishPorts() puts the whole table back when another program has removed it", (host) => {
  host.change((network) => network.addBridge(BRIDGE));
  host.within(() => publishPorts(host.paths, "one", [PORT]));
  commitBatch(host.socket, [removeTable(host.table)]);

  host.within(() => publishPorts(host.paths, "two", [{ ...PORT, hostPort: 1 }]));

  strictEqual(host.portCount(), 2);
});

hostTest(
  "unpublishPorts() puts the whole table right when another program has changed it",
  (host) => {
    host.change((network) => network.addBridge(BRIDGE));
    host.within(() => publishPorts(host.paths, "one", [PORT]));
    host.within(() => publishPorts(host.paths, "two", [{ ...PORT, hostPort: 1 }]));
    commitBatch(host.socket, planPortChange(host.table.name, { added: [], removed: [PORT] }));

    host.within(() => unpublishPorts(host.paths, "one"));

    strictEqual(host.portCount(), 1);
  },
);

hostTest("ensureTable() makes the table again, with its ports", (host) => {
  host.change((network) => network.addBridge(BRIDGE));
  host.within(() => publishPorts(host.paths, "one", [PORT]));
  commitBatch(host.socket, [removeTable(host.table)]);

  host.within(() => ensureTable(host.paths));

  strictEqual(host.portCount(), 1);
});

hostTest("ensureTable() replaces the table when somebody was interrupted", (host) => {
  host.change((network) => network.addBridge(BRIDGE));
  commitBatch(host.socket, planPortChange(host.table.name, { added: [PORT], removed: [] }));
  Deno.writeTextFileSync(host.paths.hostNetwork.dirty, "");

  host.within(() => ensureTable(host.paths));

  strictEqual(host.portCount(), 0);
  ok(!host.files().includes("dirty"));
});

hostTest("ensureTable() makes no table where there is no network", (host) => {
  host.within(() => ensureTable(host.paths));

  deepStrictEqual(listTables(host.socket), []);
});

hostTest("the file ruleset makes the table when it is written into a socket", (host) => {
  host.change((network) => network.addBridge(BRIDGE));
  host.within(() => publishPorts(host.paths, "one", [{ ...PORT, count: 5000 }]));
  commitBatch(host.socket, [removeTable(host.table)]);

  host.within(() => sendAsItIs(Deno.readFileSync(host.paths.hostNetwork.ruleset)));

  strictEqual(host.portCount(), 5000);
});
