/** What connecting a container to a network is refused for. @module */

import type { ContainerConfig, EndpointRequest } from "../../container/record/config.ts";
import { dockerError, WherryError } from "../../errors.ts";
import { addressToNumber, containsAddress, parseCidr, parseIpAddress } from "../../kernel/ip.ts";
import type { NetworkConfig } from "../../network/network.ts";
import { readNetwork } from "../../network/network_store.ts";
import type { Engine } from "../base/engine.ts";

/**
 * Checks whether a container can be connected as somebody wants it.
 *
 * @param config The container's, without the connection.
 * @throws {WherryError} `conflict` if it is on the network already or cannot be on any; `invalid_argument` for an
 * address that the network does not have.
 */
export function checkConnection(
  engine: Engine,
  config: ContainerConfig,
  { network, request }: { network: NetworkConfig; request: EndpointRequest },
): void {
  checkPlace(engine, config, network);
  checkWishes(request, network);
}

/** In docker's words. */
function checkPlace(
  { paths }: Engine,
  config: ContainerConfig,
  { name, driver }: NetworkConfig,
): void {
  const { networkMode, endpoints } = config;
  const drivers = [
    networkMode,
    driver,
    ...endpoints.map(({ network }) => readNetwork(paths, network)?.driver),
  ];
  if (networkMode.startsWith("container:") || drivers.includes("host")) {
    throw dockerError(
      "conflict",
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
  }
  if (drivers.includes("none")) {
    throw dockerError(
      "conflict",
      "container cannot be connected to multiple networks with one of the networks in private (none) mode",
      { hint: 'Take a stopped container off it first with "wherry network disconnect none"' },
    );
  }
  if (!endpoints.some(({ network }) => network === name)) return;
  throw dockerError(
    "conflict",
    `endpoint with name ${config.name} already exists in network ${name}`,
  );
}

/** What would be refused at each start is refused now. */
function checkWishes({ ipv4, ipv6 }: EndpointRequest, { name, pools }: NetworkConfig): void {
  for (const wish of [ipv4, ipv6].filter((wish) => wish !== "")) {
    const address = parseIpAddress(wish);
    if (address === undefined) {
      throw new WherryError("invalid_argument", `Invalid IP address: ${wish}`);
    }
    const isInside = pools.some(({ subnet }) => {
      const cidr = parseCidr(subnet);
      return cidr !== undefined &&
        containsAddress(cidr, address.family, addressToNumber(address));
    });
    if (isInside) continue;
    throw new WherryError(
      "invalid_argument",
      `Cannot use address "${wish}": no configured subnet of network "${name}" contains IP address ${wish}`,
    );
  }
}

/** The error of a container that runs without a sandbox to change. */
export function withoutSandbox({ name }: ContainerConfig): WherryError {
  return new WherryError(
    "conflict",
    `Cannot change the networks of container "${name}" while it runs: it has no network of its own`,
    { hint: "Stop it first" },
  );
}
