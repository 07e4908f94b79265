import { strictEqual } from "node:assert/strict";
import type { NetworkConfig } from "../network/network.ts";
import { defaultRouteIndex } from "./default_route.ts";

function network(): NetworkConfig {
  return {
    schema: 1,
    id: "ab".repeat(32),
    name: "net",
    createdAt: "2026-11-20T09:00:00.123Z",
    driver: "bridge",
    ipamDriver: "default",
    ipamOptions: {},
    pools: [],
    isInternal: false,
    isAttachable: false,
    hasIpv4: true,
    hasIpv6: false,
    options: {},
    labels: {},
  };
}

const INTERNAL = { ...network(), isInternal: true };

Deno.test("defaultRouteIndex() is the first network that leads anywhere", () => {
  const requests = [0, 0, 0].map((gatewayPriority) => ({ gatewayPriority }));

  strictEqual(defaultRouteIndex(requests, [INTERNAL, network(), network()]), 1);
});

Deno.test("defaultRouteIndex() is the one with the highest priority", () => {
  const requests = [0, 7, 3].map((gatewayPriority) => ({ gatewayPriority }));

  strictEqual(defaultRouteIndex(requests, [network(), network(), network()]), 1);
  strictEqual(defaultRouteIndex(requests, [network(), INTERNAL, network()]), 2);
});

Deno.test("defaultRouteIndex() is -1 when none leads anywhere", () => {
  strictEqual(defaultRouteIndex([{ gatewayPriority: 0 }], [INTERNAL]), -1);
  strictEqual(defaultRouteIndex([undefined], [undefined]), -1);
  strictEqual(defaultRouteIndex([], []), -1);
});
