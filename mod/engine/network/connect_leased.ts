/** Attaching containers to networks with DHCP, whose servers take their time. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import { MonitorConnection } from "../../container/launch/monitor.ts";
import { WherryError } from "../../errors.ts";
import { openNetNamespace } from "../../kernel/net_namespace.ts";
import type { DhcpGrant } from "../../network/dhcp_client.ts";
import { SandboxSockets } from "../../network/endpoint.ts";
import { RETRY_MS } from "../../network/lease_times.ts";
import type { PortTrouble } from "../../network/port_plan.ts";
import type { Endpoint } from "../../network/sandbox.ts";
import { acquireLock } from "../../store/lock.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { changeContainer, type LiveSandbox, type OpenContainer } from "./change_container.ts";
import { checkConnection, withoutSandbox } from "./connection_check.ts";
import { askForAddress, takeGrant, wakeForLeases, wakeIn } from "./dhcp.ts";
import type { Engine } from "../base/engine.ts";
import { findContainer, readContainer } from "../record/find.ts";
import {
  addEndpoint,
  type Attachment,
  dropEndpoint,
  joinEndpoint,
  type LiveEndpoint,
} from "./live_endpoints.ts";
import { releaseLease } from "../record/sandbox_removal.ts";

/** A container that runs, on its way to a network whose DHCP server is asked. */
interface Leasing extends Attachment {
  config: ContainerConfig;
  /** Its link is there and switched on. */
  endpoint: Endpoint;
  /** A copy of the container's. */
  namespace: Descriptor;
}

/**
 * Attaches a container to a network with DHCP. While the server is asked nobody has to wait, but for others who
 * attach the same container so.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @returns Who is in the way of its ports; nothing has changed then.
 * @throws {WherryError} As `connectContainer` does.
 */
export async function connectLeased(
  engine: Engine,
  wanted: string,
  attachment: Attachment,
): Promise<PortTrouble | undefined> {
  const { config: { id }, paths } = findContainer(engine, wanted);
  Deno.mkdirSync(paths.runDirectory, { recursive: true, mode: 0o700 });
  using _lock = acquireLock(paths.connectLock);
  const leasing = await changeContainer(
    engine,
    id,
    (container) => beginLeasing(engine, container, attachment),
  );
  if (leasing === undefined) return undefined;
  using _namespace = leasing.namespace;
  await using undo = new AsyncDisposableStack();
  undo.defer(() => abandonLeasing(engine, leasing));
  const grant = await askForAddress(engine, leasing);
  // Until it is recorded nobody else does; a second time does no harm
  undo.defer(() => releaseLease(grant.lease));
  const trouble = await withWake(paths, () =>
    changeContainer(
      engine,
      id,
      (container) => finishLeasing(engine, container, { leasing, grant }),
    ));
  if (trouble === undefined) undo.move();
  return trouble;
}

/** @returns `undefined` if the container does not run: its next start does the rest. */
function beginLeasing(
  engine: Engine,
  { record, live, isRunning }: OpenContainer,
  attachment: Attachment,
): Leasing | undefined {
  checkConnection(engine, record.config, attachment);
  const config = connected(record.config, attachment);
  if (!isRunning) {
    record.replace(config);
    return undefined;
  }
  if (live === undefined) throw withoutSandbox(config);
  using sockets = new SandboxSockets(live.namespace);
  using undo = new DisposableStack();
  const namespace = undo.use(openNetNamespace(live.namespace));
  const { endpoint } = addEndpoint(engine, sockets, { live, config, ...attachment });
  undo.move();
  return { ...attachment, config, endpoint, namespace };
}

function connected(config: ContainerConfig, { request }: Attachment): ContainerConfig {
  return { ...config, endpoints: [...config.endpoints, request] };
}

function finishLeasing(
  engine: Engine,
  { record, live }: OpenContainer,
  { leasing, grant }: { leasing: Leasing; grant: DhcpGrant },
): PortTrouble | undefined {
  const found = findLiveEndpoint(live, leasing);
  if (live === undefined || found === undefined) {
    throw new WherryError(
      "conflict",
      `Cannot connect container "${record.config.name}" to network "${leasing.network.name}": ` +
        "it has ended, or was disconnected, while the DHCP server was asked",
    );
  }
  const { sandbox, endpoint } = found;
  const config = connected(record.config, leasing);
  using sockets = new SandboxSockets(live.namespace);
  takeGrant(engine, {
    config,
    network: leasing.network,
    endpoint,
    sockets,
    hasDefaultRoute: false,
    record: () => live.write(sandbox),
  }, grant);
  const replaceConfig = (): void => record.replace(config);
  return joinEndpoint(engine, sockets, { live, config, ...found, replaceConfig });
}

function findLiveEndpoint(
  live: LiveSandbox | undefined,
  { endpoint: { id } }: Leasing,
): LiveEndpoint | undefined {
  const endpoint = live?.sandbox.endpoints.find((one) => one.id === id);
  if (live === undefined || endpoint === undefined) return undefined;
  return { sandbox: live.sandbox, endpoint };
}

/** Does nothing where the container has ended meanwhile, and somebody else has undone its sandbox. */
async function abandonLeasing(engine: Engine, leasing: Leasing): Promise<void> {
  const { id } = leasing.config;
  if (readContainer(engine, id) === undefined) return;
  await changeContainer(engine, id, ({ live }) => {
    const found = findLiveEndpoint(live, leasing);
    if (live === undefined || found === undefined) return;
    using sockets = new SandboxSockets(live.namespace);
    dropEndpoint(engine, sockets, { live, id, ...found });
  });
}

/**
 * Has the container's monitor look after its leases in time for what is done; soon, if this command is killed in the
 * middle of it.
 */
async function withWake<T>(
  { runDirectory, network: path }: ContainerPaths,
  act: () => Promise<T>,
): Promise<T> {
  using monitor = MonitorConnection.connectIfRunning(runDirectory);
  if (monitor !== undefined) await wakeIn(monitor, RETRY_MS);
  try {
    return await act();
  } finally {
    if (monitor !== undefined) await wakeForLeases(monitor, path);
  }
}
