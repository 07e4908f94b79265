/** Changing what a container publishes. @module */

import type { PublishedPort } from "./config.ts";

/**
 * Takes ports out of a list. Pure.
 *
 * @param gone What goes; without a host address or a host port, whatever they are.
 * @param actual The same list with the host ports that were chosen, where they are known.
 * @returns What is left, split where only a part of a range goes; `undefined` if nothing goes.
 */
export function withoutPublished(
  ports: readonly PublishedPort[],
  gone: PublishedPort,
  actual: readonly PublishedPort[] = ports,
): PublishedPort[] | undefined {
  let isFound = false;
  const left = ports.flatMap((port, index) => {
    const [from, to] = findOverlap(actual[index] ?? port, gone);
    if (from >= to) return [port];
    isFound = true;
    return [slicePort(port, 0, from), slicePort(port, to, port.count)].flat();
  });
  return isFound ? left : undefined;
}

/** Which ports of a row go: the offset of the first, and the offset after the last. */
function findOverlap(port: PublishedPort, gone: PublishedPort): [from: number, to: number] {
  const isOther = port.protocol !== gone.protocol ||
    (gone.hostAddress !== "" && gone.hostAddress !== port.hostAddress) ||
    (gone.hostPort !== 0 && !leadsAlike(port, gone));
  if (isOther) return [0, 0];
  const offset = gone.containerPort - port.containerPort;
  return [Math.max(0, offset), Math.min(port.count, offset + gone.count)];
}

/** Whether a host port of one leads to the same port of the container in the other. */
function leadsAlike(one: PublishedPort, other: PublishedPort): boolean {
  return one.hostPort - one.containerPort === other.hostPort - other.containerPort;
}

/** Ports of a row by their offsets; none if there are none. */
function slicePort(port: PublishedPort, from: number, to: number): PublishedPort[] {
  if (from >= to) return [];
  const count = to - from;
  const containerPort = port.containerPort + from;
  if (port.hostPort === 0) return [{ ...port, containerPort, count }];
  const hostPort = port.hostPort + from;
  return [{ ...port, containerPort, hostPort, hostPortEnd: hostPort + count - 1, count }];
}
