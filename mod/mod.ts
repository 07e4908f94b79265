/**
 * wherry as a library: the same engine that the `wherry` command uses, without a daemon or a socket.
 *
 * Owns nothing itself: it names what of the rooms below is meant for others.
 *
 * @example Run a command in a container and wait for it
 * ```ts ignore
 * import { createContainer, Engine, removeContainer, startContainer } from "@wherry/wherry";
 *
 * const engine = new Engine();
 * using container = await createContainer(engine, { image: "debian", command: ["true"] });
 * using monitor = await startContainer(engine, container);
 * container[Symbol.dispose](); // from here on the monitor alone keeps it locked
 * const event = await monitor.nextOf("exited");
 * await removeContainer(engine, container.config.id, { isForced: false });
 * ```
 *
 * @module
 */

export { type CleanupCommand, Engine, type EngineOptions } from "./engine/engine.ts";
export { createContainer, type CreatedContainer, type CreateRequest } from "./engine/create.ts";
export { startContainer, type StartOptions } from "./engine/start.ts";
export type { HealthCheckRequest } from "./engine/health_check.ts";
export { execInContainer, type ExecRequest } from "./engine/exec.ts";
export { signalContainer, stopContainer, waitForContainer } from "./engine/stop.ts";
export { removeContainer, sweepContainers, type SweepResult } from "./engine/remove.ts";
export { type Container, findContainer } from "./engine/find.ts";
export type {
  BindMount,
  ContainerConfig,
  ContainerMount,
  HealthCheck,
  LogConfig,
  NetworkMode,
  Propagation,
  RestartPolicy,
  RootSource,
  TmpfsMount,
} from "./container/config.ts";
export type { ContainerState, ContainerStatus, HealthStatus } from "./container/state.ts";
export type { TerminalSize } from "./container/launch_plan.ts";
export type { Attachment, MonitorConnection, MonitorEvent } from "./container/monitor.ts";
export type { ContainerPaths, Paths } from "./store/paths.ts";
export { type ErrorKind, WherryError, type WherryErrorOptions } from "./errors.ts";
export { SystemError } from "../ffi/errno.ts";
export type { Descriptor } from "../ffi/descriptor.ts";
