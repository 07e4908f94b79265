/** Connecting to the streams of a container that runs already. @module */

import { type Attachment, MonitorConnection } from "../../container/launch/monitor.ts";
import type { ContainerStatus } from "../../container/record/state.ts";
import { WherryError } from "../../errors.ts";
import type { Engine } from "../base/engine.ts";
import { recordContainerEvent } from "../base/events.ts";
import { type Container, findContainer } from "../record/find.ts";

/** Why a container in another state than running has no streams to connect to, in docker's words. */
const REFUSALS: Readonly<Partial<Record<ContainerStatus, string>>> = {
  created: "You cannot attach to a stopped container, start it first",
  exited: "You cannot attach to a stopped container, start it first",
  paused: "You cannot attach to a paused container, unpause it first",
  restarting: "You cannot attach to a restarting container, wait until it is running",
};

/**
 * Finds a container that can be attached to.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `conflict` if it does not run or is paused.
 */
export function findAttachable(engine: Engine, wanted: string): Container {
  const container = findContainer(engine, wanted);
  const refusal = REFUSALS[container.state.status];
  if (refusal !== undefined) throw new WherryError("conflict", refusal);
  return container;
}

/**
 * Hands this process's streams to a container's monitor, beside those of others.
 *
 * @returns The connection on which `exited` or `detached` arrives; disposing of it detaches.
 * @throws {WherryError} `conflict` if the container has ended meanwhile.
 */
export function attachToContainer(
  engine: Engine,
  { config, paths }: Container,
  attachment: Attachment,
): MonitorConnection {
  const monitor = MonitorConnection.connect(paths.runDirectory);
  monitor.attach(attachment);
  recordContainerEvent(engine, { config, action: "attach" });
  return monitor;
}
