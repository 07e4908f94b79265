/** Changing what a container publishes, also while it runs. @module */

import type { ContainerConfig, PublishedPort } from "../../container/record/config.ts";
import { withoutPublished } from "../../container/record/published_ports.ts";
import { WherryError } from "../../errors.ts";
import { pinPorts } from "../../network/port_pinning.ts";
import { planPorts, type PortTrouble } from "../../network/port_plan.ts";
import type { PortMapping } from "../../network/sandbox.ts";
import { changeContainer, type LiveSandbox, type OpenContainer } from "./change_container.ts";
import type { Engine } from "../base/engine.ts";
import { networksOf } from "./live_endpoints.ts";
import { hasPortTarget, portsToPublish, replaceContainerPorts, settlePorts } from "./ports.ts";

/** Ports that come and go. */
export interface PortUpdate {
  publish: readonly PublishedPort[];
  /** Without a host address or a host port, whatever they are. */
  unpublish: readonly PublishedPort[];
}

/**
 * Changes what a container publishes: of one that runs all at once, of another when it is started.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `conflict` if a port is taken, or the container has no network of its own; `not_found` if it
 * does not publish what is to go. Nothing has changed then.
 */
export async function updatePorts(
  engine: Engine,
  wanted: string,
  update: PortUpdate,
): Promise<void> {
  await settlePorts(
    engine,
    async () =>
      await changeContainer(engine, wanted, (container) => changePorts(engine, container, update)),
  );
}

function changePorts(
  engine: Engine,
  { record, live, isRunning }: OpenContainer,
  update: PortUpdate,
): PortTrouble | undefined {
  checkMode(record.config, { isWithout: isRunning && live === undefined });
  const config = planUpdate(record.config, update, live?.sandbox.ports ?? []);
  const trouble = live === undefined
    ? checkAlone(config.publishedPorts)
    : changeLive(engine, { live, config, isAdding: update.publish.length > 0 });
  if (trouble === undefined) record.replace(config);
  return trouble;
}

/** A container that runs, and what it is to publish. */
interface LiveChange {
  live: LiveSandbox;
  config: ContainerConfig;
  /** Whether there must be a network that ports can lead to. */
  isAdding: boolean;
}

function changeLive(
  engine: Engine,
  { live, config, isAdding }: LiveChange,
): PortTrouble | undefined {
  const { sandbox } = live;
  const networks = networksOf(engine, sandbox.endpoints);
  const ports = isAdding || hasPortTarget({ networks }) ? portsToPublish(config) : [];
  const request = { config, sandbox, networks, ports };
  return replaceContainerPorts(
    engine,
    request,
    (mappings) => live.write({ ...sandbox, ports: mappings }),
  );
}

/** @param isWithout Whether it runs and has no network of its own, whatever its record says. */
function checkMode(config: ContainerConfig, { isWithout }: { isWithout: boolean }): void {
  const { networkMode } = config;
  const isShared = networkMode.startsWith("container:");
  if (isWithout || isShared || networkMode === "host" || networkMode === "none") {
    throw withoutNetwork(config);
  }
}

function withoutNetwork({ name, networkMode }: ContainerConfig): WherryError {
  return new WherryError(
    "conflict",
    `Cannot change the ports of container "${name}": it has no network of its own (${networkMode})`,
  );
}

/** Those of `--publish-all` are published by name as soon as one of them is to go. */
function planUpdate(
  config: ContainerConfig,
  { publish, unpublish }: PortUpdate,
  mappings: readonly PortMapping[],
): ContainerConfig {
  const { publishedPorts, publishesAll } = config;
  let ports: readonly PublishedPort[] = unpublish.length > 0
    ? portsToPublish(config)
    : publishedPorts;
  for (const gone of unpublish) {
    const left = withoutPublished(ports, gone, pinPorts(ports, mappings));
    if (left === undefined) throw notPublished(config, gone);
    ports = left;
  }
  return {
    ...config,
    publishedPorts: [...ports, ...publish],
    publishesAll: publishesAll && unpublish.length === 0,
  };
}

function notPublished({ name }: ContainerConfig, gone: PublishedPort): WherryError {
  const { containerPort, count, protocol } = gone;
  const ports = count === 1 ? `${containerPort}` : `${containerPort}-${containerPort + count - 1}`;
  return new WherryError(
    "not_found",
    `Cannot take back port ${ports}/${protocol}: container "${name}" does not publish it there`,
    { hint: `See what it publishes with "wherry port ${name}"` },
  );
}

/** Of RFC 5737 and RFC 3849: only to find out whether the ports are in each other's way. */
const SOMEWHERE = { ipv4: "192.0.2.1", ipv6: "2001:db8::1", defaultHostAddress: "" };

/** What of a container's own ports is in the way of others, wherever it will be started. */
function checkAlone(ports: readonly PublishedPort[]): PortTrouble | undefined {
  const fixed = ports.filter(({ hostPort, hostPortEnd, count }) =>
    hostPort !== 0 && (hostPortEnd <= hostPort || count > 1)
  );
  const plan = planPorts(fixed, SOMEWHERE, {
    registry: new Map(),
    listListening: () => [],
    ephemeral: [1, 1],
  });
  return Array.isArray(plan) ? undefined : plan;
}
