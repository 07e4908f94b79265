import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { TestNetwork } from "../../tests/test_network.ts";
import { type Connection, type ConnectionEnd, deleteConnections } from "./conntrack.ts";
import { parseIpAddress } from "./ip.ts";
import { type Attribute, NETLINK, NetlinkSocket, NLM_F } from "./netlink.ts";

const IPCTNL_MSG_CT_NEW = 0x100;
const AF_INET = 2;
const AF_INET6 = 10;
const TCP = 6;
const UDP = 17;

/** `CTA_TUPLE`, with `CTA_IP` and `CTA_PROTO` nested. */
function tuple(source: ConnectionEnd, destination: ConnectionEnd, protocol: number): Attribute[] {
  const from = bytesOf(source.address);
  const to = bytesOf(destination.address);
  const isIpv4 = from.length === 4;
  return [
    [1, [[isIpv4 ? 1 : 3, from], [isIpv4 ? 2 : 4, to]]],
    [2, [
      [1, new Uint8Array([protocol])],
      [2, portBytes(source.port)],
      [3, portBytes(destination.port)],
    ]],
  ];
}

function bytesOf(address: string): Uint8Array {
  return parseIpAddress(address)?.bytes ?? new Uint8Array();
}

function portBytes(port: number): Uint8Array {
  return new Uint8Array([port >> 8, port & 0xff]);
}

/** Has the kernel remember a connection that nobody ever made. */
function remember(socket: NetlinkSocket, connection: Connection): void {
  const { protocol, source, destination, replySource, replyDestination } = connection;
  const isIpv6 = source.address.includes(":");
  const timeoutSeconds = new Uint8Array([0, 0, 1, 0]);
  socket.request({
    type: IPCTNL_MSG_CT_NEW,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    header: new Uint8Array([isIpv6 ? AF_INET6 : AF_INET, 0, 0, 0]),
    attributes: [
      [1, tuple(source, destination, protocol)],
      [2, tuple(replySource, replyDestination, protocol)],
      [7, timeoutSeconds],
    ],
    action: "remember",
    subject: "connection",
  });
}

/** A connection from outside by a published port of the host to a container. */
function published(
  clientPort: number,
  hostPort: number,
  container: string,
  protocol = UDP,
): Connection {
  const isIpv6 = container.includes(":");
  const source = { address: isIpv6 ? "2001:db8::9" : "198.51.100.9", port: clientPort };
  const host = isIpv6 ? "2001:db8::1" : "192.0.2.1";
  return {
    protocol,
    source,
    destination: { address: host, port: hostPort },
    replySource: { address: container, port: 5353 },
    replyDestination: source,
  };
}

/** All connections of a protocol that are remembered, by the port of their client. */
function rememberedPorts(socket: NetlinkSocket, protocol: "tcp" | "udp" = "udp"): number[] {
  const ports: number[] = [];
  deleteConnections(socket, {
    protocol,
    isStale: ({ source }) => {
      ports.push(source.port);
      return false;
    },
  });
  return ports.sort();
}

Deno.test("deleteConnections() forgets those to a port of the host", () => {
  using network = new TestNetwork();
  using socket = network.within(() => new NetlinkSocket(NETLINK.NETFILTER));
  remember(socket, published(1001, 53, "10.0.0.2"));
  remember(socket, published(1002, 54, "10.0.0.2"));
  remember(socket, published(1003, 53, "10.0.0.3"));

  const count = deleteConnections(socket, {
    protocol: "udp",
    isStale: ({ destination }) => destination.port === 53,
  });

  strictEqual(count, 2);
  deepStrictEqual(rememberedPorts(socket), [1002]);
});

Deno.test("deleteConnections() forgets those that a container answers, of both families", () => {
  using network = new TestNetwork();
  using socket = network.within(() => new NetlinkSocket(NETLINK.NETFILTER));
  remember(socket, published(1001, 53, "10.0.0.2"));
  remember(socket, published(1002, 53, "10.0.0.3"));
  remember(socket, published(1003, 53, "fd00::2"));
  const gone = ["10.0.0.2", "fd00::2"];

  const count = deleteConnections(socket, {
    protocol: "udp",
    isStale: ({ replySource }) => gone.includes(replySource.address),
  });

  strictEqual(count, 2);
  deepStrictEqual(rememberedPorts(socket), [1002]);
});

Deno.test("deleteConnections() shows all four ends", () => {
  using network = new TestNetwork();
  using socket = network.within(() => new NetlinkSocket(NETLINK.NETFILTER));
  const connection = published(1001, 53, "10.0.0.2");
  remember(socket, connection);
  const seen: Connection[] = [];

  deleteConnections(socket, { protocol: "udp", isStale: (found) => seen.push(found) === 0 });

  deepStrictEqual(seen, [connection]);
});

Deno.test("deleteConnections() leaves other protocols alone", () => {
  using network = new TestNetwork();
  using socket = network.within(() => new NetlinkSocket(NETLINK.NETFILTER));
  remember(socket, published(1001, 53, "10.0.0.2", TCP));
  remember(socket, published(1002, 53, "10.0.0.2", UDP));

  const count = deleteConnections(socket, { protocol: "udp", isStale: () => true });

  strictEqual(count, 1);
  deepStrictEqual(rememberedPorts(socket, "tcp"), [1001]);
});

Deno.test("deleteConnections() forgets nothing when there is nothing", () => {
  using network = new TestNetwork();
  using socket = network.within(() => new NetlinkSocket(NETLINK.NETFILTER));

  strictEqual(deleteConnections(socket, { protocol: "udp", isStale: () => true }), 0);
});
