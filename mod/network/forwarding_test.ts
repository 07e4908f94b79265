import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { needs } from "../../tests/needs.ts";
import { Links } from "../kernel/link.ts";
import { inNetNamespace } from "../kernel/net_namespace.ts";
import { createHostNamespace } from "../../tests/fakes/host_namespace.ts";
import { NETLINK, NetlinkSocket } from "../kernel/netlink.ts";
import { readSysctl, writeSysctl } from "../kernel/sysctl.ts";
import {
  forwardedFamilies,
  isForwardingNeededByOthers,
  putForwardingBack,
  rememberForwarding,
  switchForwardingOn,
} from "./forwarding.ts";

/** In a namespace with the links `eth0` and `wh-test`. */
function forwardingTest(name: string, fn: (path: string) => void): void {
  Deno.test({
    name,
    ignore: !needs("root"),
    fn: () => {
      const directory = Deno.makeTempDirSync();
      using namespace = createHostNamespace();
      inNetNamespace(namespace, () => {
        using socket = new NetlinkSocket(NETLINK.ROUTE);
        const links = new Links(socket);
        links.addBridge("eth0");
        links.addBridge("wh-test");
        fn(`${directory}/sysctls`);
      });
      Deno.removeSync(directory, { recursive: true });
    },
  });
}

function acceptsRouters(link: string): string | undefined {
  return readSysctl(`net/ipv6/conf/${link}/accept_ra`);
}

forwardingTest("rememberForwarding() changes nothing yet", (path) => {
  rememberForwarding(path, [4, 6], ["wh-test"]);

  deepStrictEqual(forwardedFamilies(path), [4, 6]);
  strictEqual(readSysctl("net/ipv4/ip_forward"), "0");
});

forwardingTest("rememberForwarding() forgets nothing when it is asked again", (path) => {
  rememberForwarding(path, [4], ["wh-test"]);
  switchForwardingOn(path);

  rememberForwarding(path, [4, 6], ["wh-test"]);

  deepStrictEqual(forwardedFamilies(path), [4, 6]);
});

forwardingTest("rememberForwarding() leaves out what somebody else has switched on", (path) => {
  writeSysctl("net/ipv4/ip_forward", "1");
  rememberForwarding(path, [4], ["wh-test"]);

  deepStrictEqual(forwardedFamilies(path), []);
  putForwardingBack(path, []);
  strictEqual(readSysctl("net/ipv4/ip_forward"), "1");
});

forwardingTest("switchForwardingOn() keeps the routers of links, but of no bridge", (path) => {
  rememberForwarding(path, [6], ["wh-test"]);

  switchForwardingOn(path);

  strictEqual(readSysctl("net/ipv6/conf/all/forwarding"), "1");
  strictEqual(acceptsRouters("eth0"), "2");
  strictEqual(acceptsRouters("wh-test"), "1");
  strictEqual(acceptsRouters("default"), "1");
});

forwardingTest("putForwardingBack() puts back what is not needed any more", (path) => {
  rememberForwarding(path, [4, 6], ["wh-test"]);
  switchForwardingOn(path);

  putForwardingBack(path, [4]);

  strictEqual(readSysctl("net/ipv6/conf/all/forwarding"), "0");
  strictEqual(acceptsRouters("eth0"), "1");
  strictEqual(readSysctl("net/ipv4/ip_forward"), "1");
  deepStrictEqual(forwardedFamilies(path), [4]);
});

Deno.test("isForwardingNeededByOthers() looks for translations of others", () => {
  const own = { family: "inet", name: "wherry" } as const;
  const base = { type: "nat", hook: "postrouting", priority: 100, policy: "accept" } as const;
  const filter = { ...base, type: "filter" } as const;
  const other = { family: "ip", name: "nat" } as const;

  strictEqual(isForwardingNeededByOthers([{ table: own, name: "p", base }], own), false);
  strictEqual(isForwardingNeededByOthers([{ table: other, name: "p", base: filter }], own), false);
  strictEqual(isForwardingNeededByOthers([{ table: other, name: "p", base }], own), true);
});
