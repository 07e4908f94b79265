/** Which containers are on a network. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import { WherryError } from "../../errors.ts";
import { isPresent, listNames } from "../../kernel/entry.ts";
import type { NetworkConfig } from "../../network/network.ts";
import type { Endpoint } from "../../network/sandbox.ts";
import { isId } from "../../store/id.ts";
import { isLocked } from "../../store/lock.ts";
import type { Engine } from "../base/engine.ts";
import { readContainer } from "../record/find.ts";
import { readSandboxIfSound } from "../record/sandbox_reading.ts";

/** A container that is on a network, or is about to be. */
export interface NetworkUser {
  /** Its id. */
  id: string;
  /** What people call it; its id if its record cannot be read. */
  name: string;
  /** Its attachment; `undefined` with the drivers `host` and `none`, which have none. */
  endpoint: Endpoint | undefined;
}

/** The containers that run on a network, in no order. */
export function listNetworkUsers(engine: Engine, network: NetworkConfig): NetworkUser[] {
  const { paths } = engine;
  return listNames(paths.runContainers).flatMap((id) => {
    // Nobody holds the lock of what has ended: its endpoints are only waiting to be cleared away
    if (!isId(id) || !isLocked(paths.container(id).lock)) return [];
    const config = readConfig(engine, id);
    const sandbox = readSandboxIfSound(engine, id);
    const endpoint = sandbox?.endpoints.find(({ networkId }) => networkId === network.id);
    const isOn = endpoint !== undefined ||
      (config !== undefined &&
        isMeantFor(config, network, {
          isKnown: sandbox !== undefined || !isPresent(paths.container(id).network),
        }));
    return isOn ? [{ id, name: config?.name ?? id, endpoint }] : [];
  });
}

/** What is damaged is reported by who lists containers. */
function readConfig(engine: Engine, id: string): ContainerConfig | undefined {
  try {
    return readContainer(engine, id)?.config;
  } catch (error) {
    if (error instanceof WherryError && error.kind === "corrupt") return undefined;
    throw error;
  }
}

/**
 * Whether a container is on a network that gives it no endpoint, or one that nobody can read.
 *
 * @param isKnown Whether its endpoints can be read.
 */
function isMeantFor(
  { networkMode, endpoints }: ContainerConfig,
  { name, driver }: NetworkConfig,
  { isKnown }: { isKnown: boolean },
): boolean {
  const hasEndpoints = driver !== "host" && driver !== "none";
  if (hasEndpoints && isKnown) return false;
  return networkMode === name || endpoints.some(({ network }) => network === name);
}
