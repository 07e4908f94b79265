import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { TestLinks } from "../../tests/test_links.ts";
import {
  type Link,
  newBridge,
  newDummy,
  newIpvlan,
  newMacvlan,
  newVeth,
  newVlan,
  parseLink,
  type VethRequest,
} from "./link.ts";
import {
  attributeText,
  encodeRequests,
  listAttributes,
  type NetlinkRequest,
  parseAttributes,
  parseMessages,
} from "./netlink.ts";
import { openForReading } from "./open.ts";

const MAC = "02:42:00:00:00:01";
const PEER_MAC = "02:42:00:00:00:03";

const IFINFOMSG_BYTES = 16;
const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_PID = 19;
const IFLA_NET_NS_FD = 28;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;

/** What Linux 6.18 tells of a bridge `br0` with the alias `hallo`, shortened to what is read of it. */
const BRIDGE_ANSWER = "00000100020000000310000000000000" + // ifinfomsg
  "0800030062723000" + // IFNAME
  "08000400dc050000" + // MTU
  "0a00140068616c6c6f000000" + // IFALIAS
  "0a000100024200000001" + "0000" + // ADDRESS
  "1c001200" + "0b00010062726964676500" + "00" + "0c000280" + "08000200c8000000"; // LINKINFO

/** What a request or a peer says: its fixed part, and its attributes by type as hexadecimal digits. */
type Said = Record<string, unknown>;

/** What a request says of a new link, whatever the order; namespaces differ, and are left out. */
function saidBy(request: NetlinkRequest): Said {
  return saidIn(encodeRequests([request]));
}

function saidIn(bytes: Uint8Array<ArrayBuffer>): Said {
  const [message] = parseMessages(bytes);
  if (message === undefined) throw new RangeError("Cannot test with a message that is cut off");
  const { type, payload } = message;
  const info = parseAttributes(payload, IFINFOMSG_BYTES).get(IFLA_LINKINFO) ?? new Uint8Array();
  const kind = attributeText(parseAttributes(info).get(IFLA_INFO_KIND));
  const data = listAttributes(parseAttributes(info).get(IFLA_INFO_DATA) ?? new Uint8Array());
  return {
    type,
    ...saidOfLink(payload),
    kind,
    data: data.map(([type, value]) =>
      kind === "veth" && type === VETH_INFO_PEER ? saidOfLink(value) : [type, value.toHex()]
    ),
  };
}

function saidOfLink(bytes: Uint8Array<ArrayBuffer>): Said {
  const attributes = listAttributes(bytes, IFINFOMSG_BYTES)
    .filter(([type]) => ![IFLA_LINKINFO, IFLA_NET_NS_FD, IFLA_NET_NS_PID].includes(type));
  return {
    header: bytes.subarray(0, IFINFOMSG_BYTES).toHex(),
    attributes: Object.fromEntries(attributes.map(([type, value]) => [type, value.toHex()])),
  };
}

/** What `ip` of iproute2 6.1 said, as strace showed it. */
function saidByIp(...hex: readonly string[]): Said {
  return saidIn(Uint8Array.fromHex(hex.join("")));
}

/** A link of the kernel's as `ip` shows it. */
function shownLink(host: TestLinks, name: string): Omit<Link, "masterIndex" | "parentIndex"> {
  const shown = host.showLink(name);
  const info = shown["linkinfo"] as Record<string, string> | undefined;
  return {
    index: shown["ifindex"] as number,
    name: shown["ifname"] as string,
    kind: info?.["info_kind"] ?? "",
    isUp: (shown["flags"] as string[]).includes("UP"),
    macAddress: shown["address"] as string,
    mtu: shown["mtu"] as number,
    alias: (shown["ifalias"] as string | undefined) ?? "",
  };
}

/** The same of {@linkcode Links}. */
function foundLink(host: TestLinks, name: string): Omit<Link, "masterIndex" | "parentIndex"> {
  const { masterIndex: _, parentIndex: __, ...link } = host.links.get(name);
  return link;
}

/** A veth pair from a new bridge `br0` into a namespace. */
function addPair(
  host: TestLinks,
  container: TestLinks,
  options: Partial<Omit<VethRequest, "peer">> = {},
): void {
  const peer = { name: "eth0", namespace: container.namespace, macAddress: PEER_MAC };
  const bridgeIndex = host.addBridge("br0");
  host.links.addVeth({ name: "veth1", bridgeIndex, peer, ...options });
}

