import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeHostFiles } from "../../../tests/fakes/host_files.ts";
import {
  checkBridgeFilter,
  checkFirewall,
  checkForwarding,
  checkIpv6,
  checkLinkKinds,
  checkResolver,
  checkTable,
} from "./doctor_network.ts";

Deno.test("checkLinkKinds() says which networks lack without each kind", () => {
  const findings = checkLinkKinds((kind) => kind !== "vlan");

  deepStrictEqual(findings.map(({ feature, state }) => [feature, state]), [
    ["link bridge", "ok"],
    ["link veth", "ok"],
    ["link macvlan", "ok"],
    ["link ipvlan", "ok"],
    ["link vlan", "missing"],
  ]);
  strictEqual(findings.at(-1)?.remedy, "Load or install the kernel module: modprobe 8021q");
});

Deno.test("checkTable() passes on why the kernel refuses", () => {
  strictEqual(checkTable(undefined).state, "ok");
  deepStrictEqual(
    [checkTable("Cannot").state, checkTable("Cannot").detail],
    ["missing", "Cannot"],
  );
});

Deno.test("checkIpv6() tells off from missing", () => {
  const path = "/proc/sys/net/ipv6/conf/all/disable_ipv6";

  const details = [{ [path]: "0\n" }, { [path]: "1\n" }, {}]
    .map((texts) => checkIpv6(fakeHostFiles(texts)).detail);

  deepStrictEqual(details, ["there", "switched off", "not in this kernel"]);
});

Deno.test("checkForwarding() is content either way: wherry switches it on", () => {
  strictEqual(checkForwarding(fakeHostFiles({})).state, "ok");
});

Deno.test("checkBridgeFilter() names the settings that are on", () => {
  const files = fakeHostFiles({ "/proc/sys/net/bridge/bridge-nf-call-iptables": "1\n" });

  strictEqual(checkBridgeFilter(fakeHostFiles({})).state, "ok");
  strictEqual(checkBridgeFilter(files).detail, "net.bridge.bridge-nf-call-iptables");
});

Deno.test("checkFirewall() has a finding for each obstacle", () => {
  const findings = checkFirewall([{ message: "It drops", remedy: "Let it through" }]);

  deepStrictEqual(
    findings.map(({ state, consequence, remedy }) => [state, consequence, remedy]),
    [["limited", "It drops", "Let it through"]],
  );
  strictEqual(checkFirewall([])[0]?.state, "ok");
});

Deno.test("checkResolver() wants a name server that containers reach too", () => {
  const states = ["nameserver 192.0.2.1\n", "nameserver 127.0.0.53\n", "# none\n"]
    .map((text) => checkResolver({ text, upstreamText: undefined }).state);

  deepStrictEqual(states, ["ok", "limited", "limited"]);
});

Deno.test("checkResolver() is content with servers behind systemd-resolved", () => {
  const host = { text: "nameserver 127.0.0.53\n", upstreamText: "nameserver 192.0.2.1\n" };

  strictEqual(checkResolver(host).state, "ok");
});
