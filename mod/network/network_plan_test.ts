import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { WherryError } from "../errors.ts";
import type { IpamPool, NetworkConfig } from "./network.ts";
import { missingFamilies, type NetworkRequest, planNetwork } from "./network_plan.ts";

const IDENTITY = {
  id: "0123456789abcdef".repeat(4),
  createdAt: "2026-01-02T03:04:05Z",
  hostHasIpv6: true,
};

function plan(fields: Partial<NetworkRequest> = {}): NetworkConfig {
  return planNetwork({ name: "web", ...fields }, IDENTITY);
}

function poolOf(subnet: string, fields: Partial<IpamPool> = {}): IpamPool {
  return { subnet, gateway: "", range: "", auxiliaryAddresses: {}, ...fields };
}

Deno.test("planNetwork() makes a bridge with both families when nothing is said", () => {
  const network = plan();

  deepStrictEqual(
    [network.driver, network.hasIpv4, network.hasIpv6, missingFamilies(network)],
    ["bridge", true, true, [4, 6]],
  );
});

Deno.test("planNetwork() leaves IPv6 out when the host has none", () => {
  const network = planNetwork({ name: "web" }, { ...IDENTITY, hostHasIpv6: false });

  deepStrictEqual(missingFamilies(network), [4]);
});

Deno.test("planNetwork() leaves IPv6 out when packets are too short for it", () => {
  strictEqual(plan({ options: { mtu: "1000" } }).hasIpv6, false);
});

Deno.test("planNetwork() keeps what was given in canonical form and chooses the gateway", () => {
  const network = plan({
    pools: [
      poolOf("10.1.0.0/24", {
        range: "10.1.0.128/25",
        auxiliaryAddresses: { printer: "10.1.0.1" },
      }),
      poolOf("FD00:0::/64", { gateway: "fd00::00FF" }),
    ],
  });

  deepStrictEqual(network.pools, [
    {
      subnet: "10.1.0.0/24",
      gateway: "10.1.0.2",
      range: "10.1.0.128/25",
      auxiliaryAddresses: { printer: "10.1.0.1" },
    },
    { subnet: "fd00::/64", gateway: "fd00::ff", range: "", auxiliaryAddresses: {} },
  ]);
});

Deno.test("planNetwork() gives options docker's long names", () => {
  const network = plan({
    driver: "macvlan",
    ipamDriver: "dhcp",
    options: { parent: "eth0", mode: "private", mtu: "9000" },
  });

  deepStrictEqual(network.options, {
    "parent": "eth0",
    "macvlan_mode": "private",
    "com.docker.network.driver.mtu": "9000",
  });
});

Deno.test("planNetwork() knows docker's null", () => {
  const network = plan({ driver: "macvlan", ipamDriver: "null" });

  deepStrictEqual([plan({ driver: "null" }).driver, network.ipamDriver], ["none", "none"]);
});