/** What `ip` shows of a port of a bridge. */
function showPort(host: TestLinks, name: string): Record<string, unknown> {
  const info = host.showLink(name)["linkinfo"] as Record<string, Record<string, unknown>>;
  return info["info_slave_data"] ?? {};
}

/** Whether `ip` shows a port of a bridge as isolated. */
function isIsolated(host: TestLinks, name: string): unknown {
  return showPort(host, name)["isolated"];
}

Deno.test("newBridge() says what ip says", () => {
  deepStrictEqual(
    saidBy(newBridge("br9", { macAddress: MAC, mtu: 1400 })),
    saidByIp(
      "4c000000100005061b35016b00000000000000000000000001000000010000000a00010002420000000100000",
      "800040078050000080003006272390010001200" + "0a0001006272696467650000",
    ),
  );
});

Deno.test("newDummy() says what ip says", () => {
  deepStrictEqual(
    saidBy(newDummy("dm9")),
    saidByIp(
      "38000000100005061b35016b00000000000000000000000001000000010000000800030064",
      "6d3900100012000900010064756d6d79000000",
    ),
  );
});

Deno.test("newVeth() says what ip says", () => {
  using namespace = openForReading("/proc/self/ns/net");

  deepStrictEqual(
    saidBy(newVeth({
      name: "ve9",
      bridgeIndex: 2,
      mtu: 1300,
      peer: { name: "eth9", namespace, macAddress: PEER_MAC, mtu: 1300 },
    })),
    saidByIp(
      "7c000000100005061c35016b000000000000000000000000010000000100000008000400140500000800",
      "0a00020000000800030076653900440012000800010076657468380002003400010000000000000000000000",
      "0000000000000a00010002420000000300000800040014050000090003006574683900000000",
    ),
  );
});

Deno.test("newMacvlan() says what ip says", () => {
  using namespace = openForReading("/proc/self/ns/net");
  const macAddress = "02:42:00:00:00:02";

  deepStrictEqual(
    saidBy(
      newMacvlan({ name: "mv9", parentIndex: 2, namespace, mode: "bridge", macAddress, mtu: 1300 }),
    ),
    saidByIp(
      "68000000100005061b35016b00000000000000000000000000000000000000000a0001000242000000020000",
      "08000400140500000800130001000000080005000200000008000300" + "6d7639001c0012000b000100",
      "6d6163766c616e000c0002000800010004000000",
    ),
  );
});

Deno.test("newIpvlan() says what ip says, but for flags that are 0", () => {
  using namespace = openForReading("/proc/self/ns/net");
  const said = saidByIp(
    "54000000100005061b35016b0000000000000000000000000000000000000000080005000200000008000300",
    "69763900240012000a0001006970766c616e00001400020006000100010000000600020000000000",
  );
  const flags = (said["data"] as unknown[]).pop();

  deepStrictEqual(
    saidBy(newIpvlan({ name: "iv9", parentIndex: 2, namespace, mode: "l3" })),
    said,
  );
  deepStrictEqual(flags, [2, "0000"]);
});

Deno.test("newVlan() says what ip says", () => {
  deepStrictEqual(
    saidBy(newVlan({ name: "vl9.10", parentIndex: 1, id: 10 })),
    saidByIp(
      "4c000000100005061b35016b00000000000000000000000001000000010000000800050001000000",
      "0b000300766c392e31300000" + "1800120008000100766c616e0c000200060001000a000000",
    ),
  );
});

Deno.test("newBridge() refuses a malformed hardware address", () => {
  throws(() => newBridge("br0", { macAddress: "02:42" }), {
    name: "RangeError",
    message: 'Cannot use the hardware address "02:42": it is not six bytes',
  });
});

Deno.test("parseLink() reads what the kernel tells of a bridge", () => {
  deepStrictEqual(parseLink({ type: 16, payload: Uint8Array.fromHex(BRIDGE_ANSWER) }), {
    index: 2,
    name: "br0",
    kind: "bridge",
    isUp: true,
    macAddress: MAC,
    mtu: 1500,
    masterIndex: 0,
    parentIndex: 0,
    alias: "hallo",
  });
});

Deno.test("Links.list() gives lo of a new namespace", () => {
  using host = new TestLinks();

  deepStrictEqual(host.links.list(), [{
    index: 1,
    name: "lo",
    kind: "",
    isUp: true,
    macAddress: "00:00:00:00:00:00",
    mtu: 65536,
    masterIndex: 0,
    parentIndex: 0,
    alias: "",
  }]);
});

