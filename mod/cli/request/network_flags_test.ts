import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { type EndpointRequest, newEndpointRequest } from "../../container/record/config.ts";
import type { NetworkPlace } from "../../container/launch/launch_input.ts";
import { CREATE_FLAGS } from "../definitions/container_flags.ts";
import { parseFlags } from "../base/flags.ts";
import { type NetworkRequest, networkWarnings, planNetwork } from "./network_flags.ts";

/** What `create` asks for with these flags. */
function plan(line: string): NetworkRequest {
  const words = line === "" ? [] : line.split(" ");
  return planNetwork(parseFlags(CREATE_FLAGS, words, { interspersed: false }).flags);
}

function endpoint(network: string, changes: Partial<EndpointRequest> = {}): EndpointRequest {
  return { ...newEndpointRequest(network), ...changes };
}

const ATTACHED: [line: string, expected: EndpointRequest[]][] = [
  ["", [endpoint("bridge")]],
  ["--network bridge", [endpoint("bridge")]],
  ["--network default", [endpoint("bridge")]],
  ["--net lan", [endpoint("lan")]],
  ["--network a --network b", [endpoint("a"), endpoint("b")]],
  ["--network bridge --network b", [endpoint("bridge"), endpoint("b")]],
  ["--network a:ip=10.0.0.5", [endpoint("a", { ipv4: "10.0.0.5" })]],
  ["--network a:ip=fd00::5", [endpoint("a", { ipv6: "fd00::5" })]],
  [
    "--network a:ip=10.0.0.5,ip6=fd00::5,alias=db,alias=db2,mac=02-42-AC-11-00-02",
    [endpoint("a", {
      ipv4: "10.0.0.5",
      ipv6: "fd00::5",
      aliases: ["db", "db2"],
      macAddress: "02:42:ac:11:00:02",
    })],
  ],
  [
    "--network name=a,ip=10.0.0.5,alias=db,mac-address=02:42:ac:11:00:02,gw-priority=-5",
    [endpoint("a", {
      ipv4: "10.0.0.5",
      aliases: ["db"],
      macAddress: "02:42:ac:11:00:02",
      gatewayPriority: -5,
    })],
  ],
  ["--network Name=a,Alias=db", [endpoint("a", { aliases: ["db"] })]],
  ["--network ip=10.0.0.5,name=a", [endpoint("a", { ipv4: "10.0.0.5" })]],
  [
    "--ip 10.0.0.5 --ip6 fd00::5 --mac-address 02:42:AC:11:00:02 --network-alias db",
    [endpoint("bridge", {
      ipv4: "10.0.0.5",
      ipv6: "fd00::5",
      macAddress: "02:42:ac:11:00:02",
      aliases: ["db"],
    })],
  ],
  [
    "--network a --network b:alias=c --net-alias db --net-alias db2 --ip 10.0.0.5",
    [
      endpoint("a", { aliases: ["db", "db2"], ipv4: "10.0.0.5" }),
      endpoint("b", { aliases: ["c"] }),
    ],
  ],
];

for (const [line, expected] of ATTACHED) {
  Deno.test(`planNetwork() attaches to networks with "${line}"`, () => {
    const { networkMode, endpoints } = plan(line);

    deepStrictEqual(endpoints, expected);
    strictEqual(networkMode, expected[0]?.network);
  });
}

for (const mode of ["host", "none", "container:web"]) {
  Deno.test(`planNetwork() attaches to nothing with --network ${mode}`, () => {
    const { networkMode, endpoints } = plan(`--network ${mode}`);

    deepStrictEqual(endpoints, []);
    strictEqual(networkMode, mode);
  });
}

Deno.test("planNetwork() reads the NIS domain name", () => {
  strictEqual(plan("--domainname example.com").domainname, "example.com");
});

