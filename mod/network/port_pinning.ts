/** Keeping the host ports that were chosen while other ports come and go. @module */

import type { WantedPort } from "./port_plan.ts";
import type { PortMapping } from "./sandbox.ts";

/**
 * Asks for the host ports that are published already, where any or one of several would do. Pure.
 *
 * @param published What of it is published now.
 * @returns In the same order.
 */
export function pinPorts<P extends WantedPort>(
  wanted: readonly P[],
  published: readonly PortMapping[],
): P[] {
  const taken = new Set<string>();
  return wanted.map((port) => {
    const isFixed = port.hostPort !== 0 && (port.hostPortEnd <= port.hostPort || port.count > 1);
    if (isFixed) return port;
    const mapping = published.find((one) =>
      coversPort(one, port) && !taken.has(`${one.protocol} ${hostPortOf(one, port)}`)
    );
    if (mapping === undefined) return port;
    const hostPort = hostPortOf(mapping, port);
    taken.add(`${port.protocol} ${hostPort}`);
    return { ...port, hostPort, hostPortEnd: hostPort + port.count - 1 };
  });
}

function coversPort(mapping: PortMapping, port: WantedPort): boolean {
  const { protocol, containerPort, count, hostAddress } = port;
  const hostPort = hostPortOf(mapping, port);
  return mapping.protocol === protocol && mapping.containerPort <= containerPort &&
    containerPort + count <= mapping.containerPort + mapping.count &&
    (hostAddress === "" || hostAddress === mapping.hostAddress) &&
    (port.hostPort === 0 || (hostPort >= port.hostPort && hostPort <= port.hostPortEnd));
}

function hostPortOf(mapping: PortMapping, { containerPort }: WantedPort): number {
  return mapping.hostPort + containerPort - mapping.containerPort;
}
