import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import {
  ACQUIRE_MS,
  DHCP_PORT,
  type DhcpChannel,
  DhcpClient,
  type DhcpGrant,
  type DhcpSurroundings,
  EXTEND_MS,
  planClientId,
} from "./dhcp_client.ts";
import { BROADCAST_MAC, encodeUdpFrame, parseUdpFrame, type UdpFrame } from "./dhcp_frame.ts";
import {
  type DhcpMessage,
  type DhcpOptions,
  encodeDhcpMessage,
  INFINITE_SECONDS,
  parseDhcpMessage,
} from "./dhcp_message.ts";
import { NEVER } from "./sandbox.ts";

const MAC = "02:00:00:00:00:05";
const SERVER = "192.0.2.1";
const SERVER_MAC = "02:00:00:00:00:01";
const ADDRESS = "192.0.2.5";
const BEGAN_AT = 1_000_000;

const IDENTITY = {
  macAddress: MAC,
  clientId: "ff00000000000401",
  hostname: "boat",
  wantsBroadcast: false,
  parent: "eth0",
  networkName: "lan",
};

/** What a server answers to a message: messages, or bytes as they are. */
type Server = (message: DhcpMessage) => readonly (Partial<DhcpMessage> | Uint8Array<ArrayBuffer>)[];

/** A LAN on which no time passes but what somebody waits for. */
class FakeLan implements DhcpChannel, DhcpSurroundings {
  readonly sent: { frame: UdpFrame; message: DhcpMessage; at: number }[] = [];
  time = BEGAN_AT;
  readonly #server: Server;
  readonly #waiting: Uint8Array<ArrayBuffer>[] = [];
  #dice = 0;

  constructor(server: Server) {
    this.#server = server;
  }

  now(): number {
    return this.time;
  }

  random(): number {
    this.#dice = (this.#dice + 0.37) % 1;
    return this.#dice;
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    const frame = parseUdpFrame(bytes);
    ok(frame);
    const message = parseDhcpMessage(frame.payload);
    this.sent.push({ frame, message, at: this.time });
    for (const answer of this.#server(message)) {
      this.#waiting.push(answer instanceof Uint8Array ? answer : encodeAnswer(message, answer));
    }
  }

  receive(timeoutMs: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const next = this.#waiting.shift();
    this.time += next === undefined ? timeoutMs : 1;
    return Promise.resolve(next);
  }

  types(): string[] {
    return this.sent.map(({ message }) => message.options.type);
  }
}

function encodeAnswer(
  request: DhcpMessage,
  answer: Partial<DhcpMessage>,
): Uint8Array<ArrayBuffer> {
  const options: DhcpOptions = { type: "offer" };
  return encodeUdpFrame({
    source: { macAddress: SERVER_MAC, address: SERVER, port: DHCP_PORT.server },
    destination: { macAddress: MAC, address: "255.255.255.255", port: DHCP_PORT.client },
    payload: encodeDhcpMessage({ ...request, sender: "server", options, ...answer }),
  });
}

/** An offer or an acknowledgement. */
function grant(
  type: "offer" | "ack",
  options: Partial<DhcpOptions> = {},
  fields: Partial<DhcpMessage> = {},
): Partial<DhcpMessage> {
  return {
    yourAddress: ADDRESS,
    options: { type, serverId: SERVER, leaseSeconds: 3600, prefixLength: 24, ...options },
    ...fields,
  };
}

/** A server that does as it should. */
function honest(options: Partial<DhcpOptions> = {}): Server {
  return ({ options: { type } }) => {
    if (type === "discover") return [grant("offer", options)];
    return type === "request" ? [grant("ack", options)] : [];
  };
}

function clientOf(lan: FakeLan, identity: Partial<typeof IDENTITY> = {}): DhcpClient {
  return new DhcpClient(lan, { ...IDENTITY, ...identity }, lan);
}

async function acquireFrom(server: Server): Promise<{ lan: FakeLan; grant: DhcpGrant }> {
  const lan = new FakeLan(server);
  return { lan, grant: await clientOf(lan).acquire() };
}

Deno.test("acquire() asks everybody, takes the offer and has the lease's times", async () => {
  const { lan, grant } = await acquireFrom(honest({
    routers: [SERVER],
    nameServers: ["192.0.2.3"],
    domainName: "home.example",
    mtu: 1400,
  }));

  deepStrictEqual(lan.types(), ["discover", "request"]);
  const [discover, request] = lan.sent;
  deepStrictEqual(discover?.frame.destination, {
    macAddress: BROADCAST_MAC,
    address: "255.255.255.255",
    port: 67,
  });
  strictEqual(discover?.message.options.hostName, "boat");
  strictEqual(request?.message.transactionId, discover?.message.transactionId);
  strictEqual(request?.message.options.requestedAddress, ADDRESS);
  strictEqual(request?.message.options.serverId, SERVER);
  const { release: _, ...lease } = grant.lease;
  const askedAt = BEGAN_AT + 1;
  deepStrictEqual({ ...grant, lease }, {
    ipv4: { address: ADDRESS, prefixLength: 24, gateway: SERVER },
    mtu: 1400,
    lease: {
      server: SERVER,
      serverMac: SERVER_MAC,
      renewAt: askedAt + 1_800_000,
      rebindAt: askedAt + 3_150_000,
      expiresAt: askedAt + 3_600_000,
      nameServers: ["192.0.2.3"],
      domainName: "home.example",
      domainSearch: [],
      clientId: IDENTITY.clientId,
      parent: "eth0",
    },
  });
});