/** What docker's client refuses: every command ends with 125. */
const REFUSED_AT_ONCE: [line: string, message: string][] = [
  ["--network=", 'invalid argument "" for "--network" flag: network name/id is not specified'],
  [
    "--network ip=10.0.0.5",
    'invalid argument "ip=10.0.0.5" for "--network" flag: network name/id is not specified',
  ],
  [
    "--network :ip=10.0.0.5",
    'invalid argument ":ip=10.0.0.5" for "--network" flag: network name/id is not specified',
  ],
  [
    "--network name=x,foo=bar",
    'invalid argument "name=x,foo=bar" for "--network" flag: invalid field key foo',
  ],
  [
    "--network x:foo=bar",
    'invalid argument "x:foo=bar" for "--network" flag: invalid field key foo',
  ],
  [
    "--network name=x,foo",
    'invalid argument "name=x,foo" for "--network" flag: invalid field foo',
  ],
  [
    "--network name=x,gw-priority=x",
    'invalid argument "name=x,gw-priority=x" for "--network" flag: ' +
    "invalid gw-priority (x): invalid syntax",
  ],
  [
    "--network name=x,driver-opt=a",
    'invalid argument "name=x,driver-opt=a" for "--network" flag: ' +
    "invalid key value pair format in driver options",
  ],
  [
    "--network name=x,driver-opt=a=b",
    'invalid argument "name=x,driver-opt=a=b" for "--network" flag: driver option a is not known',
  ],
  ["--network name=x,mac-address=zz", "zz is not a valid mac address"],
  [
    "--mac-address 01:00:5e:00:00:01",
    "01:00:5e:00:00:01 is not a valid mac address: it belongs to a group",
  ],
  [
    "--mac-address 00:00:00:00:00:00",
    "00:00:00:00:00:00 is not a valid mac address: it belongs to nobody",
  ],
  ["--mac-address 02:42:ac:11:00", "02:42:ac:11:00 is not a valid mac address"],
  ["--network a --network a", 'network "a" is specified multiple times'],
  ["--network default --network bridge", 'network "bridge" is specified multiple times'],
  [
    "--network host --network a",
    "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
  ],
  [
    "--network a --network container:x",
    "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
  ],
  [
    "--network host --network-alias x",
    "network-scoped aliases are only supported for user-defined networks",
  ],
  [
    "--network name=a,alias=x --network-alias y",
    "conflicting options: cannot specify both --network-alias and per-network alias",
  ],
  [
    "--network name=a,ip=10.0.0.1 --ip 10.0.0.2",
    "conflicting options: cannot specify both --ip and per-network IPv4 address",
  ],
  [
    "--network a:ip6=fd00::1 --ip6 fd00::2",
    "conflicting options: cannot specify both --ip6 and per-network IPv6 address",
  ],
  [
    "--network a:mac=02:42:ac:11:00:02 --mac-address 02:42:ac:11:00:03",
    "conflicting options: cannot specify both --mac-address and per-network MAC address",
  ],
  ["--link db:database", 'Cannot link to "db:database": links are not supported'],
];

for (const [line, message] of REFUSED_AT_ONCE) {
  Deno.test(`planNetwork() refuses ${line}`, () => {
    throws(() => plan(line), { kind: "invalid_argument", exitCode: 125, message });
  });
}

