import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import {
  addressAt,
  addressCount,
  addressToNumber,
  type Cidr,
  containsAddress,
  containsCidr,
  firstAddress,
  firstUsableAddress,
  formatAddressNumber,
  formatCidr,
  formatIpAddress,
  hasHostBits,
  lastAddress,
  lastUsableAddress,
  networkOf,
  numberToAddress,
  overlaps,
  parseCidr,
  parseIpAddress,
  uniqueLocalSubnet,
} from "./ip.ts";

/** A block that must be well-formed. */
function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new RangeError(`Cannot test with "${text}": malformed`);
  return parsed;
}

/** The canonical text of an address; `undefined` if it is refused. */
function canonical(text: string): string | undefined {
  const address = parseIpAddress(text);
  return address === undefined ? undefined : formatIpAddress(address.bytes);
}

/** First, first usable, last usable and last address of a block. */
function edges(text: string): string[] {
  const block = cidr(text);
  return [firstAddress, firstUsableAddress, lastUsableAddress, lastAddress]
    .map((edge) => formatAddressNumber(block.family, edge(block)));
}

Deno.test("parseIpAddress() reads IPv4", () => {
  deepStrictEqual(parseIpAddress("10.211.0.255"), {
    family: 4,
    bytes: new Uint8Array([10, 211, 0, 255]),
  });
});

Deno.test("parseIpAddress() refuses what is not four short decimal numbers", () => {
  const refused = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.",
    "010.1.1.1",
    "1.1.1.01",
    "00.0.0.0",
    "256.1.1.1",
    "1.1.1.1000",
    "-1.1.1.1",
    "+1.1.1.1",
    "0x1.1.1.1",
    "1e1.1.1.1",
    " 1.1.1.1",
    "1.1.1.1 ",
    "1.1.1.1\n",
    "1.1.1.1/24",
    "١.1.1.1",
    "localhost",
  ];

  deepStrictEqual(refused.filter((text) => parseIpAddress(text) !== undefined), []);
});

Deno.test("parseIpAddress() reads IPv6", () => {
  deepStrictEqual(parseIpAddress("2001:db8::ff00:42:8329"), {
    family: 6,
    bytes: new Uint8Array([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0x42, 0x83, 0x29]),
  });
});

Deno.test("parseIpAddress() reads the forms of RFC 4291 section 2.2", () => {
  deepStrictEqual(
    [
      "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789",
      "2001:DB8:0:0:8:800:200C:417A",
      "FF01::101",
      "::1",
      "::",
      "1::",
      "0:0:0:0:0:0:13.1.68.3",
      "::FFFF:129.144.52.38",
      "64:ff9b::192.0.2.33",
      "1:2:3:4:5:6:7::",
      "::2:3:4:5:6:7:8",
    ].map(canonical),
    [
      "abcd:ef01:2345:6789:abcd:ef01:2345:6789",
      "2001:db8::8:800:200c:417a",
      "ff01::101",
      "::1",
      "::",
      "1::",
      "::d01:4403",
      "::ffff:129.144.52.38",
      "64:ff9b::c000:221",
      "1:2:3:4:5:6:7:0",
      "0:2:3:4:5:6:7:8",
    ],
  );
});

Deno.test("parseIpAddress() refuses malformed IPv6 and zones", () => {
  const refused = [
    ":",
    ":::",
    "1:::2",
    "::1::",
    ":1::",
    "1::2:",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4::5:6:7:8",
    "12345::",
    "g::",
    "::1.2.3",
    "::1.2.3.04",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    "fe80::1%eth0",
    "fe80::1%1",
    "[::1]",
    "::1/64",
    " ::1",
  ];

  deepStrictEqual(refused.filter((text) => parseIpAddress(text) !== undefined), []);
});

Deno.test("formatIpAddress() writes what RFC 5952 section 4 recommends", () => {
  deepStrictEqual(
    [
      "2001:0db8:0:0:0:0:0:0001",
      "2001:db8:0:1:1:1:1:1",
      "2001:0:0:1:0:0:0:1",
      "2001:db8:0:0:1:0:0:1",
      "0:0:0:0:0:0:0:0",
      "1:0:0:0:0:0:0:0",
    ].map(canonical),
    ["2001:db8::1", "2001:db8:0:1:1:1:1:1", "2001:0:0:1::1", "2001:db8::1:0:0:1", "::", "1::"],
  );
});

Deno.test("formatIpAddress() refuses bytes that are no address", () => {
  throws(() => formatIpAddress(new Uint8Array(6)), {
    name: "RangeError",
    message: "Cannot format an IP address: it has 6 bytes",
  });
});

Deno.test("numberToAddress() gives back what addressToNumber() took", () => {
  const texts = ["0.0.0.0", "255.255.255.255", "10.0.0.1", "::", "fd12:3456::1", "ff02::fb"];

  const numbers = texts.map((text) => parseIpAddress(text)).flatMap((address) =>
    address === undefined ? [] : [numberToAddress(address.family, addressToNumber(address))]
  );

  deepStrictEqual(numbers.map(({ bytes }) => formatIpAddress(bytes)), texts);
});

Deno.test("parseCidr() keeps bits after the prefix", () => {
  deepStrictEqual(parseCidr("10.0.0.1/24"), {
    family: 4,
    address: 0x0a000001n,
    prefixLength: 24,
  });
});