Deno.test("acquire() has the frame that gives the address back", async () => {
  const { grant } = await acquireFrom(honest());
  const frame = parseUdpFrame(Uint8Array.fromHex(grant.lease.release));
  const message = parseDhcpMessage(frame?.payload ?? new Uint8Array());

  deepStrictEqual([frame?.source, frame?.destination], [
    { macAddress: MAC, address: ADDRESS, port: 68 },
    { macAddress: SERVER_MAC, address: SERVER, port: 67 },
  ]);
  strictEqual(message.clientAddress, ADDRESS);
  deepStrictEqual(message.options, {
    type: "release",
    serverId: SERVER,
    clientId: IDENTITY.clientId,
  });
});

Deno.test("acquire() asks for the address that it had before", async () => {
  const lan = new FakeLan(honest());
  await clientOf(lan).acquire("192.0.2.9");

  strictEqual(lan.sent[0]?.message.options.requestedAddress, "192.0.2.9");
});

Deno.test("acquire() asks for answers by broadcast on a link that sees no others", async () => {
  const lan = new FakeLan(honest());
  await clientOf(lan, { wantsBroadcast: true }).acquire();

  deepStrictEqual(lan.sent.map(({ message }) => message.wantsBroadcast), [true, true]);
});

Deno.test("acquire() takes an infinite lease", async () => {
  const { grant: { lease } } = await acquireFrom(honest({ leaseSeconds: INFINITE_SECONDS }));

  deepStrictEqual([lease.renewAt, lease.rebindAt, lease.expiresAt], [NEVER, NEVER, NEVER]);
});

Deno.test("acquire() replaces times that make no sense", async () => {
  const { grant: { lease } } = await acquireFrom(
    honest({ leaseSeconds: 800, renewalSeconds: 900, rebindingSeconds: 1000 }),
  );
  const askedAt = BEGAN_AT + 1;

  deepStrictEqual(
    [lease.renewAt - askedAt, lease.rebindAt - askedAt, lease.expiresAt - askedAt],
    [400_000, 700_000, 800_000],
  );
});

Deno.test("acquire() takes the first of two offers", async () => {
  const { lan, grant: { lease } } = await acquireFrom(({ options: { type, serverId } }) =>
    type === "discover"
      ? [grant("offer"), grant("offer", { serverId: "192.0.2.2" }, { yourAddress: "192.0.2.6" })]
      : [grant("ack", { serverId: serverId ?? "" })]
  );

  strictEqual(lease.server, SERVER);
  strictEqual(lan.sent[1]?.message.options.serverId, SERVER);
});

Deno.test("acquire() sends again what was lost, later and later", async () => {
  let count = 0;
  const { lan } = await acquireFrom((message) =>
    message.options.type === "discover" && count++ < 2 ? [] : honest()(message)
  );
  const [first = 0, second = 0, third = 0] = lan.sent.map(({ at }) => at);

  deepStrictEqual(lan.types(), ["discover", "discover", "discover", "request"]);
  ok(second - first >= 3_000 && second - first <= 5_000);
  ok(third - second >= 7_000 && third - second <= 9_000);
  strictEqual(lan.sent[2]?.message.elapsedSeconds, Math.floor((third - first) / 1000));
});

Deno.test("acquire() gives up in time when nobody answers", async () => {
  const lan = new FakeLan(() => []);

  await rejects(() => clientOf(lan).acquire(), {
    kind: "unavailable",
    message:
      'Cannot get an address of network "lan" on "eth0": no DHCP server has given one in 18 seconds',
  });
  strictEqual(lan.time, BEGAN_AT + ACQUIRE_MS);
});

Deno.test("acquire() begins anew when the address is refused", async () => {
  let count = 0;
  const { lan, grant: { ipv4 } } = await acquireFrom((message) =>
    message.options.type === "request" && count++ === 0
      ? [{ options: { type: "nak", serverId: SERVER } }]
      : honest()(message)
  );

  deepStrictEqual(lan.types(), ["discover", "request", "discover", "request"]);
  strictEqual(ipv4.address, ADDRESS);
});

Deno.test("acquire() gives up a server that refuses what it offers, with its words", async () => {
  const lan = new FakeLan((message) =>
    message.options.type === "request"
      ? [{ options: { type: "nak", serverId: SERVER, message: "not you" } }]
      : honest()(message)
  );

  await rejects(() => clientOf(lan).acquire(), {
    message:
      /refuses what it offers in 0 seconds; received: 3 times a refusal of 192\.0\.2\.1 \("not you"\)$/,
  });
});

