/** Undoing endpoints that commands left half made which were killed while they connected a container. @module */

import { listNames } from "../../kernel/entry.ts";
import { SandboxSockets } from "../../network/endpoint.ts";
import { isId } from "../../store/id.ts";
import { isLocked, tryAcquireLock } from "../../store/lock.ts";
import { changeContainer, type OpenContainer } from "../network/change_container.ts";
import type { Engine } from "../base/engine.ts";
import { dropUnknown, isHalfMade } from "../network/live_endpoints.ts";
import { readContainer } from "../record/find.ts";
import { readSandboxIfSound } from "../record/sandbox_reading.ts";

/** What {@linkcode recoverEndpoints} did. */
export interface EndpointRecovery {
  /** Ids of containers that run and had an endpoint that nobody had finished. */
  containers: string[];
  /** What could not be done. */
  failures: unknown[];
}

/** Removes the endpoints of containers that run which their records do not have, unless somebody is at it now. */
export async function recoverEndpoints(engine: Engine): Promise<EndpointRecovery> {
  const result: EndpointRecovery = { containers: [], failures: [] };
  for (const id of listNames(engine.paths.runContainers).filter(isId)) {
    try {
      if (await recoverContainer(engine, id)) result.containers.push(id);
    } catch (error) {
      result.failures.push(error);
    }
  }
  return result;
}

async function recoverContainer(engine: Engine, id: string): Promise<boolean> {
  const { lock, connectLock } = engine.paths.container(id);
  if (!isLocked(lock)) return false;
  const config = readContainer(engine, id)?.config;
  const sandbox = readSandboxIfSound(engine, id);
  if (config === undefined || !sandbox?.endpoints.some(isHalfMade(config))) return false;
  using connecting = tryAcquireLock(connectLock, { create: true });
  if (connecting === undefined) return false;
  return await changeContainer(engine, id, (container) => dropAll(engine, container));
}

function dropAll(engine: Engine, { record: { config }, live }: OpenContainer): boolean {
  const left = live?.sandbox.endpoints.filter(isHalfMade(config)) ?? [];
  if (live === undefined || left.length === 0) return false;
  using sockets = new SandboxSockets(live.namespace);
  dropUnknown(engine, sockets, { live, id: config.id, left });
  return true;
}