Deno.test("Links.addBridge() makes a bridge that is up, with all it was given", () => {
  using host = new TestLinks();

  host.links.addBridge("br0", { macAddress: MAC, mtu: 1400, alias: "network größe" });

  deepStrictEqual(foundLink(host, "br0"), {
    index: 2,
    name: "br0",
    kind: "bridge",
    isUp: true,
    macAddress: MAC,
    mtu: 1400,
    alias: "network größe",
  });
  deepStrictEqual(shownLink(host, "br0"), foundLink(host, "br0"));
});

Deno.test("Links.addBridge() names a link that is there", () => {
  using host = new TestLinks();
  host.links.addBridge("br0");

  throws(() => host.links.addBridge("br0", { alias: "mine" }), {
    name: "SystemError",
    code: "EEXIST",
    message: 'Cannot make bridge "br0": file exists (EEXIST)',
  });
  strictEqual(host.links.get("br0").alias, "");
});

Deno.test("Links.addVeth() makes a port that is up and its peer in the other namespace", () => {
  using host = new TestLinks();
  using container = new TestLinks();

  addPair(host, container);

  const port = host.links.get("veth1");
  const peer = container.links.get("eth0");
  deepStrictEqual([port.kind, port.isUp, port.masterIndex], ["veth", true, 2]);
  deepStrictEqual([peer.kind, peer.isUp, peer.macAddress], ["veth", false, PEER_MAC]);
  deepStrictEqual([port.parentIndex, peer.parentIndex], [peer.index, port.index]);
  deepStrictEqual(shownLink(host, "veth1"), foundLink(host, "veth1"));
  deepStrictEqual(shownLink(container, "eth0"), foundLink(container, "eth0"));
  strictEqual(host.showLink("veth1")["master"], "br0");
  strictEqual(host.links.find("eth0"), undefined);
});

Deno.test("Links.addVeth() gives each end its MTU", () => {
  using host = new TestLinks();
  using container = new TestLinks();
  const bridgeIndex = host.addBridge("br0");
  const peer = { name: "eth0", namespace: container.namespace, macAddress: PEER_MAC, mtu: 1280 };

  host.links.addVeth({ name: "veth1", bridgeIndex, mtu: 1400, peer });

  strictEqual(host.showLink("veth1")["mtu"], 1400);
  strictEqual(container.showLink("eth0")["mtu"], 1280);
});

Deno.test("Links.addVeth() isolates a port when asked to", () => {
  using host = new TestLinks();
  using container = new TestLinks();

  addPair(host, container, { isIsolated: true });

  strictEqual(isIsolated(host, "veth1"), true);
});

Deno.test("Links.addVeth() does not isolate a port otherwise", () => {
  using host = new TestLinks();
  using container = new TestLinks();

  addPair(host, container);

  strictEqual(isIsolated(host, "veth1"), false);
});

Deno.test("Links.addVeth() has packets reflected when asked to", () => {
  using host = new TestLinks();
  using container = new TestLinks();

  addPair(host, container, { isReflected: true });

  strictEqual(showPort(host, "veth1")["hairpin"], true);
  strictEqual(isIsolated(host, "veth1"), false);
});

Deno.test("Links.addVeth() makes neither end when the name is taken in the namespace", () => {
  using host = new TestLinks();
  using container = new TestLinks();
  container.addBridge("eth0");

  throws(() => addPair(host, container), {
    code: "EEXIST",
    message: /^Cannot make veth "veth1": file exists \(EEXIST\)/,
  });

  strictEqual(host.links.find("veth1"), undefined);
});

Deno.test("Links.addMacvlan() makes it in the other namespace, switched off", () => {
  using host = new TestLinks();
  using container = new TestLinks();
  const parentIndex = host.addCard("lan0");

  host.links.addMacvlan({
    name: "eth0",
    parentIndex,
    namespace: container.namespace,
    mode: "private",
    macAddress: MAC,
    mtu: 1400,
  });

  const { linkinfo } = container.showLink("eth0") as { linkinfo: { info_data: { mode: string } } };
  strictEqual(linkinfo.info_data.mode, "private");
  strictEqual(container.links.get("eth0").parentIndex, parentIndex);
  deepStrictEqual(foundLink(container, "eth0"), {
    index: 2,
    name: "eth0",
    kind: "macvlan",
    isUp: false,
    macAddress: MAC,
    mtu: 1400,
    alias: "",
  });
  deepStrictEqual(shownLink(container, "eth0"), foundLink(container, "eth0"));
});

