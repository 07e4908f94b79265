/** Bringing an engine and its host in order after crashes. @module */

import { readContainerConfig } from "../../container/record/config.ts";
import { isCorrupt } from "../../errors.ts";
import type { Sweep } from "../../image/store/image_sweep.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { listCgroupOwners, removeEmptyCgroups } from "../record/cgroup.ts";
import type { Engine } from "../base/engine.ts";
import { listIds, tryLockContainer } from "../record/find.ts";
import { recoverImages } from "../image/images.ts";
import { type EndpointRecovery, recoverEndpoints } from "./recover_endpoints.ts";
import { type NetworkRecovery, recoverNetworks } from "./recover_networks.ts";
import { killUnknown } from "../lifecycle/stop.ts";
import { sweepContainers, type SweepResult } from "../lifecycle/sweep.ts";

/** What {@linkcode recoverEngine} did. */
export interface Recovery {
  /** Containers, their names and their run directories. */
  containers: SweepResult;
  /** Ids of containers of which there was something left that their records do not tell of. */
  killed: string[];
  /** Connections of containers that run. */
  endpoints: EndpointRecovery;
  /** Networks, and what containers had of them. */
  networks: NetworkRecovery;
  /** The image store. */
  images: Sweep;
  /** Paths of cgroups without processes that were removed. */
  cgroups: string[];
}

/**
 * Removes what crashes left behind, wherever they did.
 *
 * Nothing that runs is touched, but for containers whose record is damaged: no command could ever end them. Nor is what
 * other engines on this host are at.
 */
export async function recoverEngine(engine: Engine): Promise<Recovery> {
  engine.ensureDirectories();
  const ended = await killDamaged(engine);
  const containers = sweepContainers(engine, { waits: true });
  const killed = [...ended, ...killForgotten(engine, containers)];
  const endpoints = await recoverEndpoints(engine);
  const networks = recoverNetworks(engine);
  const cgroups = removeEmptyCgroups();
  return { containers, killed, endpoints, networks, images: recoverImages(engine), cgroups };
}

/** Ends the containers that run and have a damaged record, so that the sweep can put them aside. */
async function killDamaged(engine: Engine): Promise<string[]> {
  const killed: string[] = [];
  for (const id of listIds(engine)) {
    const paths = engine.paths.container(id);
    if (isDamaged(paths) && await killUnknown(paths)) killed.push(id);
  }
  return killed;
}

function isDamaged(paths: ContainerPaths): boolean {
  try {
    readContainerConfig(paths);
    return false;
  } catch (error) {
    if (isCorrupt(error)) return true;
    throw error;
  }
}

/** Kills what monitors left that were killed while they started a container again: its record still says "exited". */
function killForgotten(engine: Engine, { failed }: SweepResult): string[] {
  const owners = listCgroupOwners();
  return listIds(engine).filter((id) => owners.has(id)).filter((id) => {
    try {
      using lock = tryLockContainer(engine, id);
      return lock !== undefined;
    } catch (error) {
      failed.set(id, error);
      return false;
    }
  });
}