const REFUSED: readonly (readonly [string, Partial<NetworkRequest>, RegExp])[] = [
  ["an empty name", { name: " " }, /^invalid name: name is empty$/],
  ["a name that leads elsewhere", { name: "../x" }, /^Cannot use the network name "\.\.\/x"/],
  ["a long name", { name: "x".repeat(201) }, /at most 200 of them/],
  ["an unknown driver", { driver: "overlay" }, /^plugin "overlay" not found$/],
  ["a driver of objects", { driver: "toString" }, /^plugin "toString" not found$/],
  ["an unknown IPAM driver", { ipamDriver: "x" }, /^invalid ipam driver: "x"$/],
  ["a malformed subnet", { pools: [poolOf("10.0.0.0/33")] }, /invalid CIDR block notation$/],
  ["a subnet without a length", { pools: [poolOf("10.0.0.0")] }, /invalid CIDR block notation$/],
  [
    "a subnet with bits after its prefix",
    { pools: [poolOf("10.0.0.5/24")] },
    /^invalid network config: invalid subnet 10\.0\.0\.5\/24: it should be 10\.0\.0\.0\/24$/,
  ],
  ["everything as a subnet", { pools: [poolOf("0.0.0.0/0")] }, /it is everything$/],
  [
    "a gateway outside",
    { pools: [poolOf("10.0.0.0/24", { gateway: "10.0.1.1" })] },
    /invalid gateway 10\.0\.1\.1: parent subnet 10\.0\.0\.0\/24 doesn't contain this address$/,
  ],
  [
    "the network's own address as gateway",
    { pools: [poolOf("10.0.0.0/24", { gateway: "10.0.0.0" })] },
    /it is the network's own address$/,
  ],
  [
    "the broadcast address as gateway",
    { pools: [poolOf("10.0.0.0/24", { gateway: "10.0.0.255" })] },
    /it is the network's broadcast address$/,
  ],
  [
    "a gateway of the other family",
    { pools: [poolOf("10.0.0.0/24", { gateway: "fd00::1" })] },
    /parent subnet is an IPv4 block$/,
  ],
  [
    "a range that is bigger than its subnet",
    { pools: [poolOf("10.0.0.0/24", { range: "10.0.0.0/16" })] },
    /CIDR block is bigger than its parent subnet 10\.0\.0\.0\/24$/,
  ],
  [
    "a range outside",
    { pools: [poolOf("10.0.0.0/24", { range: "10.0.1.0/25" })] },
    /parent subnet 10\.0\.0\.0\/24 doesn't contain ip-range$/,
  ],
  [
    "an auxiliary address outside",
    { pools: [poolOf("10.0.0.0/24", { auxiliaryAddresses: { a: "10.0.1.0" } })] },
    /invalid auxiliary address a: parent subnet 10\.0\.0\.0\/24 doesn't contain this address$/,
  ],
  [
    "several mistakes at once, and names all",
    { pools: [poolOf("10.0.0.1/24", { gateway: "x" })] },
    /it should be 10\.0\.0\.0\/24; invalid gateway x: invalid address$/,
  ],
  [
    "subnets that overlap",
    { pools: [poolOf("10.0.0.0/16"), poolOf("10.0.5.0/24")] },
    /"10\.0\.5\.0\/24": it overlaps with 10\.0\.0\.0\/16$/,
  ],
  [
    "two subnets of a family",
    { pools: [poolOf("10.0.0.0/24"), poolOf("10.0.1.0/24")] },
    /^bridge driver doesn't support multiple subnets$/,
  ],
  [
    "a subnet of a family that is off",
    { pools: [poolOf("fd00::/64")], hasIpv6: false },
    /^Cannot use the subnet "fd00::\/64": --ipv6 is off$/,
  ],
  ["no family at all", { hasIpv4: false, hasIpv6: false }, /^IPv4 or IPv6 must be enabled$/],
  [
    "a subnet where a DHCP server chooses",
    { driver: "macvlan", ipamDriver: "dhcp", pools: [poolOf("10.0.0.0/24")] },
    /with --ipam-driver dhcp the DHCP server chooses$/,
  ],
  ["DHCP on a bridge", { ipamDriver: "dhcp" }, /with driver bridge no DHCP server is reached$/],
  ["a macvlan without a subnet", { driver: "macvlan" }, /needs the subnet of its parent's LAN$/],
  ["a subnet of the host", { driver: "host", pools: [poolOf("10.0.0.0/24")] }, /no addresses$/],
  ["an unknown option", { options: { foo: "x" } }, /"foo": driver bridge does not have it$/],
  ["an option of another driver", { options: { parent: "eth0" } }, /"parent": driver bridge/],
  ["an MTU that is no number", { options: { mtu: "big" } }, /"mtu=big": it is not a number/],
  ["an MTU that is too small", { options: { mtu: "67" } }, /from 68 to 65535$/],
  ["IPv6 with short packets", { options: { mtu: "1279" }, hasIpv6: true }, /at least 1280 bytes$/],
  ["an icc that is no boolean", { options: { icc: "yes" } }, /it is not true or false$/],
  [
    "a bridge name that is too long",
    { options: { name: "a".repeat(16) } },
    /the name of a link: at most 15 characters/,
  ],
  [
    "an unknown mode",
    { driver: "macvlan", ipamDriver: "dhcp", options: { mode: "l2" } },
    /"mode=l2": it is not one of private, vepa, bridge, passthru$/,
  ],
];

for (const [what, request, message] of REFUSED) {
  Deno.test(`planNetwork() refuses ${what}`, () => {
    throws(() => plan(request), (error: unknown) => {
      return error instanceof WherryError && error.kind === "invalid_argument" &&
        message.test(error.message);
    });
  });
}
