/** Networks of which only the parent is named: one is found, or made. @module */

import { WherryError } from "../../errors.ts";
import { NETWORK_OPTION, type NetworkConfig } from "../../network/network.ts";
import { listNetworkRecords } from "../../network/network_store.ts";
import { createNetwork } from "./create_network.ts";
import type { Engine } from "../base/engine.ts";

/** A macvlan on a link of the host. */
export type ParentNetworkRequest =
  & {
    /** The link. */
    parent: string;
  }
  & ({ addresses: "dhcp" } | {
    addresses: "static";
    /** In canonical form. */
    subnet: string;
    /** In canonical form. */
    gateway: string;
  });

/** More networks of one parent than anybody has. */
const MAX_TRIES = 100;

/**
 * Finds a network that is as somebody asks for, or makes it: `dhcp-eth0` or `static-eth0`, with a number if that name
 * is taken.
 *
 * @throws {WherryError} `not_found` if there is no such parent; `invalid_argument` if it cannot be one; `conflict` if
 * the subnet overlaps with another network's.
 */
export function ensureParentNetwork(engine: Engine, request: ParentNetworkRequest): NetworkConfig {
  const base = `${request.addresses}-${request.parent.replace(/[^\w.-]/g, "-")}`;
  for (let number = 1;; number++) {
    const found = listNetworkRecords(engine.paths).networks.find((one) => isAsAsked(one, request));
    if (found !== undefined) return found;
    try {
      return makeNetwork(engine, number === 1 ? base : `${base}-${number}`, request);
    } catch (error) {
      // Another command has come first, or the name is of something else
      const isTaken = error instanceof WherryError && error.kind === "already_exists";
      if (!isTaken || number === MAX_TRIES) throw error;
    }
  }
}

function isAsAsked(network: NetworkConfig, request: ParentNetworkRequest): boolean {
  const { driver, ipamDriver, options, pools, isInternal } = network;
  const hasOtherOptions = Object.keys(options).some((name) => name !== NETWORK_OPTION.PARENT);
  if (driver !== "macvlan" || isInternal || hasOtherOptions) return false;
  if (options[NETWORK_OPTION.PARENT] !== request.parent) return false;
  if (request.addresses === "dhcp") return ipamDriver === "dhcp";
  const { subnet, gateway } = request;
  return ipamDriver === "default" && pools.length === 1 &&
    pools.every((pool) => pool.subnet === subnet && pool.gateway === gateway && pool.range === "");
}

function makeNetwork(engine: Engine, name: string, request: ParentNetworkRequest): NetworkConfig {
  const { parent, addresses } = request;
  const pools = addresses === "dhcp" ? [] : [{
    subnet: request.subnet,
    gateway: request.gateway,
    range: "",
    auxiliaryAddresses: {},
  }];
  return createNetwork(engine, {
    name,
    driver: "macvlan",
    ipamDriver: addresses === "dhcp" ? "dhcp" : "default",
    pools,
    options: { [NETWORK_OPTION.PARENT]: parent },
  });
}