/** Answers that must not be taken, and what is said of them. */
const LIES: readonly (readonly [what: string, offer: Server, complaint: RegExp])[] = [
  ["of another conversation", lying({}, { transactionId: 7 }), /an answer to somebody else/],
  ["to another client", lying({}, { macAddress: "02:00:00:00:00:66" }), /to somebody else/],
  ["that a client sends", lying({}, { sender: "client" }), /an answer to somebody else/],
  ["without an address", lying({}, { yourAddress: "0.0.0.0" }), /with the address 0\.0\.0\.0/],
  ["of a multicast address", lying({}, { yourAddress: "224.0.0.1" }), /the address 224\.0\.0\.1/],
  ["of the loopback", lying({}, { yourAddress: "127.0.0.1" }), /with the address 127\.0\.0\.1/],
  ["without the server's name", () => [{
    yourAddress: ADDRESS,
    options: { type: "offer", leaseSeconds: 60 },
  }], /an offer of nobody with no identifier/],
  ["for no time", lying({ leaseSeconds: 0 }), /with no time for which it is given/],
  ["of garbage", () => [garbage()], /a malformed message of 192\.0\.2\.1/],
];

function lying(options: Partial<DhcpOptions>, fields: Partial<DhcpMessage> = {}): Server {
  return () => [grant("offer", options, fields)];
}

function garbage(): Uint8Array<ArrayBuffer> {
  return encodeUdpFrame({
    source: { macAddress: SERVER_MAC, address: SERVER, port: DHCP_PORT.server },
    destination: { macAddress: MAC, address: ADDRESS, port: DHCP_PORT.client },
    payload: new Uint8Array(300).fill(0xaa),
  });
}

for (const [what, server, complaint] of LIES) {
  Deno.test(`acquire() takes no offer ${what}`, async () => {
    const lan = new FakeLan(server);

    await rejects(() => clientOf(lan).acquire(), { message: complaint });
    deepStrictEqual(new Set(lan.types()), new Set(["discover"]));
  });
}

Deno.test("acquire() takes no acknowledgement of another server, or of another address", async () => {
  const lan = new FakeLan(({ options: { type } }) =>
    type === "discover" ? [grant("offer")] : [
      grant("ack", { serverId: "192.0.2.66" }),
      grant("ack", {}, { yourAddress: "192.0.2.66" }),
    ]
  );

  const failure = await clientOf(lan).acquire().catch((error) => error);

  match(failure.message, /an answer of 192\.0\.2\.66 to what 192\.0\.2\.1 was asked/);
  match(
    failure.message,
    /an answer of 192\.0\.2\.1 with the address 192\.0\.2\.66 for 192\.0\.2\.5/,
  );
});

/** A lease, and a LAN on which it can be extended. */
async function hold(server: Server): Promise<{ lan: FakeLan; held: DhcpGrant }> {
  const { grant: held } = await acquireFrom(honest());
  return { lan: new FakeLan(server), held };
}

Deno.test("extend() asks the server alone, from the address that is held", async () => {
  const { lan, held } = await hold(honest({ leaseSeconds: 7200 }));
  const answer = await clientOf(lan).extend(held, "server", EXTEND_MS);

  const [{ frame, message } = {}] = lan.sent;
  deepStrictEqual([frame?.source.address, frame?.destination], [
    ADDRESS,
    { macAddress: SERVER_MAC, address: SERVER, port: 67 },
  ]);
  strictEqual(message?.clientAddress, ADDRESS);
  strictEqual(message?.options.requestedAddress, undefined);
  strictEqual(message?.options.serverId, undefined);
  ok(typeof answer === "object");
  strictEqual(answer.lease.expiresAt, BEGAN_AT + 7_200_000);
});

Deno.test("extend() asks anybody, and takes the answer of another server", async () => {
  const { lan, held } = await hold(honest({ serverId: "192.0.2.2" }));
  const answer = await clientOf(lan).extend(held, "anybody", EXTEND_MS);

  strictEqual(lan.sent[0]?.frame.destination.macAddress, BROADCAST_MAC);
  ok(typeof answer === "object");
  strictEqual(answer.lease.server, "192.0.2.2");
});

Deno.test("extend() does not believe a refusal of another server than was asked", async () => {
  const nak = { options: { type: "nak", serverId: "192.0.2.66" } } as const;
  const { lan, held } = await hold(() => [nak]);

  strictEqual(await clientOf(lan).extend(held, "server", EXTEND_MS), undefined);
});

Deno.test("extend() says that the address is refused", async () => {
  const { lan, held } = await hold(() => [{ options: { type: "nak", serverId: SERVER } }]);

  strictEqual(await clientOf(lan).extend(held, "server", EXTEND_MS), "refused");
});

Deno.test("extend() gives undefined in time when nobody answers", async () => {
  const { lan, held } = await hold(() => []);

  strictEqual(await clientOf(lan).extend(held, "server", EXTEND_MS), undefined);
  strictEqual(lan.time, BEGAN_AT + EXTEND_MS);
});

Deno.test("planClientId() is of the container and the link alone", () => {
  const id = "0123456789abcdef".repeat(4);

  strictEqual(planClientId(id, 1), "ff" + "00000001" + "0004" + "0123456789abcdef".repeat(2));
});
