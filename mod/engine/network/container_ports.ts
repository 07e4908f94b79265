/** The ports of containers, one at a time, and the networks they are on: pure. @module */

import type { ContainerConfig, PublishedPort } from "../../container/record/config.ts";
import type { Sandbox } from "../../network/sandbox.ts";

/** One port of a container that is exposed, or published at one address of the host. */
export interface ContainerPort {
  /** Port inside, 1 to 65535. */
  containerPort: number;
  /** Of the transport. */
  protocol: string;
  /** Host address it is published at; empty if it is exposed only. */
  hostAddress: string;
  /** Port on the host; 0 if it is exposed only. */
  hostPort: number;
}

/**
 * Lists what a container exposes and publishes while it runs, published ones first.
 *
 * @param sandbox Of a running container; without one there is nothing, as with docker.
 */
export function listContainerPorts(
  config: Pick<ContainerConfig, "exposedPorts" | "publishedPorts">,
  sandbox: Sandbox | undefined,
): ContainerPort[] {
  if (sandbox === undefined) return [];
  const published = sandbox.ports.flatMap((mapping): ContainerPort[] =>
    Array.from({ length: mapping.count }, (_, offset) => ({
      containerPort: mapping.containerPort + offset,
      protocol: mapping.protocol,
      hostAddress: mapping.hostAddress,
      hostPort: mapping.hostPort + offset,
    }))
  );
  const names = new Set(published.map(portName));
  const exposed = exposedPortNames(config).filter((name) => !names.has(name)).map(parsePortName);
  return [...published, ...exposed];
}

/** `80/tcp`. */
export function portName({ containerPort, protocol }: ContainerPort): string {
  return `${containerPort}/${protocol}`;
}

function parsePortName(name: string): ContainerPort {
  const [port = "", protocol = ""] = name.split("/");
  return { containerPort: Number(port), protocol, hostAddress: "", hostPort: 0 };
}

/** Names of all ports that a container exposes: those of the image, those asked for, and those that are published. */
export function exposedPortNames(
  { exposedPorts, publishedPorts }: Pick<ContainerConfig, "exposedPorts" | "publishedPorts">,
): string[] {
  return [...new Set([...exposedPorts, ...publishedPorts.flatMap(namesOfPublished)])].toSorted();
}

function namesOfPublished({ containerPort, count, protocol }: PublishedPort): string[] {
  return Array.from({ length: count }, (_, offset) => `${containerPort + offset}/${protocol}`);
}

/** Names of the networks that a container is on; none if it shares another container's, or has left all. */
export function networkNamesOf(
  { networkMode, endpoints }: Pick<ContainerConfig, "networkMode" | "endpoints">,
): string[] {
  if (networkMode === "host" || networkMode === "none") return [networkMode];
  return endpoints.map(({ network }) => network);
}
