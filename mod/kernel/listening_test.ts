import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { TestNetwork } from "../../tests/test_network.ts";
import {
  findSocketOwner,
  type ListeningSocket,
  listListeningSockets,
  parseListeningSocket,
  type PortProtocol,
} from "./listening.ts";

/** What Linux 6.18 tells of a TCP socket that listens on port 8080 of `::1`. */
const ANSWER = "0a0a00001f900000" + "00000000000000000000000000000001" +
  "00000000000000000000000000000000" + "00000000" + "0091000000000000" + "00000000" + "0ff01000" +
  "00000000" + "00000000" + "11a95200" + "0500080000000000" + "05000b0001000000";

/** Sockets of a namespace, but for their numbers. */
function listIn(network: TestNetwork, protocol: PortProtocol): Omit<ListeningSocket, "inode">[] {
  return network.within(() => listListeningSockets(protocol)).map(({ inode: _, ...rest }) => rest);
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

Deno.test("listListeningSockets() gives TCP sockets that listen, of both families", () => {
  using network = new TestNetwork();
  using _ipv4 = network.within(() => Deno.listen({ hostname: "127.0.0.1", port: 8080 }));
  using _all = network.within(() => Deno.listen({ hostname: "0.0.0.0", port: 8081 }));
  using _ipv6 = network.within(() => Deno.listen({ hostname: "::1", port: 8082 }));

  deepStrictEqual(listIn(network, "tcp"), [
    { address: "0.0.0.0", port: 8081, takesIpv4: true, linkIndex: 0 },
    { address: "127.0.0.1", port: 8080, takesIpv4: true, linkIndex: 0 },
    { address: "::1", port: 8082, takesIpv4: true, linkIndex: 0 },
  ]);
  deepStrictEqual(listIn(network, "udp"), []);
});

Deno.test("listListeningSockets() leaves out connections", async () => {
  using network = new TestNetwork();
  using listener = network.within(() => Deno.listen({ hostname: "127.0.0.1", port: 8080 }));
  const accepted = listener.accept();
  using _client = await connectWithin(network, 8080);
  using _server = await accepted;

  deepStrictEqual(listIn(network, "tcp").map(({ port }) => port), [8080]);
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
