import { deepStrictEqual, throws } from "node:assert/strict";
import { type IpamFlags, planPools } from "./ipam_flags.ts";

const NO_FLAGS: IpamFlags = { subnet: [], gateway: [], "ip-range": [], "aux-address": [] };

Deno.test("planPools() gives each subnet what belongs to it", () => {
  const pools = planPools({
    subnet: ["10.0.0.0/24", "fd00::/64"],
    gateway: ["fd00::1", "10.0.0.254"],
    "ip-range": ["10.0.0.128/25"],
    "aux-address": ["a=10.0.0.5", "b=fd00::5"],
  });

  deepStrictEqual(pools, [
    {
      subnet: "10.0.0.0/24",
      gateway: "10.0.0.254",
      range: "10.0.0.128/25",
      auxiliaryAddresses: { a: "10.0.0.5" },
    },
    { subnet: "fd00::/64", gateway: "fd00::1", range: "", auxiliaryAddresses: { b: "fd00::5" } },
  ]);
});

Deno.test("planPools() takes lists with commas", () => {
  const pools = planPools({ ...NO_FLAGS, subnet: ["10.0.0.0/24,fd00::/64"] });

  deepStrictEqual(pools.map(({ subnet }) => subnet), ["10.0.0.0/24", "fd00::/64"]);
});

Deno.test("planPools() leaves a malformed subnet to whoever makes the network", () => {
  const pools = planPools({ ...NO_FLAGS, subnet: ["foo"] });

  deepStrictEqual(pools.map(({ subnet }) => subnet), ["foo"]);
});

// What docker's client 28.2.2 says
const REFUSED: readonly (readonly [Partial<IpamFlags>, string])[] = [
  [{ gateway: ["1.2.3.4"] }, "every ip-range or gateway must have a corresponding subnet"],
  [
    { subnet: ["10.0.0.0/24"], gateway: ["10.0.0.1", "10.0.0.2"] },
    "every ip-range or gateway must have a corresponding subnet",
  ],
  [
    { subnet: ["10.0.0.0/24,10.0.0.0/25"] },
    "multiple overlapping subnet configuration is not supported",
  ],
  [
    { subnet: ["10.0.0.0/24"], gateway: ["10.1.0.1"] },
    "no matching subnet for gateway 10.1.0.1",
  ],
  [{ subnet: ["10.0.0.0/24"], gateway: ["foo"] }, "no matching subnet for gateway foo"],
  [{ subnet: ["10.0.0.0/24"], "ip-range": ["bla"] }, "invalid CIDR address: bla"],
  [
    { subnet: ["10.0.0.0/24"], "ip-range": ["10.1.0.0/25"] },
    "no matching subnet for range 10.1.0.0/25",
  ],
  [
    { subnet: ["10.0.0.0/24"], "aux-address": ["a=10.2.0.1"] },
    "no matching subnet for aux-address 10.2.0.1",
  ],
  [
    { subnet: ["10.0.0.0/24"], "aux-address": ["a"] },
    'Cannot use --aux-address "a": it is not NAME=ADDRESS',
  ],
  [
    { subnet: ["10.0.0.0/24", "10.1.0.0/24"], "ip-range": ["10.0.0.0/25", "10.0.0.128/25"] },
    "cannot configure multiple ranges (10.0.0.128/25, 10.0.0.0/25) on the same subnet (10.0.0.0/24)",
  ],
  [
    { subnet: ["10.0.0.0/24", "10.1.0.0/24"], gateway: ["10.0.0.1", "10.0.0.2"] },
    "cannot configure multiple gateways (10.0.0.2, 10.0.0.1) for the same subnet (10.0.0.0/24)",
  ],
];

for (const [flags, message] of REFUSED) {
  Deno.test(`planPools() says "${message}" for ${JSON.stringify(flags)}`, () => {
    throws(() => planPools({ ...NO_FLAGS, ...flags }), { message });
  });
}
