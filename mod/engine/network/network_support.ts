/** What only some uses of networks need, and when it is loaded. @module */

import { DEFAULT_NETWORK } from "../../network/network.ts";
import { findNetworkRecord } from "../../network/network_store.ts";
import type { Engine } from "../base/engine.ts";
import type { ParentNetworkRequest } from "./parent_network.ts";

/** Loads what asking a DHCP server takes. */
export async function loadDhcp(): Promise<typeof import("./dhcp.ts")> {
  return await import("./dhcp.ts");
}

/** Loads what making a network takes of which only the parent is named. */
export async function loadParentNetwork(): Promise<typeof import("./parent_network.ts")> {
  return await import("./parent_network.ts");
}

/**
 * Loads what making or starting a container takes besides the usual; the first thing that a command does.
 *
 * @param request Networks that are missing are somebody else's to complain of.
 */
export async function loadNetworkSupport(
  { paths }: Engine,
  { endpoints = [], parentNetwork }: {
    endpoints?: readonly { network: string }[];
    parentNetwork?: ParentNetworkRequest;
  },
): Promise<void> {
  if (parentNetwork !== undefined) await loadParentNetwork();
  const isLeased = parentNetwork?.addresses === "dhcp" ||
    endpoints.some(({ network }) =>
      network !== DEFAULT_NETWORK && findNetworkRecord(paths, network)?.ipamDriver === "dhcp"
    );
  if (isLeased) await loadDhcp();
}
