/** What the table has to know of a network whose bridge is up. @module */

import { bridgeNameOf } from "./bridge.ts";
import { NETWORK_OPTION, type NetworkConfig } from "./network.ts";
import { findLoopbackServer, readHostResolver } from "./resolver.ts";
import type { BridgeState, ResolverRedirect } from "./table_state.ts";

/** What the table has to know of a network with a bridge. */
export function bridgeStateOf(network: NetworkConfig): BridgeState {
  const { id, pools, isInternal, options } = network;
  return {
    networkId: id,
    bridge: bridgeNameOf(network),
    subnets: pools.map(({ subnet }) => subnet),
    isInternal,
    isIsolated: options[NETWORK_OPTION.ICC] === "false",
    masquerades: options[NETWORK_OPTION.MASQUERADE] !== "false",
  };
}

/** A name server that only the host itself reaches is made reachable at the network's gateway. */
export function resolversOf(network: NetworkConfig): ResolverRedirect[] {
  const address = findLoopbackServer(readHostResolver());
  const gateway = network.pools.find(({ gateway }) => gateway.includes("."))?.gateway;
  if (address === undefined || gateway === undefined) return [];
  return [{ bridge: bridgeNameOf(network), gateway, address }];
}
