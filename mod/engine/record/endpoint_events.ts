/** That containers join and leave networks, for whoever looks. @module */

import { WherryError } from "../../errors.ts";
import type { NetworkDriver } from "../../network/network.ts";
import { readNetwork } from "../../network/network_store.ts";
import type { Endpoint } from "../../network/sandbox.ts";
import type { Engine } from "../base/engine.ts";
import { recordNetworkEvent } from "../base/events.ts";

/** A container that has joined or left a network. */
export interface EndpointEvent {
  action: "connect" | "disconnect";
  /** Its id. */
  container: string;
  /** By which it is on the network, or was. */
  endpoint: Endpoint;
}

/** Writes down that a container has joined or left a network. */
export function recordEndpointEvent(
  engine: Engine,
  { action, container, endpoint }: EndpointEvent,
): void {
  const { networkId: id, networkName: name } = endpoint;
  const network = { id, name, driver: driverOf(engine, endpoint) };
  recordNetworkEvent(engine, { network, action, container });
}

function driverOf({ paths }: Engine, { hostLink, networkName }: Endpoint): NetworkDriver {
  if (hostLink !== "") return "bridge";
  try {
    return readNetwork(paths, networkName)?.driver ?? "macvlan";
  } catch (error) {
    // Whoever lists networks is told
    if (error instanceof WherryError && error.kind === "corrupt") return "macvlan";
    throw error;
  }
}
