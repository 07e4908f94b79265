import { deepStrictEqual, doesNotThrow, strictEqual, throws } from "node:assert/strict";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { TestLinks } from "../../tests/test_links.ts";
import { TestNetwork } from "../../tests/test_network.ts";
import { addAddress, listAddresses, newAddress, removeAddress } from "./address.ts";
import { newBridge, switchLinkOn } from "./link.ts";
import { newRoute } from "./route.ts";
import {
  type Attribute,
  attributeNumber,
  attributeText,
  encodeAttributes,
  encodeRequests,
  listAttributes,
  NETLINK,
  type NetlinkRequest,
  NetlinkSocket,
  NLM_F,
  parseAttributes,
  parseMessages,
} from "./netlink.ts";

/** What Linux 6.18 answers to a request for a route by a gateway that is not on the link. */
const REFUSAL = "44000000020000030400000079200000" +
  "9bffffff34000000180005060400000000000000" +
  "200001004e657874686f702068617320696e76616c6964206761746577617900";

/** Two messages of one datagram, the end of a dump of IPv4 addresses. */
const TWO_ADDRESSES = "30000000140005061c35016b000000000218000002000000" +
  "080002000a010203080001000a010203080004000a0102ff" +
  "1400000003000200020000007920000000000000";

const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const NFT_MSG_NEWTABLE = 0xa00;
const NFT_MSG_NEWCHAIN = 0xa03;
const NFPROTO_INET = 1;

/** A request to nf_tables: `struct nfgenmsg` and names by attribute. */
function nfRequest(
  type: number,
  subject: string,
  attributes: readonly Attribute[],
): NetlinkRequest {
  const header = new Uint8Array([NFPROTO_INET, 0, 0, 0]);
  return { type, flags: NLM_F.CREATE, header, attributes, action: "make", subject };
}

/** A message that begins or ends a batch for nf_tables. */
function nfFrame(type: number): NetlinkRequest {
  const header = new Uint8Array([0, 0, 0, 10]);
  return { type, header, action: "commit", subject: "batch" };
}

/** Requests for addresses of `lo`. */
function loopbackAddresses(count: number): NetlinkRequest[] {
  return Array.from(
    { length: count },
    (_, number) =>
      newAddress({ index: 1, address: `10.0.${number >> 8}.${number & 0xff}`, prefixLength: 32 }),
  );
}

/** Comes between a socket and the kernel: acts each time when an answer has been read, and counts what is sent. */
class Intruder implements Disposable {
  readonly #original = core.nbnn;
  #isActing = false;
  /** How many times something was sent, other than by the act. */
  sent = 0;

