import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import type { Descriptor } from "../../ffi/descriptor.ts";
import { needs } from "../../tests/needs.ts";
import { inNetNamespace } from "../kernel/net_namespace.ts";
import { createHostNamespace } from "../../tests/fakes/host_namespace.ts";
import { NETLINK, type NetlinkRequest, NetlinkSocket } from "../kernel/netlink.ts";
import { addElements, commitBatch } from "../kernel/nftables.ts";
import { listChains, listTables } from "../kernel/nftables_listing.ts";
import { planPortChange } from "./port_maps.ts";
import { planReplacement, planTable } from "./ruleset.ts";
import { type BridgeState, tableNameOf, tableOf, type TableState } from "./table_state.ts";
import type { PortMapping } from "./sandbox.ts";

const GOLDEN = new URL("testdata/ruleset.nft", import.meta.url).pathname;

const BRIDGE: BridgeState = {
  networkId: "a".repeat(64),
  bridge: "wh-first",
  subnets: ["10.210.0.0/16", "fd00:1::/64"],
  isInternal: false,
  isIsolated: false,
  masquerades: true,
};

const PORT: PortMapping = {
  protocol: "tcp",
  hostAddress: "0.0.0.0",
  hostPort: 8080,
  containerAddress: "10.210.0.2",
  containerPort: 80,
  count: 1,
};

const STATE: TableState = {
  tableName: "wherry",
  bridges: [
    BRIDGE,
    { ...BRIDGE, bridge: "wh-internal", subnets: ["10.211.0.0/24"], isInternal: true },
    // The last of all addresses is one of its
    { ...BRIDGE, bridge: "wh-isolated", subnets: ["255.255.255.0/24"], isIsolated: true },
    { ...BRIDGE, bridge: "wh-routed", subnets: ["10.211.1.0/24"], masquerades: false },
  ],
  ports: [
    { ...PORT, count: 3 },
    { ...PORT, hostAddress: "127.0.0.1", protocol: "udp", hostPort: 53, containerPort: 5353 },
    { ...PORT, hostAddress: "::", containerAddress: "fd00:1::2" },
    { ...PORT, hostAddress: "2001:db8::1", containerAddress: "fd00:1::2", protocol: "sctp" },
  ],
  resolvers: [{ bridge: "wh-first", gateway: "10.210.0.1", address: "127.0.0.1" }],
  dropsOtherForwards: [4, 6],
};

/** A network namespace with a socket for nf_tables. */
class Namespace implements Disposable {
  readonly #namespace: Descriptor = createHostNamespace();
  readonly socket = inNetNamespace(
    this.#namespace,
    () => new NetlinkSocket(NETLINK.NETFILTER),
  );

  commit(requests: readonly NetlinkRequest[]): void {
    commitBatch(this.socket, requests);
  }

  /** Runs nft in the namespace. */
  async nft(...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await inNetNamespace(
      this.#namespace,
      () => new Deno.Command("nft", { args }).output(),
    );
    if (!success) throw new Error(`Cannot run nft: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
    this.#namespace[Symbol.dispose]();
  }
}

function kernelTest(name: string, fn: (namespace: Namespace) => void | Promise<void>): void {
  Deno.test({
    name,
    ignore: !needs("root", "nft"),
    fn: async () => {
      using namespace = new Namespace();
      await fn(namespace);
    },
  });
}

kernelTest("planTable() makes what nft makes of the same rules as text", async (namespace) => {
  using other = new Namespace();
  await other.nft("-f", GOLDEN);

  namespace.commit(planTable(STATE));

  strictEqual(await namespace.nft("list", "ruleset"), await other.nft("list", "ruleset"));
});

kernelTest("planTable() can be written down by nft and read again", async (namespace) => {
  namespace.commit(planTable(STATE));
  const text = await namespace.nft("list", "ruleset");
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, text);

  await namespace.nft("flush", "ruleset");
  await namespace.nft("-f", path);

  strictEqual(await namespace.nft("list", "ruleset"), text);
  await Deno.remove(path);
});

kernelTest("planTable() fails as a whole when the table is there", (namespace) => {
  namespace.commit(planTable({ ...STATE, ports: [] }));

  throws(() => namespace.commit(planTable(STATE)), { code: "EEXIST" });
});

kernelTest("planReplacement() makes the table where there is none", async (namespace) => {
  using other = new Namespace();
  other.commit(planTable(STATE));

  namespace.commit(planReplacement(STATE));

  strictEqual(await namespace.nft("list", "ruleset"), await other.nft("list", "ruleset"));
});

kernelTest("planReplacement() leaves nothing of the table that was there", async (namespace) => {
  using other = new Namespace();
  other.commit(planTable({ ...STATE, ports: [] }));
  namespace.commit(planTable(STATE));

  namespace.commit(planReplacement({ ...STATE, ports: [] }));

  strictEqual(await namespace.nft("list", "ruleset"), await other.nft("list", "ruleset"));
});

kernelTest("planTable() leaves nothing when the kernel refuses its last part", (namespace) => {
  const impossible = addElements(tableOf("wherry"), {
    set: "no such set",
    elements: [{ key: new Uint8Array(4) }],
  });

  throws(() => namespace.commit([...planTable(STATE), ...impossible]), { code: "ENOENT" });

  deepStrictEqual(listTables(namespace.socket), []);
  deepStrictEqual(listChains(namespace.socket), []);
});

kernelTest("planPortChange() leads to the same table as planning it anew", async (namespace) => {
  using other = new Namespace();
  other.commit(planTable(STATE));
  const ports = [{ ...PORT, protocol: "udp" as const, count: 5000 }];
  namespace.commit(planTable({ ...STATE, ports }));

  namespace.commit(planPortChange("wherry", { added: STATE.ports, removed: ports }));

  strictEqual(await namespace.nft("list", "ruleset"), await other.nft("list", "ruleset"));
});

kernelTest(
  "planPortChange() fails as a whole when one of the ports is there",
  async (namespace) => {
    namespace.commit(planTable(STATE));
    const before = await namespace.nft("list", "ruleset");
    const added = [{ ...PORT, hostPort: 9000 }, PORT];

    throws(() => namespace.commit(planPortChange("wherry", { added, removed: [] })), {
      code: "EEXIST",
    });

    strictEqual(await namespace.nft("list", "ruleset"), before);
  },
);

kernelTest("planPortChange() fails when the table is not there", (namespace) => {
  throws(() => namespace.commit(planPortChange("wherry", { added: [PORT], removed: [] })), {
    code: "ENOENT",
  });
});

Deno.test("planTable() has no more rules for ten thousand ports than for none", () => {
  const rules = (state: TableState): number =>
    planTable(state).filter(({ action }) => action === "add nf_tables rule").length;

  strictEqual(rules({ ...STATE, ports: [{ ...PORT, count: 10_000 }] }), rules(STATE));
});

Deno.test("planTable() refuses what is no address", () => {
  const ports = [{ ...PORT, containerAddress: "10.210.0.256" }];

  throws(() => planTable({ ...STATE, ports }), {
    name: "RangeError",
    message: 'Cannot plan a table with "10.210.0.256": no address',
  });
});

Deno.test("tableNameOf() is short for the default run root, and another one for each other", () => {
  strictEqual(tableNameOf("/run/wherry"), "wherry");
  strictEqual(tableNameOf(""), "wherry-811c9dc5");
  // From the test vectors of FNV-1a
  strictEqual(tableNameOf("foobar"), "wherry-bf9cf968");
});
