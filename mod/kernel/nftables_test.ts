import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import type { Descriptor } from "../../ffi/descriptor.ts";
import { needs } from "../../tests/needs.ts";
import { createNetNamespace, inNetNamespace } from "./net_namespace.ts";
import { NETLINK, NetlinkSocket } from "./netlink.ts";
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  commitBatch,
  encodeBatch,
  joinValues,
  linkValue,
  portValue,
  removeElements,
  removeTable,
} from "./nftables.ts";
import { decide, matchLink } from "./nftables_expressions.ts";
import { findTable, listChains, listElements, listRules, listTables } from "./nftables_listing.ts";
import { type SetElement } from "./nftables_wire.ts";

const TABLE = { family: "inet", name: "test" } as const;
const MAKE = addTable(TABLE, { mustBeNew: true });

/** A network namespace with a socket for nf_tables. */
class Namespace implements Disposable {
  readonly #namespace: Descriptor = createNetNamespace();
  readonly socket = inNetNamespace(this.#namespace, () => new NetlinkSocket(NETLINK.NETFILTER));

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
    this.#namespace[Symbol.dispose]();
  }
}

function kernelTest(name: string, fn: (socket: NetlinkSocket) => void): void {
  Deno.test({
    name,
    ignore: !needs("root"),
    fn: () => {
      using namespace = new Namespace();
      fn(namespace.socket);
    },
  });
}

/** Elements whose keys are a protocol and a port. */
function ports(count: number): SetElement[] {
  const protocol = new Uint8Array([6]);
  return Array.from(
    { length: count },
    (_, index) => ({ key: joinValues(protocol, portValue(index)) }),
  );
}

Deno.test("joinValues() fills each value up to four bytes", () => {
  deepStrictEqual(
    joinValues(new Uint8Array([6]), portValue(8080)),
    new Uint8Array([6, 0, 0, 0, 0x1f, 0x90, 0, 0]),
  );
});

Deno.test("addElements() asks for as many parts as attributes have room", () => {
  // Headers of element, key and value, and 8 bytes
  const bytes = 3 * 4 + 8;
  const requests = addElements(TABLE, { set: "s", elements: ports(10_000) });

  strictEqual(requests.length, Math.ceil(10_000 * bytes / 65_528));
});

Deno.test("addElements() asks for nothing when there is nothing to add", () => {
  deepStrictEqual(addElements(TABLE, { set: "s", elements: [] }), []);
});

Deno.test("encodeBatch() has the kernel acknowledge the last request alone", () => {
  const bytes = encodeBatch([MAKE, removeTable(TABLE)]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags: number[] = [];
  for (let at = 0; at < bytes.length; at += view.getUint32(at, true)) {
    flags.push(view.getUint16(at + 6, true) & 0x4);
  }

  deepStrictEqual(flags, [0, 0, 4, 0]);
});

kernelTest("findTable() finds what listTables() lists", (socket) => {
  strictEqual(findTable(socket, TABLE), undefined);
  commitBatch(socket, [MAKE, addChain(TABLE, "c")]);

  deepStrictEqual(findTable(socket, TABLE), { ...TABLE, useCount: 1 });
  deepStrictEqual(listTables(socket), [{ ...TABLE, useCount: 1 }]);
});

kernelTest("listChains() tells where the kernel calls them", (socket) => {
  const base = { type: "filter", hook: "forward", priority: -10, policy: "drop" } as const;
  commitBatch(socket, [MAKE, addChain(TABLE, "base", base), addChain(TABLE, "plain")]);

  deepStrictEqual(listChains(socket), [
    { table: TABLE, name: "base", base },
    { table: TABLE, name: "plain", base: undefined },
  ]);
});

kernelTest("listRules() tells what they decide", (socket) => {
  commitBatch(socket, [
    MAKE,
    addChain(TABLE, "c"),
    addChain(TABLE, "other"),
    addRule(TABLE, "c", [...matchLink("outputLink", "unequal", "lo"), decide("drop")]),
    addRule(TABLE, "c", [decide({ jump: "other" })]),
    addRule(TABLE, "c", matchLink("inputLink", "equal", "lo")),
  ]);

  const rules = listRules(socket, TABLE);
  deepStrictEqual(rules.map(({ verdict }) => verdict), ["drop", { jump: "other" }, undefined]);
  deepStrictEqual(rules[0]?.expressions.map(({ name }) => name), ["meta", "cmp", "immediate"]);
});

kernelTest("listElements() reads what addElements() has written", (socket) => {
  const map = { name: "m", key: ["port"], data: ["ipv4", "port"] } as const;
  const element = {
    key: portValue(80),
    data: joinValues(new Uint8Array([10, 0, 0, 1]), portValue(8080)),
  };
  commitBatch(socket, [
    MAKE,
    addSet(TABLE, map),
    ...addElements(TABLE, { set: "m", elements: [element] }),
  ]);

  deepStrictEqual(listElements(socket, TABLE, "m"), [{ ...element, isEnd: false }]);
});

kernelTest("listElements() reads verdicts and the ends of ranges", (socket) => {
  const map = { name: "m", key: ["ipv4"], data: "verdict", hasRanges: true } as const;
  const elements: SetElement[] = [
    { key: new Uint8Array([10, 0, 0, 0]), data: { goto: "other" }, isEnd: false },
    { key: new Uint8Array([10, 0, 1, 0]), isEnd: true },
  ];
  commitBatch(socket, [
    MAKE,
    addChain(TABLE, "other"),
    addSet(TABLE, map),
    ...addElements(TABLE, { set: "m", elements }),
  ]);

  const found = listElements(socket, TABLE, "m");
  deepStrictEqual(
    found.toSorted((one, other) => Number(one.isEnd) - Number(other.isEnd)),
    elements,
  );
});

kernelTest("addElements() and removeElements() take any number", (socket) => {
  const elements = ports(60_000);
  commitBatch(socket, [MAKE, addSet(TABLE, { name: "s", key: ["protocol", "port"] })]);

  commitBatch(socket, addElements(TABLE, { set: "s", elements }));
  strictEqual(listElements(socket, TABLE, "s").length, 60_000);
  commitBatch(socket, removeElements(TABLE, { set: "s", elements }));
  deepStrictEqual(listElements(socket, TABLE, "s"), []);
});

kernelTest("commitBatch() names what was refused, and does nothing of it", (socket) => {
  throws(() => commitBatch(socket, [MAKE, addRule(TABLE, "missing", [decide("drop")])]), {
    name: "SystemError",
    code: "ENOENT",
    message: /^Cannot add nf_tables rule "test missing": no such file or directory \(ENOENT\)/,
  });

  deepStrictEqual(listTables(socket), []);
});

kernelTest("removeTable() takes everything with it", (socket) => {
  commitBatch(socket, [MAKE, addChain(TABLE, "c"), addRule(TABLE, "c", [decide("drop")])]);

  commitBatch(socket, [removeTable(TABLE)]);

  deepStrictEqual(listTables(socket), []);
  throws(() => commitBatch(socket, [removeTable(TABLE)]), { code: "ENOENT" });
});

kernelTest("linkValue() has room for the longest name", (socket) => {
  const name = "fifteen-letters";
  commitBatch(socket, [
    MAKE,
    addSet(TABLE, { name: "s", key: ["link"] }),
    ...addElements(TABLE, { set: "s", elements: [{ key: linkValue(name) }] }),
  ]);

  const [element] = listElements(socket, TABLE, "s");
  strictEqual(new TextDecoder().decode(element?.key), `${name}\0`);
});
