/** Removing networks. @module */

import { dockerError, WherryError } from "../../errors.ts";
import { removeTree } from "../../kernel/tree.ts";
import type { NetworkConfig } from "../../network/network.ts";
import { isPredefinedNetwork, removeNetworkRecord } from "../../network/network_store.ts";
import { shortId } from "../../store/id.ts";
import type { Engine } from "../base/engine.ts";
import { removeAbandonedNetworkFiles } from "../record/sandbox_removal.ts";
import { recordNetworkEvent, recordPrune } from "../base/events.ts";
import { listNetworks } from "./list_networks.ts";
import { listNetworkUsers } from "./network_users.ts";
import { findNetwork, lockEndpoints, takeDown } from "./networks.ts";
import { isPrunable, type PruneFilter, type PruneResult } from "../base/prunable.ts";

/**
 * Removes a network that no container is on, with all that the host has of it.
 *
 * @param wanted A name, a full id, or the beginning of an id.
 * @throws {WherryError} `not_found`; `conflict` if containers are on it, naming them, or it always exists.
 */
export function removeNetwork(engine: Engine, wanted: string): void {
  const network = findNetwork(engine, wanted);
  if (isPredefinedNetwork(network.name)) {
    throw dockerError(
      "conflict",
      `${network.name} is a pre-defined network and cannot be removed`,
    );
  }
  using _lock = lockEndpoints(engine, network);
  checkUnused(engine, network);
  removeLocked(engine, network);
}

/** @throws {WherryError} In docker's words. */
function checkUnused(engine: Engine, network: NetworkConfig): void {
  const users = listNetworkUsers(engine, network);
  if (users.length === 0) return;
  const list = users.map(({ id, name, endpoint }) =>
    `name:"${name}" id:"${shortId(endpoint?.id ?? id)}"`
  );
  const names = users.map(({ name }) => name).join(" ");
  throw dockerError(
    "conflict",
    `error while removing network: network ${network.name} has active endpoints (${
      list.join(", ")
    })`,
    { hint: `Stop the containers first: "wherry stop ${names}"` },
  );
}

/** The record goes last, so that a removal that was cut short can be done again. */
function removeLocked(engine: Engine, network: NetworkConfig): void {
  takeDown(engine, network);
  removeNetworkRecord(engine.paths, network.name);
  removeTree(engine.paths.network(network.id).runDirectory);
  recordNetworkEvent(engine, { network, action: "destroy" });
}

/**
 * Removes the networks that no container is on; of those that always exist only what the host has of them.
 *
 * @returns Names of the removed ones.
 */
export function pruneNetworks(engine: Engine, filter: PruneFilter): PruneResult {
  const result: PruneResult = { removed: [], reclaimedBytes: 0, failures: [] };
  for (const network of listNetworks(engine).networks) {
    try {
      if (pruneNetwork(engine, network, filter)) result.removed.push(network.name);
    } catch (error) {
      // Somebody else was faster
      if (error instanceof WherryError && error.kind === "not_found") continue;
      result.failures.push(error);
    }
  }
  removeAbandonedNetworkFiles(engine.paths);
  recordPrune(engine, { type: "network", reclaimedBytes: 0 });
  return result;
}

/** @returns Whether its record was removed. */
function pruneNetwork(engine: Engine, network: NetworkConfig, filter: PruneFilter): boolean {
  const isPredefined = isPredefinedNetwork(network.name);
  // The host has nothing of the networks host and none
  if (isPredefined ? network.driver !== "bridge" : !isPrunable(filter, network)) return false;
  using _lock = lockEndpoints(engine, network);
  if (listNetworkUsers(engine, network).length > 0) return false;
  if (isPredefined) takeDown(engine, network);
  else removeLocked(engine, network);
  return !isPredefined;
}