/** What docker's daemon refuses: `create` ends with 1. */
const REFUSED: [line: string, message: string][] = [
  ["--ip x", "invalid IPv4 address: x"],
  ["--network a --ip ::1", "invalid IPv4 address: ::1"],
  ["--network name=a,ip=foo", "invalid IPv4 address: foo"],
  ["--ip6 1.2.3.4", "invalid IPv6 address: 1.2.3.4"],
  ["--network a:ip6=x", "invalid IPv6 address: x"],
  ["--network-alias a/b", 'invalid network alias "a/b": it is not of [a-zA-Z0-9_.-]'],
  ["--network a:alias=", 'invalid network alias "": it is not of [a-zA-Z0-9_.-]'],
  [
    "--network host --ip 10.0.0.5",
    "user specified IP address is supported on user defined networks only",
  ],
  [
    "--network none --mac-address 02:42:ac:11:00:02",
    "conflicting options: mac-address and the network mode",
  ],
  ["--network host:ip=10.0.0.5", 'Cannot use options with the network mode "host"'],
  [
    "--network container:",
    "Invalid network mode: invalid container format container:<name|id>",
  ],
  ["--network container:x -h y", "conflicting options: hostname and the network mode"],
  ["--network container:x --dns 1.1.1.1", "conflicting options: dns and the network mode"],
  [
    "--network container:x --add-host y:1.1.1.1",
    "conflicting options: custom host-to-IP mapping and the network mode",
  ],
  [
    "--network container:x -p 80",
    "conflicting options: port publishing and the container type network mode",
  ],
  [
    "--network container:x -P",
    "conflicting options: port publishing and the container type network mode",
  ],
  [
    "--network container:x --expose 80",
    "conflicting options: port exposing and the container type network mode",
  ],
  [
    "--network container:x --mac-address 02:42:ac:11:00:02",
    "conflicting options: mac-address and the network mode",
  ],
  [
    "--domainname a/b",
    'Cannot use the domain name "a/b": it is not 1 to 64 of [a-zA-Z0-9_.-]',
  ],
];

for (const [line, message] of REFUSED) {
  Deno.test(`planNetwork() refuses ${line}`, () => {
    throws(() => plan(line), { kind: "invalid_argument", exitCode: undefined, message });
  });
}

const WARNINGS: [place: NetworkPlace, line: string, expected: string[]][] = [
  ["sandbox", "", []],
  ["sandbox", "-p 80", []],
  ["sandbox", "--network lan -P", []],
  ["host", "--network host", []],
  ["host", "--network host -p 80:80", [
    "Published ports are discarded when using host network mode",
  ]],
  ["new", "--network none -P", ["Published ports are discarded when using none network mode"]],
  ["host", "--network mine -p 80", ["Published ports are discarded when using mine network mode"]],
  ["sandbox", "--dns 1.1.1.1", []],
  ["host", "--network host --dns 127.0.0.1", []],
  ["sandbox", "--dns 1.1.1.1 --dns 127.0.0.53", [
    "Localhost DNS setting (--dns=127.0.0.53) may fail in containers.",
  ]],
];

for (const [place, line, expected] of WARNINGS) {
  Deno.test(`networkWarnings() gives ${expected.length} sentences for "${line}"`, () => {
    deepStrictEqual(networkWarnings(plan(line), () => place), expected);
  });
}

Deno.test("planNetwork() takes dhcp of a parent for a network that is found later", () => {
  const { networkMode, endpoints, parentNetwork } = plan("--net dhcp --parent eth0");

  deepStrictEqual(parentNetwork, { addresses: "dhcp", parent: "eth0" });
  deepStrictEqual([networkMode, endpoints], ["dhcp", [endpoint("dhcp")]]);
});

Deno.test("planNetwork() takes the subnet of a static address from its prefix", () => {
  const { endpoints, parentNetwork } = plan(
    "--net static --parent eth0 --ip 10.1.2.3/16 --gateway 10.1.0.1",
  );

  deepStrictEqual(parentNetwork, {
    addresses: "static",
    parent: "eth0",
    subnet: "10.1.0.0/16",
    gateway: "10.1.0.1",
  });
  deepStrictEqual(endpoints, [endpoint("static", { ipv4: "10.1.2.3" })]);
});

Deno.test("planNetwork() takes a static address of IPv6", () => {
  const { endpoints, parentNetwork } = plan(
    "--net static --parent eth0 --ip fd00:0::5/64 --gateway fd00::1",
  );

  deepStrictEqual(parentNetwork, {
    addresses: "static",
    parent: "eth0",
    subnet: "fd00::/64",
    gateway: "fd00::1",
  });
  deepStrictEqual(endpoints, [endpoint("static", { ipv6: "fd00::5" })]);
});

Deno.test("planNetwork() leaves dhcp without a parent to who knows the networks", () => {
  strictEqual(plan("--net dhcp").parentNetwork, undefined);
});
