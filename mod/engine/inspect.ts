/** All that is known about an object, in the shape that docker gives it. @module */

import type {
  ContainerConfig,
  ContainerMount,
  HealthCheck,
  LogConfig,
} from "../container/config.ts";
import { containerArgv } from "../container/config.ts";
import { type HealthCheckResult, readHealthLog } from "../container/health_log.ts";
import type { ContainerState } from "../container/state.ts";
import type { ContainerPaths } from "../store/paths.ts";
import type { Engine } from "./engine.ts";
import { type Container, findContainer } from "./find.ts";
import { lowerDirectoriesOf } from "./start.ts";

/** An object as docker's API describes it, keys in docker's order. */
export type Inspection = Readonly<Record<string, unknown>>;

/** Of `/dev/shm`, in bytes. */
const SHM_BYTES = 64 * 1024 * 1024;

/**
 * Describes a container.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `not_found`, `invalid_argument`, or `corrupt` if its record is damaged.
 */
export function inspectContainer(engine: Engine, wanted: string): Inspection {
  const container = findContainer(engine, wanted);
  const { config, paths } = container;
  return describeContainer(container, {
    lowerDirectories: lowerDirectoriesOf(engine, config),
    healthChecks: config.healthCheck === null
      ? []
      : readHealthLog(paths.health, config.healthCheck),
  });
}

/** What else there is to tell about a container. */
export interface ContainerSurroundings {
  /** Directories of its layers, base layer first. */
  lowerDirectories: readonly string[];
  /** Its last health checks, the oldest first. */
  healthChecks: readonly HealthCheckResult[];
}

/**
 * Puts what is known about a container into docker's shape. Pure.
 *
 * @see {@link https://docs.docker.com/reference/api/engine/version/v1.50/#tag/Container/operation/ContainerInspect}
 */
export function describeContainer(
  { config, state, paths }: Container,
  { lowerDirectories, healthChecks }: ContainerSurroundings,
): Inspection {
  const [path = "", ...args] = containerArgv(config);
  return {
    Id: config.id,
    Created: config.createdAt,
    Path: path,
    Args: args,
    State: {
      ...describeState(state),
      ...(config.healthCheck === null ? {} : { Health: describeHealth(state, healthChecks) }),
      MonitorPid: state.monitorPid,
    },
    Image: config.root.type === "image" ? config.root.imageId : "",
    ResolvConfPath: `${paths.etc}/resolv.conf`,
    HostnamePath: `${paths.etc}/hostname`,
    HostsPath: `${paths.etc}/hosts`,
    LogPath: paths.log,
    Name: `/${config.name}`,
    RestartCount: state.restartCount,
    Driver: "overlay",
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: null,
    HostConfig: describeHostConfig(config),
    GraphDriver: describeStorage(paths, lowerDirectories),
    Mounts: config.mounts.map(describeMount),
    Config: describeConfig(config),
    NetworkSettings: describeNetwork(config),
  };
}

function describeState(state: ContainerState): Inspection {
  return {
    Status: state.status,
    Running: state.isRunning,
    Paused: state.status === "paused",
    Restarting: state.status === "restarting",
    OOMKilled: false,
    Dead: false,
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: "",
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
  };
}

function describeHealth(
  { health, failingStreak }: ContainerState,
  checks: readonly HealthCheckResult[],
): Inspection {
  return {
    Status: health === "none" ? "starting" : health,
    FailingStreak: failingStreak,
    Log: checks.map(({ startedAt, endedAt, exitCode, output }) => ({
      Start: startedAt,
      End: endedAt,
      ExitCode: exitCode,
      Output: output,
    })),
  };
}

/** What was asked of this host; what cannot be asked for yet has the value that stands for "no". */
function describeHostConfig(config: ContainerConfig): Inspection {
  return {
    Binds: config.mounts.flatMap((mount) => mount.type === "bind" ? [formatBind(mount)] : []),
    ContainerIDFile: "",
    LogConfig: describeLog(config.log),
    NetworkMode: config.networkMode,
    PortBindings: {},
    RestartPolicy: {
      Name: config.restartPolicy.name,
      MaximumRetryCount: config.restartPolicy.maximumRetries,
    },
    AutoRemove: config.isAutoRemoved,
    VolumeDriver: "",
    VolumesFrom: null,
    CapAdd: null,
    CapDrop: null,
    CgroupnsMode: "private",
    Dns: [],
    DnsOptions: [],
    DnsSearch: [],
    ExtraHosts: null,
    GroupAdd: null,
    IpcMode: "private",
    PidMode: "",
    Privileged: false,
    PublishAllPorts: false,
    ReadonlyRootfs: config.isReadOnly,
    SecurityOpt: null,
    Tmpfs: Object.fromEntries(
      config.mounts.flatMap((mount) =>
        mount.type === "tmpfs" ? [[mount.target, mount.options]] : []
      ),
    ),
    UTSMode: "",
    UsernsMode: "",
    ShmSize: SHM_BYTES,
    Runtime: "wherry",
    CpuShares: 0,
    Memory: 0,
    NanoCpus: 0,
    PidsLimit: null,
    Ulimits: null,
    Init: config.hasInit,
  };
}

