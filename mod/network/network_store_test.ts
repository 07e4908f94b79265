import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { fakeNetworkConfig } from "../../tests/fakes/network_config.ts";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { WherryError } from "../errors.ts";
import { Paths } from "../store/paths.ts";
import type { NetworkConfig } from "./network.ts";
import {
  findNetworkRecord,
  listNetworkRecords,
  putNetworkAside,
  readNetwork,
  removeNetworkRecord,
  writeNetwork,
} from "./network_store.ts";

function network(name: string, id: string): NetworkConfig {
  return fakeNetworkConfig({
    id: id.padEnd(64, "0"),
    name,
    pools: [{
      subnet: "10.1.0.0/24",
      gateway: "10.1.0.1",
      range: "",
      auxiliaryAddresses: { a: "10.1.0.9" },
    }],
    isAttachable: true,
    options: { "com.docker.network.driver.mtu": "1400" },
    labels: { "é": "" },
  });
}

/** Records below a directory of one test. */
class TestRecords implements Disposable {
  readonly #directory = new TemporaryDirectory();
  readonly paths = new Paths(this.#directory.join("root"), this.#directory.join("run"));

  constructor(...networks: readonly NetworkConfig[]) {
    for (const one of networks) writeNetwork(this.paths, one);
  }

  damage(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.paths.networks}/${name}.json`, text);
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

function isCorrupt(error: unknown): boolean {
  return error instanceof WherryError && error.kind === "corrupt";
}

Deno.test("readNetwork() returns what writeNetwork() wrote", () => {
  using records = new TestRecords(network("web", "ab"));

  deepStrictEqual(readNetwork(records.paths, "web"), network("web", "ab"));
});

Deno.test("readNetwork() finds nothing after removeNetworkRecord()", () => {
  using records = new TestRecords(network("web", "ab"));

  removeNetworkRecord(records.paths, "web");

  strictEqual(readNetwork(records.paths, "web"), undefined);
});

Deno.test("readNetwork() never leaves its directory", () => {
  using records = new TestRecords(network("web", "ab"));

  strictEqual(readNetwork(records.paths, "../networks/web"), undefined);
});

Deno.test("readNetwork() knows host and none without records", () => {
  using records = new TestRecords();

  deepStrictEqual(
    ["host", "none"].map((name) => readNetwork(records.paths, name)?.driver),
    ["host", "none"],
  );
});

for (
  const [what, change] of [
    ["no JSON", "{"],
    ["another network's", { name: "other" }],
    ["of a newer version", { schema: 2 }],
    ["without an id", { id: "../x" }],
    ["with a malformed subnet", { pools: [{ ...network("web", "ab").pools[0], subnet: "x" }] }],
    ["with an unknown driver", { driver: "overlay" }],
    ["with labels that are no texts", { labels: { a: 1 } }],
    ["without a field", { hasIpv6: undefined }],
  ] as const
) {
  Deno.test(`readNetwork() refuses a record that is ${what}`, () => {
    using records = new TestRecords(network("web", "ab"));
    const text = typeof change === "string"
      ? change
      : JSON.stringify({ ...network("web", "ab"), ...change });
    records.damage("web", text);

    throws(() => readNetwork(records.paths, "web"), isCorrupt);
  });
}

Deno.test("listNetworkRecords() goes on after a damaged record", () => {
  using records = new TestRecords(network("web", "ab"), network("db", "cd"));
  records.damage("web", "{");

  const { networks, damaged } = listNetworkRecords(records.paths);

  deepStrictEqual(networks.map(({ name }) => name), ["host", "none", "db"]);
  deepStrictEqual([...damaged.keys()], ["web"]);
});

Deno.test("listNetworkRecords() ignores what is no record", () => {
  using records = new TestRecords(network("web", "ab"));
  records.damage("web", JSON.stringify(network("web", "ab")));
  Deno.writeTextFileSync(`${records.paths.networks}/web.json.1.2.tmp`, "{");

  strictEqual(listNetworkRecords(records.paths).damaged.size, 0);
});

Deno.test("putNetworkAside() leaves the record for whoever wants to look", () => {
  using records = new TestRecords(network("web", "ab"));
  records.damage("web", "{");

  const place = putNetworkAside(records.paths, "web");

  strictEqual(Deno.readTextFileSync(place), "{");
  match(place, /\/damaged\/network-web\.json$/);
  strictEqual(readNetwork(records.paths, "web"), undefined);
});

Deno.test("findNetworkRecord() prefers a name to an id", () => {
  using records = new TestRecords(network("abc", "12"), network("db", "abc"));

  strictEqual(findNetworkRecord(records.paths, "abc")?.name, "abc");
});

Deno.test("findNetworkRecord() finds the only id that begins so", () => {
  using records = new TestRecords(network("web", "ab1"), network("db", "ab2"));

  strictEqual(findNetworkRecord(records.paths, "ab2")?.name, "db");
});

Deno.test("findNetworkRecord() refuses to guess when several ids begin so", () => {
  using records = new TestRecords(network("web", "ab1"), network("db", "ab2"));

  throws(() => findNetworkRecord(records.paths, "ab"), /the ids of 2 networks begin so$/);
});

Deno.test("findNetworkRecord() finds nothing before the first use", () => {
  using records = new TestRecords();

  strictEqual(findNetworkRecord(records.paths, "web"), undefined);
});
