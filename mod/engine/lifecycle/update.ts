/** Changing what was asked for of containers, also while they run. @module */

import type { PublishedPort, RestartPolicy } from "../../container/record/config.ts";
import { MonitorConnection } from "../../container/launch/monitor.ts";
import type { LimitChanges } from "../../container/resource/limits_update.ts";
import { WherryError } from "../../errors.ts";
import { errnoText } from "../../../ffi/errno.ts";
import { type Engine, systemFailure } from "../base/engine.ts";
import { recordContainerEvent } from "../base/events.ts";
import { findContainer } from "../record/find.ts";
import { openConfig } from "../record/open_config.ts";
import { checkLimitUpdate, updateLimits } from "./update_limits.ts";
import { updatePorts } from "../network/update_ports.ts";

/** What is to be different. */
export interface ContainerUpdate {
  /** When it is started again from now on. @default {as before} */
  restartPolicy?: RestartPolicy;
  /** Limits that are to be different. @default {none} */
  resources?: LimitChanges;
  /** Ports that are published from now on. @default {none} */
  publish?: readonly PublishedPort[];
  /** Ports that are not published any more; without a host address or a host port, whatever they are. @default {none} */
  unpublish?: readonly PublishedPort[];
}

/**
 * Changes a container, and what is there of it if it runs. Ports change all at once.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `conflict` if it is removed when it ends, or a port is taken; `not_found` if it does not
 * publish what it is not to publish any more; `unavailable` if it cannot be written down, for example on a full disk.
 */
export async function updateContainer(
  engine: Engine,
  wanted: string,
  update: ContainerUpdate,
): Promise<void> {
  try {
    await applyUpdate(engine, wanted, update);
  } catch (cause) {
    throw systemFailure(`update container "${wanted}"`, cause);
  }
}

async function applyUpdate(
  engine: Engine,
  wanted: string,
  { restartPolicy, resources = {}, publish = [], unpublish = [] }: ContainerUpdate,
): Promise<void> {
  const hasLimits = Object.keys(resources).length > 0;
  if (restartPolicy !== undefined) checkPolicy(engine, wanted, restartPolicy);
  if (hasLimits) checkLimitUpdate(engine, wanted, resources);
  if (publish.length + unpublish.length > 0) {
    await updatePorts(engine, wanted, { publish, unpublish });
  }
  if (hasLimits) await updateLimits(engine, wanted, resources);
  if (restartPolicy !== undefined) await updatePolicy(engine, wanted, restartPolicy);
  recordContainerEvent(engine, { config: findContainer(engine, wanted).config, action: "update" });
}

function checkPolicy(engine: Engine, wanted: string, { name }: RestartPolicy): void {
  if (name === "no" || !findContainer(engine, wanted).config.isAutoRemoved) return;
  throw new WherryError(
    "conflict",
    `Cannot update container "${wanted}": ` +
      "Restart policy cannot be updated because AutoRemove is enabled for the container",
  );
}

async function updatePolicy(
  engine: Engine,
  wanted: string,
  restartPolicy: RestartPolicy,
): Promise<void> {
  const { paths } = findContainer(engine, wanted);
  using record = openConfig(paths, wanted);
  // The record first: a monitor that starts meanwhile has read it
  record.replace({ ...record.config, restartPolicy });
  await tellMonitor(paths.runDirectory, wanted, restartPolicy);
}

async function tellMonitor(
  runDirectory: string,
  wanted: string,
  policy: RestartPolicy,
): Promise<void> {
  using monitor = MonitorConnection.connectIfRunning(runDirectory);
  monitor?.setRestartPolicy(policy);
  // `undefined` means that it ended meanwhile
  const answer = await monitor?.nextOf("ok", "error");
  if (answer?.type === "error") {
    throw new WherryError(
      "internal",
      `Cannot update container "${wanted}": its monitor says ${errnoText(answer.errno)}`,
    );
  }
}
