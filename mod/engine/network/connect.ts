/** Attaching containers to networks after they were made. @module */

import type { EndpointRequest } from "../../container/record/config.ts";
import { SandboxSockets } from "../../network/endpoint.ts";
import type { PortTrouble } from "../../network/port_plan.ts";
import { changeContainer, type OpenContainer } from "./change_container.ts";
import { connectLeased } from "./connect_leased.ts";
import { checkConnection, withoutSandbox } from "./connection_check.ts";
import type { Engine } from "../base/engine.ts";
import {
  addEndpoint,
  type Attachment,
  type Connection,
  dropEndpoint,
  joinEndpoint,
} from "./live_endpoints.ts";
import { findNetwork } from "./networks.ts";
import { settlePorts } from "./ports.ts";

/**
 * Attaches a container to one more network: at once if it runs, otherwise when it is started.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @param request How; its network by a name, an id or the beginning of an id.
 * @throws {WherryError} `not_found`; `conflict` if it is on the network already, or shares somebody else's, or an
 * address or a port is taken; `unavailable` if no DHCP server gives an address. Nothing has changed then.
 */
export async function connectContainer(
  engine: Engine,
  wanted: string,
  request: EndpointRequest,
): Promise<void> {
  await settlePorts(engine, async () => {
    const network = findNetwork(engine, request.network);
    const attachment = { network, request: { ...request, network: network.name } };
    if (network.ipamDriver === "dhcp") return await connectLeased(engine, wanted, attachment);
    return await changeContainer(
      engine,
      wanted,
      (container) => connectOpen(engine, container, attachment),
    );
  });
}

function connectOpen(
  engine: Engine,
  { record, live, isRunning }: OpenContainer,
  attachment: Attachment,
): PortTrouble | undefined {
  checkConnection(engine, record.config, attachment);
  const { request } = attachment;
  const config = { ...record.config, endpoints: [...record.config.endpoints, request] };
  if (!isRunning) {
    record.replace(config);
    return undefined;
  }
  if (live === undefined) throw withoutSandbox(config);
  return connectLive(engine, { live, config, ...attachment }, () => record.replace(config));
}

function connectLive(
  engine: Engine,
  connection: Connection,
  replaceConfig: () => void,
): PortTrouble | undefined {
  const { live, config } = connection;
  using sockets = new SandboxSockets(live.namespace);
  const added = addEndpoint(engine, sockets, connection);
  using undo = new DisposableStack();
  undo.defer(() => dropEndpoint(engine, sockets, { live, id: config.id, ...added }));
  const trouble = joinEndpoint(engine, sockets, { live, config, ...added, replaceConfig });
  if (trouble === undefined) undo.move();
  return trouble;
}
