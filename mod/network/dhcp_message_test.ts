import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  DHCP_OPTION,
  type DhcpMessage,
  encodeDhcpMessage,
  INFINITE_SECONDS,
  parseDhcpMessage,
} from "./dhcp_message.ts";

const OPTIONS_AT = 240;

const FULL: DhcpMessage = {
  sender: "server",
  transactionId: 0xdeadbeef,
  elapsedSeconds: 12,
  wantsBroadcast: true,
  clientAddress: "0.0.0.0",
  yourAddress: "192.0.2.77",
  macAddress: "02:42:00:00:00:01",
  options: {
    type: "ack",
    requestedAddress: "192.0.2.78",
    serverId: "192.0.2.1",
    leaseSeconds: INFINITE_SECONDS,
    renewalSeconds: 1800,
    rebindingSeconds: 3150,
    prefixLength: 24,
    routers: ["192.0.2.1", "192.0.2.2"],
    nameServers: ["192.0.2.3"],
    domainName: "home.example",
    domainSearch: ["a.example", "b.example"],
    clientId: "ff00000000000401",
    hostName: "boat",
    parameters: [1, 3, 6],
    mtu: 1400,
    maxMessageBytes: 1472,
    message: "well",
  },
};

/** A message of a server with options as bytes. */
function withOptions(...bytes: readonly number[]): Uint8Array<ArrayBuffer> {
  const message = encodeDhcpMessage({ ...FULL, options: { type: "ack" } });
  message.fill(0, OPTIONS_AT);
  message.set(bytes, OPTIONS_AT);
  return message;
}

/** An option: its number, its length, its value. */
function option(code: number, ...value: readonly number[]): number[] {
  return [code, value.length, ...value];
}

const ACK = option(DHCP_OPTION.TYPE, 5);

