/** From a request to a container's record. @module */

import {
  type ContainerConfig,
  DEFAULT_LOG,
  HOST_NAME_LOOKUP,
  mergeEnv,
  NO_RESTART,
} from "../../container/record/config.ts";
import { completeSecurity } from "../../container/security/complete_security.ts";
import { NO_GIVEN_MOUNTS } from "../../container/record/mounts.ts";
import { NO_LIMITS } from "../../container/resource/resources.ts";
import { DEFAULT_SECURITY } from "../../container/security/security.ts";
import { WherryError } from "../../errors.ts";
import { parseSignal } from "../../kernel/signal.ts";
import { shortId } from "../../store/id.ts";
import type { CreateRequest } from "./create_request.ts";
import { planHealthCheck } from "../image/health_check.ts";
import type { ImageDefaults, ResolvedImage } from "../image/image_source.ts";

const DEFAULT_STOP_SIGNAL = "SIGTERM";
const DEFAULT_STOP_TIMEOUT_SECONDS = 10;

/**
 * A new container's record, but for the name, and for the ids of its own. No effects.
 *
 * @throws {WherryError} `invalid_argument` if there is no command, or one that contradicts the rest.
 */
export function planConfig(
  id: string,
  request:
    & CreateRequest
    & Pick<ContainerConfig, "namespaces">
    & Pick<ContainerConfig["givenMounts"], "volumes">,
  { root, defaults, mounts, storageDriver }:
    & Pick<ResolvedImage, "root" | "defaults">
    & Pick<ContainerConfig, "mounts" | "storageDriver">,
): ContainerConfig {
  const { entrypoint, command } = planCommand(request, defaults);
  const networkMode = request.networkMode ?? "none";
  const { namespaces } = request;
  return {
    schema: 1,
    id,
    name: "",
    createdAt: new Date().toISOString(),
    root,
    storageDriver,
    entrypoint,
    command,
    env: mergeEnv(defaults.env, request.env ?? []),
    workingDirectory: checkWorkingDirectory(
      request.workingDirectory ?? (defaults.workingDirectory || "/"),
    ),
    user: request.user ?? defaults.user,
    hostname: planHostname(id, { ...request, namespaces, networkMode }),
    hasTerminal: request.hasTerminal ?? false,
    hasStdin: request.hasStdin ?? false,
    closesStdin: request.closesStdin ?? false,
    hasInit: request.hasInit ?? false,
    isReadOnly: request.isReadOnly ?? false,
    isAutoRemoved: request.isAutoRemoved ?? false,
    networkMode,
    endpoints: [...(request.endpoints ?? [])],
    publishedPorts: [...(request.publishedPorts ?? [])],
    publishesAll: request.publishesAll ?? false,
    exposedPorts: planExposedPorts(defaults, request),
    nameLookup: request.nameLookup ?? HOST_NAME_LOOKUP,
    domainname: request.domainname ?? "",
    mounts,
    givenMounts: { ...NO_GIVEN_MOUNTS, ...request.givenMounts, volumes: request.volumes },
    labels: { ...defaults.labels, ...request.labels },
    stopSignal: checkStopSignal(request.stopSignal ?? (defaults.stopSignal || DEFAULT_STOP_SIGNAL)),
    stopTimeoutSeconds: request.stopTimeoutSeconds ?? DEFAULT_STOP_TIMEOUT_SECONDS,
    isIdle: request.isIdle ?? false,
    restartPolicy: request.restartPolicy ?? NO_RESTART,
    log: request.log ?? DEFAULT_LOG,
    healthCheck: planHealthCheck(request.healthCheck, defaults),
    attachedStreams: [...(request.attachedStreams ?? [])],
    startsAtOnce: request.startsAtOnce ?? false,
    resources: { ...NO_LIMITS, ...request.resources },
    security: request.security === undefined
      ? DEFAULT_SECURITY
      : completeSecurity(request.security),
    namespaces,
  };
}

function planHostname(
  id: string,
  { hostname, namespaces, networkMode }:
    & Pick<CreateRequest, "hostname">
    & Pick<ContainerConfig, "namespaces" | "networkMode">,
): string {
  // Also if the container whose network it is in has another one
  if (namespaces.uts === "host") return Deno.hostname();
  return hostname ?? (networkMode === "host" ? Deno.hostname() : shortId(id));
}

const EXPOSED_PORT = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/;

/** What an image says that makes no sense is left out. */
function planExposedPorts(
  defaults: ImageDefaults,
  { exposedPorts = [] }: CreateRequest,
): string[] {
  const all = [...defaults.exposedPorts, ...exposedPorts].flatMap((text) => {
    const [, port, protocol = "tcp"] = EXPOSED_PORT.exec(text) ?? [];
    return port === undefined ? [] : [`${Number(port)}/${protocol}`];
  });
  return [...new Set(all)];
}

function planCommand(
  { entrypoint, command = [], isIdle = false }: CreateRequest,
  defaults: ImageDefaults,
): { entrypoint: string[]; command: string[] } {
  if (isIdle) return planIdle([...(entrypoint ?? []), ...command]);
  const planned = entrypoint === undefined
    ? {
      entrypoint: defaults.entrypoint,
      command: command.length > 0 ? [...command] : defaults.command,
    }
    : { entrypoint: [...entrypoint], command: [...command] };
  if (planned.entrypoint.length + planned.command.length === 0) {
    throw new WherryError(
      "invalid_argument",
      "Cannot make a container: no command specified",
      { hint: "The image has no default command: write one after the image" },
    );
  }
  return planned;
}

/** What the image would run does not count; what somebody asks for by name contradicts. */
function planIdle([unwanted]: readonly string[]): { entrypoint: string[]; command: string[] } {
  if (unwanted === undefined) return { entrypoint: [], command: [] };
  throw new WherryError(
    "invalid_argument",
    `Cannot run "${unwanted}" in an idle container: it has no command of its own`,
    { hint: 'Leave out the command and use "wherry exec", or leave out --idle' },
  );
}

function checkWorkingDirectory(path: string): string {
  if (path.startsWith("/")) return path;
  throw new WherryError(
    "invalid_argument",
    `Cannot use the working directory "${path}": it is not an absolute path`,
  );
}

function checkStopSignal(signal: string): string {
  if (parseSignal(signal) !== undefined) return signal;
  throw new WherryError(
    "invalid_argument",
    `Cannot use the stop signal "${signal}": no such signal`,
  );
}
