import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { TestLinks } from "../../tests/test_links.ts";
import { addAddress } from "./address.ts";
import { encodeRequests } from "./netlink.ts";
import { addRoute, listRoutes, newRoute, parseRoutes, removeRoute, ROUTE_TABLE } from "./route.ts";

/** What Linux 6.18 tells of a route in table 7 with two next routers. */
const TWO_HOPS = "02100000070300011000000008000f0007000000080001000a090000" +
  "240009001000100002000000080005000a0102011000100002000000080005000a010202";

/** The same of `unreachable 10.10.0.0/16`, and of `10.11.0.0/16 via inet6 fe80::1 dev br0`. */
const UNREACHABLE = "02100000fe0300070000000008000f00fe000000080001000a0a0000";
const BY_IPV6 = "02100000fe0300010000000008000f00fe000000080001000a0b0000" +
  "160012000a00fe800000000000000000000000000001" + "0000" + "0800040002000000";

function payloadOf(message: Uint8Array): string {
  return message.subarray(16).toHex();
}

/** Whether a route is not one of those that the kernel makes by itself when it gets round to it. */
function isChosen(route: string): boolean {
  return !route.startsWith("fe80:");
}

/** A card `lan0` with addresses of both families. */
function addCard(host: TestLinks): number {
  const index = host.addCard("lan0");
  addAddress(host.socket, { index, address: "10.1.2.3", prefixLength: 24 });
  addAddress(host.socket, { index, address: "fd00::3", prefixLength: 64 });
  return index;
}

/** A route of the main table as `ip` shows it: destination, router, link, metric. */
function shownRoute(host: TestLinks, destination: string, family = "-4"): unknown {
  const [route] = host.show(family, "route", "show", destination);
  return [route?.["dst"], route?.["gateway"], route?.["dev"], route?.["scope"], route?.["metric"]];
}

Deno.test("newRoute() says of the default route what ip says", () => {
  strictEqual(
    payloadOf(encodeRequests([newRoute({ gateway: "10.1.2.1", index: 2 })])),
    "02000000fe03000100000000" + "0800040002000000" + "080005000a010201",
  );
});

Deno.test("newRoute() says of a route on the link what ip says", () => {
  strictEqual(
    payloadOf(
      encodeRequests([newRoute({ destination: "10.9.0.0/16", index: 2, metric: 7 })]),
    ),
    "02100000fe03fd0100000000" + "0800040002000000" + "080001000a090000" + "0800060007000000",
  );
});

Deno.test("newRoute() refuses a malformed destination", () => {
  throws(() => newRoute({ destination: "10.9.0.0", index: 2 }), {
    name: "RangeError",
    message: 'Cannot route to "10.9.0.0": malformed',
  });
});

Deno.test("newRoute() refuses a route with neither destination nor gateway", () => {
  throws(() => newRoute({ index: 2 }), {
    name: "TypeError",
    message: "Cannot make a route: it has neither destination nor gateway",
  });
});

Deno.test("parseRoutes() gives one for each next router", () => {
  const route = { destination: "10.9.0.0/16", index: 2, table: 7 };

  deepStrictEqual(parseRoutes({ type: 24, payload: Uint8Array.fromHex(TWO_HOPS) }), [
    { ...route, gateway: "10.1.2.1" },
    { ...route, gateway: "10.1.2.2" },
  ]);
});

Deno.test("parseRoutes() gives no link when there is none", () => {
  deepStrictEqual(parseRoutes({ type: 24, payload: Uint8Array.fromHex(UNREACHABLE) }), [
    { destination: "10.10.0.0/16", gateway: "", index: 0, table: ROUTE_TABLE.MAIN },
  ]);
});

Deno.test("parseRoutes() gives a router of the other family", () => {
  deepStrictEqual(parseRoutes({ type: 24, payload: Uint8Array.fromHex(BY_IPV6) }), [
    { destination: "10.11.0.0/16", gateway: "fe80::1", index: 2, table: ROUTE_TABLE.MAIN },
  ]);
});

Deno.test("parseRoutes() leaves out caches and other families", () => {
  const cache = Uint8Array.fromHex(UNREACHABLE);
  cache.set([0x00, 0x02], 8);
  const other = Uint8Array.fromHex(UNREACHABLE);
  other[0] = 128;

  deepStrictEqual([cache, other].flatMap((payload) => parseRoutes({ type: 24, payload })), []);
});

