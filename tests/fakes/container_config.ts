/** A container's record and state for tests, with only what matters to a test given. @module */

import {
  type ContainerConfig,
  DEFAULT_LOG,
  HOST_NAME_LOOKUP,
  NO_RESTART,
} from "../../mod/container/record/config.ts";
import { NO_GIVEN_MOUNTS } from "../../mod/container/record/mounts.ts";
import { PRIVATE_NAMESPACES } from "../../mod/container/record/namespaces.ts";
import { NO_LIMITS } from "../../mod/container/resource/resources.ts";
import { DEFAULT_SECURITY } from "../../mod/container/security/security.ts";
import { type ContainerState, NEVER_RUN } from "../../mod/container/record/state.ts";

/** A record as `createContainer` writes it, changed by `changes`. */
export function fakeContainerConfig(changes: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    schema: 1,
    id: "0123456789abcdef".repeat(4),
    name: "web",
    createdAt: "2026-11-20T09:00:00.123Z",
    root: {
      type: "image",
      imageId: `sha256:${"ab".repeat(32)}`,
      reference: "nginx:1.22",
      layers: ["base", "top"],
    },
    storageDriver: "overlay",
    entrypoint: [],
    command: ["true"],
    env: [],
    workingDirectory: "/",
    user: "",
    hostname: "web",
    hasTerminal: false,
    hasStdin: false,
    closesStdin: false,
    hasInit: false,
    isReadOnly: false,
    isAutoRemoved: false,
    networkMode: "none",
    endpoints: [],
    publishedPorts: [],
    publishesAll: false,
    exposedPorts: [],
    nameLookup: HOST_NAME_LOOKUP,
    domainname: "",
    mounts: [],
    givenMounts: NO_GIVEN_MOUNTS,
    labels: {},
    stopSignal: "SIGTERM",
    stopTimeoutSeconds: 10,
    isIdle: false,
    restartPolicy: NO_RESTART,
    log: DEFAULT_LOG,
    healthCheck: null,
    attachedStreams: [],
    startsAtOnce: false,
    resources: NO_LIMITS,
    security: DEFAULT_SECURITY,
    namespaces: PRIVATE_NAMESPACES,
    ...changes,
  };
}

/** The state of a container that was never started, changed by `changes`. */
export function fakeContainerState(changes: Partial<ContainerState> = {}): ContainerState {
  return { ...NEVER_RUN, ...changes };
}
