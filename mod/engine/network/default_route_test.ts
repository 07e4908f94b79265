import { strictEqual } from "node:assert/strict";
import { fakeNetworkConfig } from "../../../tests/fakes/network_config.ts";
import { defaultRouteIndex } from "./default_route.ts";

const NETWORK = fakeNetworkConfig();
const INTERNAL = fakeNetworkConfig({ isInternal: true });

Deno.test("defaultRouteIndex() is the first network that leads anywhere", () => {
  const requests = [0, 0, 0].map((gatewayPriority) => ({ gatewayPriority }));

  strictEqual(defaultRouteIndex(requests, [INTERNAL, NETWORK, NETWORK]), 1);
});

Deno.test("defaultRouteIndex() is the one with the highest priority", () => {
  const requests = [0, 7, 3].map((gatewayPriority) => ({ gatewayPriority }));

  strictEqual(defaultRouteIndex(requests, [NETWORK, NETWORK, NETWORK]), 1);
  strictEqual(defaultRouteIndex(requests, [NETWORK, INTERNAL, NETWORK]), 2);
});

Deno.test("defaultRouteIndex() is -1 when none leads anywhere", () => {
  strictEqual(defaultRouteIndex([{ gatewayPriority: 0 }], [INTERNAL]), -1);
  strictEqual(defaultRouteIndex([undefined], [undefined]), -1);
  strictEqual(defaultRouteIndex([], []), -1);
});