Deno.test("addRoute() makes default routes of both families", () => {
  using host = new TestLinks();
  const index = addCard(host);

  addRoute(host.socket, { gateway: "10.1.2.1", index });
  addRoute(host.socket, { gateway: "fd00::1", index });

  deepStrictEqual(shownRoute(host, "default"), [
    "default",
    "10.1.2.1",
    "lan0",
    "global",
    undefined,
  ]);
  deepStrictEqual(shownRoute(host, "default", "-6"), [
    "default",
    "fd00::1",
    "lan0",
    "global",
    1024,
  ]);
});

Deno.test("addRoute() makes a route on the link, with a metric", () => {
  using host = new TestLinks();
  const index = addCard(host);

  addRoute(host.socket, { destination: "10.9.0.0/16", index, metric: 7 });

  deepStrictEqual(shownRoute(host, "10.9.0.0/16"), ["10.9.0.0/16", undefined, "lan0", "link", 7]);
});

Deno.test("addRoute() says why when the gateway is not on the link", () => {
  using host = new TestLinks();
  const index = addCard(host);

  throws(() => addRoute(host.socket, { gateway: "192.0.2.1", index }), {
    code: "ENETUNREACH",
    message: 'Cannot add route "0.0.0.0/0 by 192.0.2.1": network is unreachable ' +
      "(ENETUNREACH): Nexthop has invalid gateway",
  });
});

Deno.test("addRoute() refuses a destination with bits after its prefix", () => {
  using host = new TestLinks();
  const index = addCard(host);

  throws(() => addRoute(host.socket, { destination: "10.9.0.1/16", index }), {
    code: "EINVAL",
    message: /^Cannot add route "10\.9\.0\.1\/16": invalid argument \(EINVAL\)/,
  });
});

Deno.test("addRoute() names a route that is there", () => {
  using host = new TestLinks();
  const index = addCard(host);
  addRoute(host.socket, { gateway: "10.1.2.1", index });

  throws(() => addRoute(host.socket, { gateway: "10.1.2.2", index }), {
    code: "EEXIST",
    message: /^Cannot add route "0\.0\.0\.0\/0 by 10\.1\.2\.2": file exists \(EEXIST\)/,
  });
});

Deno.test("listRoutes() gives what ip shows of the main table", () => {
  using host = new TestLinks();
  const index = addCard(host);
  addRoute(host.socket, { gateway: "10.1.2.1", index });
  addRoute(host.socket, { gateway: "fd00::1", index });
  addRoute(host.socket, { destination: "10.9.0.0/16", index });

  const found = listRoutes(host.socket).filter(({ table }) => table === ROUTE_TABLE.MAIN)
    .map(({ destination, gateway }) => `${destination} ${gateway}`);

  const shown = ([["-4", "0.0.0.0/0"], ["-6", "::/0"]] as const).flatMap(([family, everything]) =>
    host.show(family, "route", "show", "table", "main").map(({ dst, gateway = "" }) =>
      `${dst === "default" ? everything : dst} ${gateway}`
    )
  );
  deepStrictEqual(found.filter(isChosen).sort(), shown.filter(isChosen).sort());
  strictEqual(found.filter(isChosen).length, 5);
});

Deno.test("listRoutes() gives the table of this host's own addresses too", () => {
  using host = new TestLinks();

  const local = listRoutes(host.socket).filter(({ table }) => table === ROUTE_TABLE.LOCAL);

  deepStrictEqual(local.find(({ destination }) => destination === "127.0.0.0/8"), {
    destination: "127.0.0.0/8",
    gateway: "",
    index: 1,
    table: ROUTE_TABLE.LOCAL,
  });
});

Deno.test("removeRoute() takes a route away", () => {
  using host = new TestLinks();
  const index = addCard(host);
  addRoute(host.socket, { gateway: "10.1.2.1", index });

  removeRoute(host.socket, { gateway: "10.1.2.1", index });

  deepStrictEqual(host.show("-4", "route", "show", "default"), []);
});

Deno.test("removeRoute() names a route that is not there", () => {
  using host = new TestLinks();
  const index = addCard(host);

  throws(() => removeRoute(host.socket, { destination: "10.9.0.0/16", index }), {
    code: "ESRCH",
    message: /^Cannot remove route "10\.9\.0\.0\/16": no such process \(ESRCH\)/,
  });
});