function ascii(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

Deno.test("parseDhcpMessage() reads what encodeDhcpMessage() has written", () => {
  deepStrictEqual(parseDhcpMessage(encodeDhcpMessage(FULL)), FULL);
});

Deno.test("encodeDhcpMessage() puts fields where RFC 2131 has them, and pads for old relays", () => {
  const bytes = encodeDhcpMessage({ ...FULL, sender: "client", options: { type: "discover" } });

  strictEqual(bytes.length, 300);
  strictEqual(
    bytes.subarray(0, 20).toHex(),
    "01010600" + "deadbeef" + "000c8000" + "00000000" + "c000024d",
  );
  strictEqual(bytes.subarray(28, 34).toHex(), "024200000001");
  strictEqual(bytes.subarray(236, 244).toHex(), "63825363" + "350101ff");
});

Deno.test("encodeDhcpMessage() splits an option that is too long for one", () => {
  const domainSearch = Array.from({ length: 6 }, (_, index) => `${"x".repeat(60)}.d${index}`);
  const bytes = encodeDhcpMessage({ ...FULL, options: { type: "ack", domainSearch } });

  deepStrictEqual(parseDhcpMessage(bytes).options.domainSearch, domainSearch);
});

Deno.test("parseDhcpMessage() reads options that stand in the fields of file and server name", () => {
  const bytes = withOptions(...ACK, ...option(DHCP_OPTION.OVERLOAD, 3), 255);
  bytes.set([...option(DHCP_OPTION.ROUTER, 192, 0, 2, 1), 255], 108);
  bytes.set([...option(DHCP_OPTION.ROUTER, 192, 0, 2, 2), 255], 44);

  deepStrictEqual(parseDhcpMessage(bytes).options.routers, ["192.0.2.1", "192.0.2.2"]);
});

Deno.test("parseDhcpMessage() follows compressed names", () => {
  const names = [1, 97, 7, ...ascii("example"), 0, 1, 98, 0xc0, 2];
  const bytes = withOptions(...ACK, ...option(DHCP_OPTION.DOMAIN_SEARCH, ...names), 255);

  deepStrictEqual(parseDhcpMessage(bytes).options.domainSearch, ["a.example", "b.example"]);
});

Deno.test("parseDhcpMessage() leaves out names that lead in a circle", () => {
  const bytes = withOptions(...ACK, ...option(DHCP_OPTION.DOMAIN_SEARCH, 1, 97, 0xc0, 0), 255);

  strictEqual(parseDhcpMessage(bytes).options.domainSearch, undefined);
});

Deno.test("parseDhcpMessage() leaves out a domain that would write into a file", () => {
  const evil = ascii("a.example\nnameserver 6.6.6.6");
  const bytes = withOptions(...ACK, ...option(DHCP_OPTION.DOMAIN_NAME, ...evil), 255);

  deepStrictEqual(parseDhcpMessage(bytes).options, { type: "ack" });
});

Deno.test("parseDhcpMessage() takes a NUL and a dot off the end of a domain", () => {
  const bytes = withOptions(
    ...[...ACK, ...option(DHCP_OPTION.DOMAIN_NAME, ...ascii("home.example."), 0), 255],
  );

  strictEqual(parseDhcpMessage(bytes).options.domainName, "home.example");
});

Deno.test("parseDhcpMessage() shows nothing of a server's words that a terminal would obey", () => {
  const bytes = withOptions(...ACK, ...option(DHCP_OPTION.MESSAGE, 27, ...ascii("[2Jno")), 255);

  strictEqual(parseDhcpMessage(bytes).options.message, "?[2Jno");
});

const MALFORMED: readonly (readonly [what: string, bytes: Uint8Array<ArrayBuffer>, RegExp])[] = [
  ["nothing", new Uint8Array(), /only 0 bytes/],
  ["a message without options", encodeDhcpMessage(FULL).slice(0, 239), /only 239 bytes/],
  ["a message that is too long", new Uint8Array(1473), /1473 bytes/],
  ["an unknown operation", changed(0, 3), /operation is 3/],
  ["other hardware than Ethernet", changed(1, 6), /not of Ethernet/],
  ["a hardware address of 16 bytes", changed(2, 16), /not of Ethernet/],
  ["another cookie", changed(236, 0), /BOOTP/],
  ["no type", withOptions(255), /no type/],
  ["an unknown type", withOptions(...option(DHCP_OPTION.TYPE, 99), 255), /type is 99/],
  ["a type of two bytes", withOptions(...option(DHCP_OPTION.TYPE, 5, 5), 255), /wrong length/],
  ["an option without a length", endingIn(12), /option 12 is cut off/],
  ["an option that goes beyond the end", endingIn(12, 9), /option 12 is cut off/],
  ["a router of three bytes", withOptions(...ACK, ...option(3, 1, 2, 3), 255), /option 3/],
  ["an empty list", withOptions(...ACK, ...option(6), 255), /option 6/],
  ["a lease time of two bytes", withOptions(...ACK, ...option(51, 1, 2), 255), /option 51/],
  ["a mask with a hole", withOptions(...ACK, ...option(1, 255, 0, 255, 0), 255), /mask/],
  ["a mask of nothing", withOptions(...ACK, ...option(1, 0, 0, 0, 0), 255), /mask/],
  ["a client identifier of one byte", withOptions(...ACK, ...option(61, 1), 255), /identifier/],
];

function changed(at: number, byte: number): Uint8Array<ArrayBuffer> {
  const bytes = encodeDhcpMessage(FULL);
  bytes[at] = byte;
  return bytes;
}

function endingIn(...bytes: readonly number[]): Uint8Array<ArrayBuffer> {
  const message = withOptions(...ACK);
  message.set(bytes, message.length - bytes.length);
  return message;
}

for (const [what, bytes, reason] of MALFORMED) {
  Deno.test(`parseDhcpMessage() refuses ${what}`, () => {
    throws(() => parseDhcpMessage(bytes), { name: "SyntaxError", message: reason });
  });
}

/** Numbers from 0 up to 1 that are the same in each run. */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

Deno.test("parseDhcpMessage() reads or refuses whatever comes, and what it reads is harmless", () => {
  const random = makeRandom(2131);
  const sound = encodeDhcpMessage(FULL);
  let readCount = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = sound.slice(0, random() < 0.3 ? Math.floor(random() * sound.length) : undefined);
    for (let changes = Math.floor(random() * 8); changes > 0; changes--) {
      bytes[OPTIONS_AT + Math.floor(random() * (sound.length - OPTIONS_AT))] = random() * 256;
    }
    try {
      const { options } = parseDhcpMessage(bytes);
      readCount++;
      for (const name of [options.domainName ?? "x", ...options.domainSearch ?? []]) {
        ok(/^[\w.-]+$/.test(name), name);
      }
    } catch (error) {
      ok(error instanceof SyntaxError, String(error));
    }
  }
  ok(readCount > 1000);
});