  constructor(act: () => void) {
    core.nbnn = (number, ...args) => {
      const result = this.#original(number, ...args);
      if (this.#isActing) return result;
      if (number === SYSCALL.write) this.sent++;
      this.#isActing = true;
      if (number === SYSCALL.read) act();
      this.#isActing = false;
      return result;
    };
  }

  [Symbol.dispose](): void {
    core.nbnn = this.#original;
  }
}

Deno.test("encodeAttributes() pads each value to four bytes but not its length", () => {
  deepStrictEqual(
    encodeAttributes([[1, new Uint8Array([7])], [2, "eth0"], [3, 0x01020304]]).toHex(),
    "0500010007000000" + "090002006574683000000000" + "0800030004030201",
  );
});

Deno.test("encodeAttributes() marks lists as nested and counts what is in them", () => {
  deepStrictEqual(
    encodeAttributes([[18, [[1, "veth"], [2, []]]]]).toHex(),
    "14001280" + "0900010076657468" + "00000000" + "04000280",
  );
});

Deno.test("listAttributes() gives back what encodeAttributes() took", () => {
  const values = [new Uint8Array(), new Uint8Array([1]), new Uint8Array([1, 2, 3, 4, 5])];

  const bytes = encodeAttributes(values.map((value) => [7, value]));

  deepStrictEqual(listAttributes(bytes), values.map((value) => [7, value]));
});

Deno.test("parseAttributes() takes the last of several and clears the flags of types", () => {
  const bytes = encodeAttributes([[1, "a"], [1, "b"], [2, [[3, 4]]]]);

  const attributes = parseAttributes(bytes);

  strictEqual(attributeText(attributes.get(1)), "b");
  strictEqual(attributeNumber(parseAttributes(attributes.get(2) ?? bytes).get(3)), 4);
});

Deno.test("parseAttributes() leaves out an attribute that is cut off or shorter than its header", () => {
  const bytes = encodeAttributes([[1, "first"], [2, "second"]]);
  const withBadLength = bytes.slice();
  withBadLength[12] = 3;

  deepStrictEqual([...parseAttributes(bytes.subarray(0, -4)).keys()], [1]);
  deepStrictEqual([...parseAttributes(bytes.subarray(0, 14)).keys()], [1]);
  deepStrictEqual([...parseAttributes(withBadLength).keys()], [1]);
  deepStrictEqual([...parseAttributes(new Uint8Array(3)).keys()], []);
});

Deno.test("attributeText() ends at the first NUL, or with the value", () => {
  strictEqual(attributeText(new Uint8Array([0x61, 0x62, 0, 0x63])), "ab");
  strictEqual(attributeText(new Uint8Array([0x61, 0x62])), "ab");
  strictEqual(attributeText(undefined), "");
});

Deno.test("attributeNumber() is 0 for a value that is missing or too short", () => {
  strictEqual(attributeNumber(new Uint8Array([1, 2, 3, 4])), 0x04030201);
  strictEqual(attributeNumber(new Uint8Array([1, 2])), 0);
  strictEqual(attributeNumber(undefined), 0);
});

Deno.test("encodeAttributes() refuses a value that is too large for its length", () => {
  doesNotThrow(() => encodeAttributes([[5, new Uint8Array(65531)]]));
  throws(() => encodeAttributes([[5, new Uint8Array(65532)]]), {
    name: "RangeError",
    message: "Cannot send the netlink attribute 5: it has 65536 bytes",
  });
});

Deno.test("encodeAttributes() is whole when it outgrows the first buffer", () => {
  const many = Array.from({ length: 5000 }, (_, index) => [1, index] as const);

  const bytes = encodeAttributes(many);

  deepStrictEqual(
    listAttributes(bytes).map(([, value]) => attributeNumber(value)),
    many.map(([, value]) => value),
  );
});

Deno.test("encodeRequests() numbers requests and asks for acknowledgement where wanted", () => {
  const requests = ["a", "b"].map((name) => nfRequest(NFT_MSG_NEWTABLE, name, [[1, name]]));

  const bytes = encodeRequests(requests, (request) => request.subject === "b");

  deepStrictEqual(parseMessages(bytes), [
    {
      type: NFT_MSG_NEWTABLE,
      flags: NLM_F.REQUEST | NLM_F.CREATE,
      sequence: 0,
      payload: Uint8Array.fromHex("01000000" + "0600010061000000"),
    },
    {
      type: NFT_MSG_NEWTABLE,
      flags: NLM_F.REQUEST | NLM_F.CREATE | NLM_F.ACK,
      sequence: 1,
      payload: Uint8Array.fromHex("01000000" + "0600010062000000"),
    },
  ]);
});

Deno.test("parseMessages() takes all messages of a datagram", () => {
  const messages = parseMessages(Uint8Array.fromHex(TWO_ADDRESSES));

  deepStrictEqual(messages.map(({ type, flags, payload }) => [type, flags, payload.length]), [
    [20, 0x605, 32],
    [3, 2, 4],
  ]);
});

Deno.test("parseMessages() leaves out a message that is cut off", () => {
  const bytes = Uint8Array.fromHex(TWO_ADDRESSES);

  strictEqual(parseMessages(bytes.subarray(0, -1)).length, 1);
  strictEqual(parseMessages(bytes.subarray(0, 47)).length, 0);
  strictEqual(parseMessages(bytes.subarray(0, 15)).length, 0);
});

Deno.test("parseMessages() ends at a message that is shorter than its header", () => {
  const bytes = Uint8Array.fromHex(REFUSAL);
  bytes[0] = 4;

  deepStrictEqual(parseMessages(bytes), []);
});

Deno.test("NetlinkSocket names the request and the kernel's words when one is refused", () => {
  using host = new TestLinks();
  const index = host.addBridge("br0");
  const route = newRoute({ destination: "10.9.0.0/16", gateway: "10.200.0.1", index });

  throws(() => host.socket.request(route), {
    name: "SystemError",
    code: "ENETUNREACH",
    reason: "Nexthop has invalid gateway",
    message: 'Cannot add route "10.9.0.0/16 by 10.200.0.1": network is unreachable ' +
      "(ENETUNREACH): Nexthop has invalid gateway",
  });
});

Deno.test("NetlinkSocket.request() does what comes after a refused request", () => {
  using host = new TestLinks();

  throws(
    () => host.socket.request(newBridge("a"), switchLinkOn("missing"), newBridge("b")),
    { message: 'Cannot switch on link "missing": no such device (ENODEV)' },
  );

  deepStrictEqual(host.links.list().map(({ name }) => name), ["lo", "a", "b"]);
});

Deno.test("NetlinkSocket.request() throws the first of several refusals", () => {
  using host = new TestLinks();

  throws(
    () => host.socket.request(switchLinkOn("one"), switchLinkOn("two"), switchLinkOn("three")),
    { message: 'Cannot switch on link "one": no such device (ENODEV)' },
  );
});

Deno.test("NetlinkSocket.request() does nothing when there is nothing to do", () => {
  using host = new TestLinks();

  host.socket.request();

  deepStrictEqual(host.links.list().map(({ name }) => name), ["lo"]);
});

Deno.test("NetlinkSocket.request() takes thousands, refused or not", () => {
  using host = new TestLinks();
  const addresses = loopbackAddresses(3000);

  host.socket.request(...addresses);

  throws(() => host.socket.request(...addresses), {
    message: /^Cannot add address "10\.0\.0\.0\/32": file exists \(EEXIST\)/,
  });
  strictEqual(
    listAddresses(host.socket).filter(({ prefixLength }) => prefixLength === 32).length,
    3000,
  );
});

Deno.test("NetlinkSocket.find() gives nothing for what is not there", () => {
  using host = new TestLinks();

  strictEqual(host.socket.find(switchLinkOn("missing")), undefined);
  deepStrictEqual(host.socket.find(switchLinkOn("lo")), []);
});

Deno.test("NetlinkSocket.get() begins anew when what is dumped changes under way", () => {
  using host = new TestLinks();
  using other = host.within(() => new NetlinkSocket(NETLINK.ROUTE));
  host.socket.request(...loopbackAddresses(2000));
  const late = newAddress({ index: 1, address: "10.0.0.0", prefixLength: 16 });
  let isLate = false;
  using intruder = new Intruder(() => {
    if (!isLate) other.request(late);
    isLate = true;
  });

  const found = listAddresses(host.socket);

  strictEqual(intruder.sent, 2);
  strictEqual(found.filter(({ prefixLength }) => prefixLength === 16).length, 1);
  strictEqual(found.filter(({ prefixLength }) => prefixLength === 32).length, 2000);
});

Deno.test("NetlinkSocket.get() gives up when what is dumped changes each time", () => {
  using host = new TestLinks();
  using other = host.within(() => new NetlinkSocket(NETLINK.ROUTE));
  host.socket.request(...loopbackAddresses(2000));
  const flicker = { index: 1, address: "10.0.0.0", prefixLength: 16 };
  using _ = new Intruder(() => {
    addAddress(other, flicker);
    removeAddress(other, flicker);
  });

  throws(() => listAddresses(host.socket), {
    message: 'Cannot list "addresses": interrupted system call (EINTR): it changes all the time',
  });
});

Deno.test("NetlinkSocket stays in the namespace in which it was opened", () => {
  using host = new TestLinks();
  host.addBridge("only-here");
  using elsewhere = new TestLinks();

  strictEqual(elsewhere.links.find("only-here"), undefined);
  strictEqual(elsewhere.within(() => host.links.get("only-here").name), "only-here");
});

Deno.test("NetlinkSocket.batch() does nothing at all when a request in the middle is refused", () => {
  using network = new TestNetwork();
  using socket = network.within(() => new NetlinkSocket(NETLINK.NETFILTER));

  throws(
    () =>
      socket.batch([
        nfFrame(NFNL_MSG_BATCH_BEGIN),
        nfRequest(NFT_MSG_NEWTABLE, "table one", [[1, "one"]]),
        nfRequest(NFT_MSG_NEWCHAIN, "chain of two", [[1, "two"], [3, "chain"]]),
        nfRequest(NFT_MSG_NEWTABLE, "table three", [[1, "three"]]),
        nfFrame(NFNL_MSG_BATCH_END),
      ]),
    { message: 'Cannot make "chain of two": no such file or directory (ENOENT)' },
  );

  deepStrictEqual(network.listTables(), []);
});

Deno.test("NetlinkSocket.batch() does all when nothing is refused", () => {
  using network = new TestNetwork();
  using socket = network.within(() => new NetlinkSocket(NETLINK.NETFILTER));

  socket.batch([
    nfFrame(NFNL_MSG_BATCH_BEGIN),
    nfRequest(NFT_MSG_NEWTABLE, "table one", [[1, "one"]]),
    nfRequest(NFT_MSG_NEWCHAIN, "chain of one", [[1, "one"], [3, "chain"]]),
    nfFrame(NFNL_MSG_BATCH_END),
  ]);

  deepStrictEqual(network.listTables(), ["one"]);
});

Deno.test("NetlinkSocket.batch() throws when the batch is refused as a whole", () => {
  using network = new TestNetwork();
  using socket = network.within(() => new NetlinkSocket(NETLINK.NETFILTER));
  const unknownSubsystem = new Uint8Array([0, 0, 0, 200]);

  throws(
    () =>
      socket.batch([
        { ...nfFrame(NFNL_MSG_BATCH_BEGIN), header: unknownSubsystem },
        nfRequest(NFT_MSG_NEWTABLE, "table one", [[1, "one"]]),
        nfFrame(NFNL_MSG_BATCH_END),
      ]),
    { name: "SystemError", syscall: "commit" },
  );
});

Deno.test("NetlinkSocket can be used after a refusal", () => {
  using network = new TestNetwork();
  using socket = network.within(() => new NetlinkSocket(NETLINK.NETFILTER));
  const table = [nfRequest(NFT_MSG_NEWTABLE, "table one", [[1, "one"]])];
  const begin = nfFrame(NFNL_MSG_BATCH_BEGIN);
  const end = nfFrame(NFNL_MSG_BATCH_END);
  throws(() =>
    socket.batch([begin, nfRequest(NFT_MSG_NEWCHAIN, "", [[1, "no"], [3, "c"]]), ...table, end])
  );

  socket.batch([begin, ...table, end]);

  deepStrictEqual(network.listTables(), ["one"]);
});

Deno.test("NetlinkSocket cannot be opened for a family that the kernel does not have", () => {
  throws(() => new NetlinkSocket(31), {
    message: 'Cannot socket "AF_NETLINK": protocol not supported (EPROTONOSUPPORT)',
  });
});

Deno.test("NetlinkSocket.get() joins the many parts of a dump", () => {
  using host = new TestLinks();
  const names = Array.from({ length: 300 }, (_, number) => `br${number}`);
  host.socket.request(...names.map((name) => newBridge(name)));

  const found = host.links.list();

  deepStrictEqual(found.map(({ name }) => name), ["lo", ...names]);
});
