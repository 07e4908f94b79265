/** Which of a container's networks leads to everything else. @module */

import type { EndpointRequest } from "../../container/record/config.ts";
import type { NetworkConfig } from "../../network/network.ts";

/**
 * The endpoint by which everything else is reached: the first one that leads anywhere, unless priorities say otherwise.
 *
 * @param requests Of the endpoints, in their order.
 * @param networks Of the same; `undefined` for one that cannot be found.
 * @returns -1 if none leads anywhere.
 */
export function defaultRouteIndex(
  requests: readonly (Pick<EndpointRequest, "gatewayPriority"> | undefined)[],
  networks: readonly (NetworkConfig | undefined)[],
): number {
  const candidates = requests
    .map((request, index) => ({ priority: request?.gatewayPriority ?? 0, index }))
    .filter(({ index }) => networks[index]?.isInternal === false);
  const highest = Math.max(...candidates.map(({ priority }) => priority));
  return candidates.find(({ priority }) => priority === highest)?.index ?? -1;
}
