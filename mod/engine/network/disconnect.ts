/** Detaching containers from networks. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import { dockerError, WherryError } from "../../errors.ts";
import { moveDefaultRoute, SandboxSockets } from "../../network/endpoint.ts";
import type { NetworkConfig } from "../../network/network.ts";
import type { PortTrouble } from "../../network/port_plan.ts";
import type { Endpoint } from "../../network/sandbox.ts";
import { changeContainer, type LiveSandbox, type OpenContainer } from "./change_container.ts";
import { withoutSandbox } from "./connection_check.ts";
import type { Engine } from "../base/engine.ts";
import { recordNetworkEvent } from "../base/events.ts";
import {
  followLeases,
  mainEndpoint,
  movePorts,
  removeEndpoint,
  withoutEndpoint,
} from "./live_endpoints.ts";
import { findNetwork } from "./networks.ts";
import { settlePorts } from "./ports.ts";

/** How a container is detached. */
export interface DisconnectOptions {
  /** Whether a network that is gone, or whose record is damaged, will do. */
  isForced: boolean;
}

/**
 * Detaches a container from a network. Published ports that led to it go where they can, or away.
 *
 * One that is cut short can be done again.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @param wantedNetwork A name, an id or the beginning of an id.
 * @throws {WherryError} `not_found`, or `conflict` if it is not on the network, or runs and has no network of its own.
 */
export async function disconnectContainer(
  engine: Engine,
  wanted: string,
  { network: wantedNetwork, isForced }: DisconnectOptions & { network: string },
): Promise<void> {
  await settlePorts(engine, async () =>
    await changeContainer(engine, wanted, (container) => {
      const network = findForDisconnection(engine, wantedNetwork, { isForced });
      return disconnectOpen(engine, container, network);
    }));
}

/** What has to be known of a network to leave it. */
type LeftNetwork = Pick<NetworkConfig, "id" | "name" | "driver">;

function findForDisconnection(
  engine: Engine,
  wanted: string,
  { isForced }: DisconnectOptions,
): LeftNetwork {
  try {
    return findNetwork(engine, wanted);
  } catch (error) {
    const isLost = error instanceof WherryError &&
      (error.kind === "not_found" || error.kind === "corrupt");
    if (!isForced || !isLost) throw error;
    return { id: "", name: wanted, driver: "bridge" };
  }
}

function disconnectOpen(
  engine: Engine,
  { record, live, isRunning }: OpenContainer,
  network: LeftNetwork,
): PortTrouble | undefined {
  const { config } = record;
  if (config.networkMode === "host" && network.driver === "host") {
    throw dockerError(
      "conflict",
      "container cannot be disconnected from host network or connected to host network",
    );
  }
  const endpoint = live?.sandbox.endpoints.find(({ networkName }) => networkName === network.name);
  const isNone = config.networkMode === "none" && network.name === "none";
  const isOn = config.endpoints.some((request) => request.network === network.name);
  if (!isNone && !isOn && endpoint === undefined) {
    throw dockerError(
      "conflict",
      `container ${config.id} is not connected to network ${network.name}`,
    );
  }
  if (isRunning && live === undefined) throw withoutSandbox(config);
  const changed = {
    ...config,
    networkMode: isNone ? "bridge" : config.networkMode,
    endpoints: config.endpoints.filter((request) => request.network !== network.name),
  };
  if (live !== undefined && endpoint !== undefined) {
    const trouble = disconnectLive(engine, { live, config: changed, endpoint });
    if (trouble !== undefined) return trouble;
  }
  record.replace(changed);
  recordNetworkEvent(engine, {
    network: { ...network, id: endpoint?.networkId ?? network.id },
    action: "disconnect",
    container: config.id,
  });
  return undefined;
}

/** A container that is being disconnected. */
interface Disconnection {
  live: LiveSandbox;
  /** As it will be. */
  config: ContainerConfig;
  /** Which goes. */
  endpoint: Endpoint;
}

/** Ports first, which others wait for; the record of the sandbox tells of the endpoint until nothing of it is left. */
function disconnectLive(
  engine: Engine,
  { live, config, endpoint }: Disconnection,
): PortTrouble | undefined {
  const { sandbox } = live;
  const after = withoutEndpoint(sandbox, endpoint);
  const trouble = movePorts(engine, {
    config,
    sandbox: after,
    record: (ports) => live.write({ ...sandbox, ports }),
  });
  if (trouble !== undefined) return trouble;
  using sockets = new SandboxSockets(live.namespace);
  // Before the link goes, and its routes with it
  moveDefaultRoute(sockets, { from: endpoint, to: mainEndpoint(engine, config, after) });
  removeEndpoint(engine, sockets, { id: config.id, endpoint });
  if (endpoint.lease !== undefined) followLeases(engine, config, after);
  live.write(after);
  return undefined;
}
