/** Changing what was asked for of containers, also while they run. @module */

import type { RestartPolicy } from "../container/config.ts";
import { MonitorConnection } from "../container/monitor.ts";
import { WherryError } from "../errors.ts";
import type { ContainerPaths } from "../store/paths.ts";
import { errnoText } from "../../ffi/errno.ts";
import { type Engine, systemFailure } from "./engine.ts";
import { recordContainerEvent } from "./events.ts";
import { findContainer } from "./find.ts";
import { openConfig } from "./open_config.ts";

/** What is to be different. */
export interface ContainerUpdate {
  /** When it is started again from now on. */
  restartPolicy: RestartPolicy;
}

/**
 * Changes a container, and tells its monitor if it runs.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `conflict` if it is removed when it ends, `unavailable` if it cannot be written down, for
 * example on a full disk.
 */
export async function updateContainer(
  engine: Engine,
  wanted: string,
  update: ContainerUpdate,
): Promise<void> {
  try {
    await applyUpdate(engine, findContainer(engine, wanted).paths, { wanted, ...update });
  } catch (cause) {
    throw systemFailure(`update container "${wanted}"`, cause);
  }
}

async function applyUpdate(
  engine: Engine,
  paths: ContainerPaths,
  { wanted, restartPolicy }: ContainerUpdate & { wanted: string },
): Promise<void> {
  using record = openConfig(paths, wanted);
  const { config } = record;
  if (config.isAutoRemoved && restartPolicy.name !== "no") {
    throw new WherryError(
      "conflict",
      `Cannot update container "${wanted}": ` +
        "Restart policy cannot be updated because AutoRemove is enabled for the container",
    );
  }
  // The record first: a monitor that starts meanwhile has read it
  record.replace({ ...config, restartPolicy });
  await tellMonitor(paths.runDirectory, wanted, restartPolicy);
  recordContainerEvent(engine, { config, action: "update" });
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
