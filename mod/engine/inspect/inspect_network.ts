/** Describing networks as docker's API does. @module */

import { driverWord, type IpamPool, type NetworkConfig } from "../../network/network.ts";
import type { EndpointAddress } from "../../network/sandbox.ts";
import type { Engine } from "../base/engine.ts";
import type { Inspection } from "../base/inspection.ts";
import { listNetworkUsers, type NetworkUser } from "../network/network_users.ts";
import { findNetwork } from "../network/networks.ts";

/**
 * Describes a network.
 *
 * @param wanted A name, a full id, or the beginning of an id.
 * @throws {WherryError} `not_found`, `invalid_argument`, or `corrupt` if its record is damaged.
 */
export function inspectNetwork(engine: Engine, wanted: string): Inspection {
  const network = findNetwork(engine, wanted);
  return describeNetwork(network, listNetworkUsers(engine, network));
}

/**
 * Puts what is known about a network into docker's shape. Pure.
 *
 * @see {@link https://docs.docker.com/reference/api/engine/version/v1.50/#tag/Network/operation/NetworkInspect}
 */
export function describeNetwork(
  network: NetworkConfig,
  users: readonly NetworkUser[],
): Inspection {
  const byId = users.toSorted((a, b) => a.id < b.id ? -1 : 1);
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt,
    Scope: "local",
    Driver: driverWord(network.driver),
    EnableIPv4: network.hasIpv4,
    EnableIPv6: network.hasIpv6,
    IPAM: {
      Driver: network.ipamDriver === "none" ? "null" : network.ipamDriver,
      Options: network.ipamOptions,
      Config: network.pools.map(describePool),
    },
    Internal: network.isInternal,
    Attachable: network.isAttachable,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: Object.fromEntries(byId.map((user) => [user.id, describeUser(user)])),
    Options: network.options,
    Labels: network.labels,
  };
}

/** What is empty is left out, as docker does it. */
function describePool({ subnet, range, gateway, auxiliaryAddresses }: IpamPool): Inspection {
  return {
    Subnet: subnet,
    ...(range === "" ? {} : { IPRange: range }),
    ...(gateway === "" ? {} : { Gateway: gateway }),
    ...(Object.keys(auxiliaryAddresses).length === 0
      ? {}
      : { AuxiliaryAddresses: auxiliaryAddresses }),
  };
}

function describeUser({ name, endpoint }: NetworkUser): Inspection {
  return {
    Name: name,
    EndpointID: endpoint?.id ?? "",
    MacAddress: endpoint?.macAddress ?? "",
    IPv4Address: formatAddress(endpoint?.ipv4),
    IPv6Address: formatAddress(endpoint?.ipv6),
  };
}

function formatAddress(address: EndpointAddress | undefined): string {
  return address === undefined ? "" : `${address.address}/${address.prefixLength}`;
}
