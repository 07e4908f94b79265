import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { TestLinks } from "../../tests/test_links.ts";
import {
  addAddress,
  listAddresses,
  type ListedAddress,
  newAddress,
  parseAddress,
  removeAddress,
} from "./address.ts";
import { encodeRequests } from "./netlink.ts";

/** A message without its header, whose number differs each time. */
function payloadOf(message: Uint8Array): string {
  return message.subarray(16).toHex();
}

/** What `ip` shows of a link's addresses, by its own names. */
function shownAddresses(host: TestLinks, name: string): unknown[] {
  return host.show("address", "show", "dev", name)
    .flatMap(({ addr_info: addresses }) => addresses as Record<string, unknown>[])
    .filter(({ scope }) => scope !== "link");
}

/** All addresses, but those that the kernel gives to links by itself when it gets round to it. */
function chosenAddresses(host: TestLinks): ListedAddress[] {
  return listAddresses(host.socket).filter(({ address }) => !address.startsWith("fe80:"));
}

Deno.test("newAddress() says what ip address add brd + says", () => {
  const request = newAddress({ index: 2, address: "10.1.2.3", prefixLength: 24 });

  strictEqual(
    payloadOf(encodeRequests([request])),
    "0218000002000000080002000a010203080001000a010203080004000a0102ff",
  );
});

Deno.test("newAddress() says what ip address add nodad says", () => {
  const request = newAddress({ index: 2, address: "fd00::3", prefixLength: 64 });

  strictEqual(
    payloadOf(encodeRequests([request])),
    "0a40020002000000" + "14000200fd000000000000000000000000000003" +
      "14000100fd000000000000000000000000000003",
  );
});

Deno.test("newAddress() refuses what is no address", () => {
  throws(() => newAddress({ index: 2, address: "10.1.2", prefixLength: 24 }), {
    name: "RangeError",
    message: 'Cannot use the IP address "10.1.2": malformed',
  });
});

Deno.test("parseAddress() takes this end's address of a point-to-point link", () => {
  const payload = Uint8Array.fromHex(
    "0220800002000000" + "080001000a080002" + "080002000a080001" + "0800030062723000",
  );

  deepStrictEqual(parseAddress({ type: 20, payload }), {
    index: 2,
    family: 4,
    address: "10.8.0.1",
    prefixLength: 32,
  });
});

Deno.test("parseAddress() takes IPv6, which has no address of this end alone", () => {
  const payload = Uint8Array.fromHex(
    "0a40820002000000" + "14000100fd000000000000000000000000000003" + "0800080082000000",
  );

  deepStrictEqual(parseAddress({ type: 20, payload }), {
    index: 2,
    family: 6,
    address: "fd00::3",
    prefixLength: 64,
  });
});

Deno.test("parseAddress() leaves out other families", () => {
  const payload = Uint8Array.fromHex("0c18000002000000" + "080001000a010203");

  strictEqual(parseAddress({ type: 20, payload }), undefined);
});

Deno.test("addAddress() gives a link an IPv4 address with its broadcast", () => {
  using host = new TestLinks();
  const index = host.addBridge("br0");

  addAddress(host.socket, { index, address: "10.1.2.3", prefixLength: 24 });

  const [{ local, prefixlen, broadcast }] = shownAddresses(host, "br0") as [
    Record<string, unknown>,
  ];
  deepStrictEqual([local, prefixlen, broadcast], ["10.1.2.3", 24, "10.1.2.255"]);
});

Deno.test("addAddress() leaves out the broadcast where there is none", () => {
  using host = new TestLinks();
  const index = host.addBridge("br0");

  addAddress(host.socket, { index, address: "10.1.2.3", prefixLength: 31 });

  const [{ local, broadcast }] = shownAddresses(host, "br0") as [Record<string, unknown>];
  deepStrictEqual([local, broadcast], ["10.1.2.3", undefined]);
});

Deno.test("addAddress() gives a link an IPv6 address that can be used at once", () => {
  using host = new TestLinks();
  const index = host.addCard("lan0");

  addAddress(host.socket, { index, address: "fd00::3", prefixLength: 64 });

  const [{ local, prefixlen, nodad, tentative }] = shownAddresses(host, "lan0") as [
    Record<string, unknown>,
  ];
  deepStrictEqual([local, prefixlen, nodad, tentative], ["fd00::3", 64, true, undefined]);
});

Deno.test("addAddress() names an address that the link has", () => {
  using host = new TestLinks();
  const index = host.addBridge("br0");
  addAddress(host.socket, { index, address: "10.1.2.3", prefixLength: 24 });

  throws(() => addAddress(host.socket, { index, address: "10.1.2.3", prefixLength: 24 }), {
    code: "EEXIST",
    message: /^Cannot add address "10\.1\.2\.3\/24": file exists \(EEXIST\)/,
  });
});

Deno.test("addAddress() refuses a link that is not there", () => {
  using host = new TestLinks();

  throws(() => addAddress(host.socket, { index: 77, address: "10.1.2.3", prefixLength: 24 }), {
    code: "ENODEV",
  });
});

Deno.test("listAddresses() gives those of both families", () => {
  using host = new TestLinks();
  const index = host.addBridge("br0");
  addAddress(host.socket, { index, address: "10.1.2.3", prefixLength: 24 });
  addAddress(host.socket, { index, address: "fd00::3", prefixLength: 64 });

  deepStrictEqual(chosenAddresses(host), [
    { index: 1, family: 4, address: "127.0.0.1", prefixLength: 8 },
    { index, family: 4, address: "10.1.2.3", prefixLength: 24 },
    { index: 1, family: 6, address: "::1", prefixLength: 128 },
    { index, family: 6, address: "fd00::3", prefixLength: 64 },
  ]);
});

Deno.test("removeAddress() takes one address away", () => {
  using host = new TestLinks();
  const index = host.addBridge("br0");
  addAddress(host.socket, { index, address: "10.1.2.3", prefixLength: 24 });
  addAddress(host.socket, { index, address: "fd00::3", prefixLength: 64 });
  addAddress(host.socket, { index, address: "fd00::4", prefixLength: 64 });

  removeAddress(host.socket, { index, address: "10.1.2.3", prefixLength: 24 });
  removeAddress(host.socket, { index, address: "fd00::3", prefixLength: 64 });

  const left = chosenAddresses(host).filter((found) => found.index === index);
  deepStrictEqual(left.map(({ address }) => address), ["fd00::4"]);
});

Deno.test("removeAddress() names an address that the link does not have", () => {
  using host = new TestLinks();
  const index = host.addBridge("br0");

  throws(() => removeAddress(host.socket, { index, address: "10.1.2.3", prefixLength: 24 }), {
    code: "EADDRNOTAVAIL",
    message: /^Cannot remove address "10\.1\.2\.3\/24": address not available/,
  });
});
