/** `wherry system recover`. @module */

import { recoverEngine, type Recovery } from "../../engine/system/recover.ts";
import type { NetworkRecovery } from "../../engine/system/recover_networks.ts";
import { describeSweep } from "../../engine/lifecycle/sweep.ts";
import { removeOldCodeCaches } from "../base/code_caches.ts";
import type { RECOVER_FLAGS } from "../definitions/system_flags.ts";
import type { Context } from "../base/context.ts";
import { EXIT_FAILURE } from "../base/exit_code.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { BUILD } from "../base/self.ts";

/** Removes what crashes left behind, and prints what that was. */
export async function run(
  { engine, output }: Context,
  _parsed: ParsedFlags<typeof RECOVER_FLAGS>,
): Promise<number> {
  const recovery = await recoverEngine(engine);
  const failures = [...recovery.endpoints.failures, ...recovery.networks.failures];
  const caches = describeCount(removeOldCodeCaches(BUILD), "code caches of other builds of wherry");
  for (const line of [...describeRecovery(recovery), ...caches]) output.writeLine(line);
  const problems = [
    ...describeSweep(recovery.containers),
    ...recovery.networks.warnings,
    ...failures.map((error) => error instanceof Error ? error.message : `${error}`),
  ];
  for (const problem of problems) output.warn(problem);
  const { failed, volumeLeftovers } = recovery.containers;
  return failed.size + volumeLeftovers.failures.length + failures.length > 0 ? EXIT_FAILURE : 0;
}

function describeRecovery(recovery: Recovery): string[] {
  const { containers, killed, endpoints, networks, images, cgroups } = recovery;
  return [
    ...containers.ended.map((id) =>
      `Recorded the end of container ${id}, whose monitor was killed`
    ),
    ...killed.map((id) => `Killed what was left of container ${id}`),
    ...containers.removed.map((id) =>
      `Removed container ${id}, which nobody had finished or wanted`
    ),
    ...containers.sandboxes.map((id) => `Undid what was left of the network of container ${id}`),
    ...containers.volumeUsers.map((id) => `Released the volumes of container ${id}`),
    ...containers.volumes.map((name) => `Unmounted the volume ${name}, which no container uses`),
    ...endpoints.containers.map((id) =>
      `Undid a connection of container ${id}, which nobody had finished`
    ),
    ...describeNetworks(networks),
    ...containers.runDirectories.map((id) => `Removed the run directory of container ${id}`),
    ...containers.names.map((name) => `Freed the name ${name}`),
    ...cgroups.map((path) => `Removed the cgroup ${path}`),
    ...describeCount(
      containers.volumeLeftovers.removedCount,
      "unfinished volumes or removals of volumes",
    ),
    ...describeCount(images.stagingCount, "unfinished imports or removals of images"),
    ...describeCount(images.blobCount, "blobs that no image needs"),
    ...describeCount(images.layerCount, "layers that no image or container needs"),
  ];
}

function describeNetworks(recovery: NetworkRecovery): string[] {
  const { addresses, names, ports, links, attached, networks, isTableRenewed } = recovery;
  return [
    ...addresses.map((address) => `Freed the address ${address}, whose container is gone`),
    ...names.map((id) => `Removed the lines for /etc/hosts of container ${id}, which is gone`),
    ...ports.map((id) => `Took back the published ports of container ${id}, which is gone`),
    ...links.map((name) => `Removed the link ${name}, which no container has`),
    ...attached.map((name) => `Attached the link ${name} to its bridge again`),
    ...networks.map((id) => `Removed what was left of network ${id}`),
    ...(isTableRenewed ? ["Made wherry's nf_tables table anew"] : []),
  ];
}

function describeCount(count: number, what: string): string[] {
  return count === 0 ? [] : [`Removed ${what}: ${count}`];
}