Deno.test("Links.addMacvlan() names the link when there is no parent", () => {
  using host = new TestLinks();
  using container = new TestLinks();
  const { namespace } = container;

  throws(
    () => host.links.addMacvlan({ name: "eth0", parentIndex: 77, namespace, mode: "bridge" }),
    {
      code: "ENODEV",
      message: /^Cannot make macvlan "eth0": no such device \(ENODEV\)/,
    },
  );
});

Deno.test("Links.find() gives nothing for a name that no link has", () => {
  using host = new TestLinks();

  strictEqual(host.links.find("missing"), undefined);
});

Deno.test("Links.get() names what is not there", () => {
  using host = new TestLinks();

  throws(() => host.links.get("missing"), {
    message: 'Cannot find link "missing": no such device (ENODEV)',
  });
  throws(() => host.links.get(77), { message: 'Cannot find link "77": no such device (ENODEV)' });
});

Deno.test("Links.setUp() and setDown() switch by name and by index", () => {
  using host = new TestLinks();
  const index = host.addBridge("br0");

  host.links.setDown("br0");
  const isDown = !host.links.get("br0").isUp;
  host.links.setUp(index);

  strictEqual(isDown, true);
  strictEqual(host.links.get(index).isUp, true);
});

Deno.test("Links.remove() takes a pair away with both ends", () => {
  using host = new TestLinks();
  using container = new TestLinks();
  addPair(host, container);

  const wasThere = host.links.remove("veth1");

  strictEqual(wasThere, true);
  strictEqual(host.links.find("veth1"), undefined);
  strictEqual(container.links.find("eth0"), undefined);
});

Deno.test("Links.remove() finds nothing to do when there is no such link", () => {
  using host = new TestLinks();

  strictEqual(host.links.remove("missing"), false);
});

Deno.test("Links.remove() refuses what cannot go", () => {
  using host = new TestLinks();

  throws(() => host.links.remove("lo"), {
    code: "EOPNOTSUPP",
    message: /^Cannot remove link "lo": operation not supported \(EOPNOTSUPP\)/,
  });
});

Deno.test("Links.rename() gives a link another name, by name and by index", () => {
  using host = new TestLinks();
  const index = host.addBridge("one");
  host.links.setDown("one");

  host.links.rename("one", "two");
  host.links.rename(index, "three");

  strictEqual(host.links.get(index).name, "three");
});

Deno.test("Links.rename() names the link when the name is taken", () => {
  using host = new TestLinks();
  host.addBridge("one");
  host.addBridge("two");
  host.links.setDown("one");

  throws(() => host.links.rename("one", "two"), {
    message: /^Cannot rename link "one": file exists \(EEXIST\)/,
  });
});

Deno.test("Links.setMaster() makes a link a port, and lets it go", () => {
  using host = new TestLinks();
  host.addCard("lan0");
  const bridgeIndex = host.addBridge("br0");

  host.links.setMaster("lan0", bridgeIndex);
  const attached = host.links.get("lan0").masterIndex;
  host.links.setMaster("lan0", 0);

  strictEqual(attached, bridgeIndex);
  strictEqual(host.links.get("lan0").masterIndex, 0);
});

Deno.test("Links.setMaster() refuses a bridge as a port", () => {
  using host = new TestLinks();
  const index = host.addBridge("one");
  host.addBridge("two");

  throws(() => host.links.setMaster("two", index), {
    message: /^Cannot attach link "two": too many levels of symbolic links \(ELOOP\)/,
  });
});

Deno.test("Links.setAlias() describes a link, and takes the text away", () => {
  using host = new TestLinks();
  host.addBridge("br0");

  host.links.setAlias("br0", "first");
  const first = host.links.get("br0").alias;
  host.links.setAlias("br0", "");

  strictEqual(first, "first");
  strictEqual(host.links.get("br0").alias, "");
});

Deno.test("Links names a kind of link that the kernel does not have", () => {
  using host = new TestLinks();
  const unknown: NetlinkRequest = {
    ...newBridge("x0"),
    attributes: [[IFLA_IFNAME, "x0"], [IFLA_LINKINFO, [[IFLA_INFO_KIND, "nokind"]]]],
  };

  throws(() => host.socket.request(unknown), {
    message: /^Cannot make bridge "x0": operation not supported \(EOPNOTSUPP\)/,
  });
});
