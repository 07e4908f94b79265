/** Listing networks. @module */

import { WherryError } from "../../errors.ts";
import type { NetworkConfig } from "../../network/network.ts";
import { listNetworkRecords, putNetworkAside, readNetwork } from "../../network/network_store.ts";
import type { Engine } from "../base/engine.ts";
import { compareNaturally } from "../base/natural_order.ts";
import { ensureDefaultNetwork, lockNetworks } from "./networks.ts";

/** What {@linkcode listNetworks} found. */
export interface NetworkList {
  /** By name. */
  networks: NetworkConfig[];
  /** What is wrong with others, one line each. */
  warnings: string[];
}

/**
 * All networks there are; the default one is made if it is not there yet. Damaged records are put aside.
 *
 * @throws {WherryError} `unsupported` if they may not be read.
 */
export function listNetworks(engine: Engine): NetworkList {
  const warnings = putDamagedAside(engine);
  ensureDefaultNetwork(engine);
  const { networks } = listNetworkRecords(engine.paths);
  return { networks: networks.toSorted((a, b) => compareNaturally(a.name, b.name)), warnings };
}

/**
 * Puts records aside that cannot be read.
 *
 * @returns One line for each.
 */
export function putDamagedAside(engine: Engine): string[] {
  const { damaged } = listNetworkRecords(engine.paths);
  return damaged.size === 0 ? [] : putAside(engine, [...damaged.keys()]);
}

function putAside(engine: Engine, names: readonly string[]): string[] {
  using _lock = lockNetworks(engine);
  return names.flatMap((name) => {
    try {
      // Somebody may have seen to it while we waited
      readNetwork(engine.paths, name);
      return [];
    } catch (error) {
      if (!(error instanceof WherryError) || error.kind !== "corrupt") throw error;
      const place = putNetworkAside(engine.paths, name);
      return [`network ${name} has a damaged record and was put aside in ${place}`];
    }
  });
}