function describeLog({ driver, maxBytes, maxFiles }: LogConfig): Inspection {
  const options = driver === "none"
    ? {}
    : { "max-file": String(maxFiles), "max-size": maxBytes === 0 ? "-1" : String(maxBytes) };
  return { Type: driver, Config: options };
}

function formatBind(
  { source, target, isReadOnly, propagation }: Extract<ContainerMount, { type: "bind" }>,
): string {
  const options = [isReadOnly ? "ro" : "rw", propagation].join(",");
  return `${source}:${target}:${options}`;
}

/** Overlay names its lower directories from the top down. */
function describeStorage(paths: ContainerPaths, lowerDirectories: readonly string[]): Inspection {
  return {
    Name: "overlay",
    Data: {
      LowerDir: lowerDirectories.toReversed().join(":"),
      MergedDir: paths.merged,
      UpperDir: paths.upper,
      WorkDir: paths.work,
    },
  };
}

function describeMount(mount: ContainerMount): Inspection {
  if (mount.type === "tmpfs") {
    const isReadOnly = mount.options.split(",").includes("ro");
    return {
      Type: "tmpfs",
      Source: "",
      Destination: mount.target,
      Mode: mount.options,
      RW: !isReadOnly,
      Propagation: "",
    };
  }
  return {
    Type: "bind",
    Source: mount.source,
    Destination: mount.target,
    Mode: mount.isReadOnly ? "ro" : "",
    RW: !mount.isReadOnly,
    Propagation: mount.propagation,
  };
}

/** An empty command or entrypoint is `null`, as docker has it. */
function describeConfig(config: ContainerConfig): Inspection {
  return {
    Hostname: config.hostname,
    Domainname: "",
    User: config.user,
    AttachStdin: config.attachedStreams.includes("stdin"),
    AttachStdout: config.attachedStreams.includes("stdout"),
    AttachStderr: config.attachedStreams.includes("stderr"),
    Tty: config.hasTerminal,
    OpenStdin: config.hasStdin,
    StdinOnce: config.closesStdin,
    Env: config.env,
    Cmd: config.command.length === 0 ? null : config.command,
    ...(config.healthCheck === null
      ? {}
      : { Healthcheck: describeHealthCheck(config.healthCheck) }),
    Image: config.root.type === "image" ? config.root.reference : config.root.path,
    Volumes: null,
    WorkingDir: config.workingDirectory,
    Entrypoint: config.entrypoint.length === 0 ? null : config.entrypoint,
    OnBuild: null,
    Labels: config.labels,
    StopSignal: config.stopSignal,
    StopTimeout: config.stopTimeoutSeconds,
  };
}

const NANOSECONDS_PER_MILLISECOND = 1_000_000;

function describeHealthCheck(check: HealthCheck): Inspection {
  return {
    Test: check.test,
    Interval: check.intervalMs * NANOSECONDS_PER_MILLISECOND,
    Timeout: check.timeoutMs * NANOSECONDS_PER_MILLISECOND,
    StartPeriod: check.startPeriodMs * NANOSECONDS_PER_MILLISECOND,
    StartInterval: check.startIntervalMs * NANOSECONDS_PER_MILLISECOND,
    Retries: check.retries,
  };
}

/** Neither `none` nor `host` gives a container addresses of its own. */
function describeNetwork({ networkMode }: ContainerConfig): Inspection {
  const noAddress = { Gateway: "", IPAddress: "", IPPrefixLen: 0, MacAddress: "" };
  return {
    Bridge: "",
    SandboxID: "",
    SandboxKey: "",
    Ports: {},
    ...noAddress,
    Networks: { [networkMode]: noAddress },
  };
}
