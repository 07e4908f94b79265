import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Descriptor } from "../../ffi/descriptor.ts";
import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { TestNetwork } from "../../tests/test_network.ts";
import { parseIpAddress } from "./ip.ts";
import {
  findSocketOwner,
  type ListeningSocket,
  listListeningSockets,
  parseListeningSocket,
  type PortProtocol,
} from "./listening.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;

/** What Linux 6.18 tells of a TCP socket that listens on port 8080 of `::1`. */
const ANSWER = "0a0a00001f900000" + "00000000000000000000000000000001" +
  "00000000000000000000000000000000" + "00000000" + "0091000000000000" + "00000000" + "0ff01000" +
  "00000000" + "00000000" + "11a95200" + "0500080000000000" + "05000b0001000000";

/** `struct sockaddr_in` or `struct sockaddr_in6`. */
function socketAddress(address: string, port: number): Uint8Array<ArrayBuffer> {
  const { family, bytes } = parseIpAddress(address) ?? { family: 4, bytes: new Uint8Array(4) };
  const result = new Uint8Array(family === 4 ? 16 : 28);
  result.set([family === 4 ? AF_INET : AF_INET6, 0, port >> 8, port & 0xff]);
  result.set(bytes, family === 4 ? 4 : 8);
  return result;
}

/** A socket of the namespace with an end of its own, or one that it is connected to. */
function openSocket(
  network: TestNetwork,
  type: number,
  call: "bind" | "connect",
  [address, port]: readonly [address: string, port: number],
): Descriptor {
  const name = socketAddress(address, port);
  return network.within(() => {
    const family = name.length === 16 ? AF_INET : AF_INET6;
    const socket = new Descriptor(
      checked(core.nnn(SYSCALL.socket, family, type | SOCK_CLOEXEC, 0), "socket", address),
    );
    checked(core.nbnn(SYSCALL[call], socket.number, name, name.length, 0), call, address);
    return socket;
  });
}

/** Sockets of a namespace, but for their numbers. */
function listIn(network: TestNetwork, protocol: PortProtocol): Omit<ListeningSocket, "inode">[] {
  return network.within(() => listListeningSockets(protocol))
    .map(({ inode: _, ...rest }) => rest)
    .sort((one, other) => one.port - other.port);
}

Deno.test("parseListeningSocket() reads what the kernel tells of an IPv6 socket", () => {
  deepStrictEqual(parseListeningSocket({ type: 20, payload: Uint8Array.fromHex(ANSWER) }), {
    address: "::1",
    port: 8080,
    takesIpv4: false,
    linkIndex: 0,
    inode: 0x52a911,
  });
});

Deno.test("parseListeningSocket() reads a socket of both families on all addresses", () => {
  const payload = Uint8Array.fromHex(ANSWER);
  payload[23] = 0; // the address's last byte
  payload[84] = 0; // INET_DIAG_SKV6ONLY

  const { address, takesIpv4 } = parseListeningSocket({ type: 20, payload });

  deepStrictEqual([address, takesIpv4], ["::", true]);
});

Deno.test("listListeningSockets() gives TCP sockets that listen, of both families", () => {
  using network = new TestNetwork();
  using _one = network.within(() => Deno.listen({ hostname: "127.0.0.1", port: 8080 }));
  using _all = network.within(() => Deno.listen({ hostname: "0.0.0.0", port: 8081 }));
  using _ipv6 = network.within(() => Deno.listen({ hostname: "::1", port: 8082 }));

  deepStrictEqual(listIn(network, "tcp"), [
    { address: "127.0.0.1", port: 8080, takesIpv4: true, linkIndex: 0 },
    { address: "0.0.0.0", port: 8081, takesIpv4: true, linkIndex: 0 },
    { address: "::1", port: 8082, takesIpv4: false, linkIndex: 0 },
  ]);
  deepStrictEqual(listIn(network, "udp"), []);
});

Deno.test("listListeningSockets() leaves out connections", () => {
  using network = new TestNetwork();
  using _listener = network.within(() => Deno.listen({ hostname: "127.0.0.1", port: 8080 }));
  using _client = openSocket(network, SOCK_STREAM, "connect", ["127.0.0.1", 8080]);

  deepStrictEqual(listIn(network, "tcp").map(({ port }) => port), [8080]);
});

Deno.test("listListeningSockets() gives UDP sockets that are bound, of both families", () => {
  using network = new TestNetwork();
  using _one = openSocket(network, SOCK_DGRAM, "bind", ["127.0.0.1", 5301]);
  using _both = openSocket(network, SOCK_DGRAM, "bind", ["::", 5302]);
  using _mapped = openSocket(network, SOCK_DGRAM, "bind", ["::ffff:127.0.0.1", 5303]);

  deepStrictEqual(listIn(network, "udp"), [
    { address: "127.0.0.1", port: 5301, takesIpv4: true, linkIndex: 0 },
    { address: "::", port: 5302, takesIpv4: true, linkIndex: 0 },
    { address: "127.0.0.1", port: 5303, takesIpv4: true, linkIndex: 0 },
  ]);
  deepStrictEqual(listIn(network, "tcp"), []);
});

Deno.test("listListeningSockets() leaves out UDP sockets that are connected", () => {
  using network = new TestNetwork();
  using _client = openSocket(network, SOCK_DGRAM, "connect", ["127.0.0.1", 5301]);

  deepStrictEqual(listIn(network, "udp"), []);
});

Deno.test("listListeningSockets() gives nothing for SCTP where nothing listens, with or without SCTP", () => {
  using network = new TestNetwork();

  deepStrictEqual(listIn(network, "sctp"), []);
});

Deno.test("findSocketOwner() finds the process that has a socket", () => {
  using network = new TestNetwork();
  using _listener = network.within(() => Deno.listen({ hostname: "127.0.0.1", port: 8080 }));
  const [socket] = network.within(() => listListeningSockets("tcp"));

  const owner = findSocketOwner(socket?.inode ?? 0);

  deepStrictEqual(owner, {
    pid: Deno.pid,
    name: Deno.readTextFileSync("/proc/self/comm").trimEnd(),
  });
});

Deno.test("findSocketOwner() finds nobody when there is no such socket", () => {
  strictEqual(findSocketOwner(0), undefined);
});