Deno.test("parseCidr() refuses prefixes that the family does not have", () => {
  const refused = [
    "10.0.0.0",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/ 8",
    "10.0.0.0/8.0",
    "10.0.0.0/255.0.0.0",
    "10.0.0.0/8/8",
    "10.0.0/8",
    "fd00::/129",
    "fd00::/1000",
    "/8",
    "",
  ];

  deepStrictEqual(refused.filter((text) => parseCidr(text) !== undefined), []);
});

Deno.test("formatCidr() gives back what parseCidr() took", () => {
  const texts = ["0.0.0.0/0", "10.1.2.3/8", "10.1.2.3/32", "::/0", "fd00::1/64", "::1/128"];

  deepStrictEqual(texts.map((text) => formatCidr(cidr(text))), texts);
});

Deno.test("hasHostBits() tells a canonical block from others", () => {
  deepStrictEqual(
    ["10.0.0.0/24", "10.0.0.1/24", "10.0.0.1/32", "10.0.0.1/0", "fd00::/64", "fd00::1/64"]
      .map((text) => hasHostBits(cidr(text))),
    [false, true, false, true, false, true],
  );
});

Deno.test("networkOf() clears the bits after the prefix", () => {
  deepStrictEqual(
    ["10.1.2.3/8", "10.1.2.3/32", "10.1.2.3/0", "fd00:1:2:3:4::5/64"]
      .map((text) => formatCidr(networkOf(cidr(text)))),
    ["10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "fd00:1:2:3::/64"],
  );
});

Deno.test("lastUsableAddress() and firstUsableAddress() leave out network and broadcast", () => {
  deepStrictEqual(edges("10.1.2.3/8"), [
    "10.0.0.0",
    "10.0.0.1",
    "10.255.255.254",
    "10.255.255.255",
  ]);
  deepStrictEqual(edges("10.1.2.3/30"), ["10.1.2.0", "10.1.2.1", "10.1.2.2", "10.1.2.3"]);
});

Deno.test("firstUsableAddress() is the network's own where there are at most two", () => {
  deepStrictEqual(edges("10.1.2.3/31"), ["10.1.2.2", "10.1.2.2", "10.1.2.3", "10.1.2.3"]);
  deepStrictEqual(edges("10.1.2.3/32"), ["10.1.2.3", "10.1.2.3", "10.1.2.3", "10.1.2.3"]);
});

Deno.test("lastUsableAddress() is the last one in IPv6, which has no broadcast", () => {
  deepStrictEqual(edges("fd00::/64"), [
    "fd00::",
    "fd00::1",
    "fd00::ffff:ffff:ffff:ffff",
    "fd00::ffff:ffff:ffff:ffff",
  ]);
});

Deno.test("addressCount() counts all addresses of a block", () => {
  deepStrictEqual(
    ["10.0.0.0/8", "10.0.0.0/30", "10.0.0.0/32", "0.0.0.0/0", "fd00::/64", "::/0"]
      .map((text) => addressCount(cidr(text))),
    [1n << 24n, 4n, 1n, 1n << 32n, 1n << 64n, 1n << 128n],
  );
});

Deno.test("addressAt() counts from the first address of the block", () => {
  strictEqual(formatAddressNumber(4, addressAt(cidr("10.0.0.77/24"), 255n)), "10.0.0.255");
  strictEqual(formatAddressNumber(6, addressAt(cidr("fd00::/64"), 1n << 32n)), "fd00::1:0:0");
});

Deno.test("addressAt() refuses an offset outside of the block", () => {
  throws(() => addressAt(cidr("10.0.0.0/24"), 256n), {
    name: "RangeError",
    message: 'Cannot take the address 256 of "10.0.0.0/24": no such one',
  });
  throws(() => addressAt(cidr("10.0.0.0/24"), -1n), RangeError);
});

Deno.test("containsAddress() compares family and range", () => {
  const block = cidr("10.0.1.0/24");

  deepStrictEqual(
    [0x0a0000ffn, 0x0a000100n, 0x0a0001ffn, 0x0a000200n].map((at) => containsAddress(block, 4, at)),
    [false, true, true, false],
  );
  strictEqual(containsAddress(block, 6, 0x0a000100n), false);
});

Deno.test("containsCidr() wants all of the inner block", () => {
  deepStrictEqual(
    ["10.0.0.0/8", "10.0.1.0/24", "10.0.1.128/25", "10.0.2.0/24", "::/0"]
      .map((inner) => containsCidr(cidr("10.0.1.0/24"), cidr(inner))),
    [false, true, true, false, false],
  );
});

Deno.test("overlaps() is true when one block is in the other, whichever", () => {
  deepStrictEqual(
    [
      ["10.0.0.0/8", "10.1.0.0/16"],
      ["10.1.0.0/16", "10.0.0.0/8"],
      ["10.1.2.3/16", "10.1.9.9/16"],
      ["10.0.0.0/16", "10.1.0.0/16"],
      ["0.0.0.0/0", "::/0"],
      ["fd00::/64", "fd00::1/128"],
    ].map(([one = "", other = ""]) => overlaps(cidr(one), cidr(other))),
    [true, true, true, false, false, true],
  );
});

Deno.test("uniqueLocalSubnet() takes global id and subnet from the id", () => {
  strictEqual(
    formatCidr(uniqueLocalSubnet("0123456789abcdef".repeat(4))),
    "fd01:2345:6789:abcd::/64",
  );
});

Deno.test("uniqueLocalSubnet() refuses what is too short or not hexadecimal", () => {
  throws(() => uniqueLocalSubnet("0123456789abc"), {
    name: "RangeError",
    message: 'Cannot derive a subnet from the id "0123456789abc": it is not hexadecimal',
  });
  throws(() => uniqueLocalSubnet("x".repeat(64)), RangeError);
});
