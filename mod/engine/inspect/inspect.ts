/** All that is known about an object, in the shape that docker gives it. @module */

import type { ContainerConfig, HealthCheck, LogConfig } from "../../container/record/config.ts";
import { activeHealthCheck, containerArgv } from "../../container/record/config.ts";
import { type HealthCheckResult, readHealthLog } from "../../container/record/health_log.ts";
import type { ContainerState } from "../../container/record/state.ts";
import { type SystemPaths, systemPathsOf } from "../../container/launch/system_paths.ts";
import { listNetworkRecords } from "../../network/network_store.ts";
import type { Sandbox } from "../../network/sandbox.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { describeDevices } from "./inspect_devices.ts";
import { type ContainerSize, SizeMeter } from "./container_size.ts";
import type { Engine } from "../base/engine.ts";
import { type Container, findContainer } from "../record/find.ts";
import {
  describeExposedPorts,
  describeNetworkSettings,
  describePortBindings,
} from "./inspect_endpoints.ts";
import { describeUserNamespace } from "./inspect_ids.ts";
import {
  describeGivenMounts,
  describeMounts,
  describeSpecs,
  describeTmpfs,
  describeVolumes,
} from "./inspect_mounts.ts";
import { describeResources } from "./inspect_resources.ts";
import { describeSecurity, describeSysctls } from "./inspect_security.ts";
import type { Inspection } from "../base/inspection.ts";
import { readSandboxIfSound } from "../record/sandbox_reading.ts";
import { lowerDirectoriesOf } from "../base/storage.ts";

/** What {@linkcode inspectContainer} finds out. */
export interface InspectOptions {
  /** Whether to measure how much room it takes, which walks through its directories. @default {false} */
  hasSize?: boolean;
}

/**
 * Describes a container.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `not_found`, `invalid_argument`, or `corrupt` if its record is damaged.
 */
export function inspectContainer(
  engine: Engine,
  wanted: string,
  { hasSize = false }: InspectOptions = {},
): Inspection {
  const container = findContainer(engine, wanted);
  const { config, paths } = container;
  const check = activeHealthCheck(config);
  return describeContainer(container, {
    lowerDirectories: lowerDirectoriesOf(engine, config),
    healthChecks: check === undefined ? [] : readHealthLog(paths.health, check),
    systemPaths: systemPathsOf(config.security),
    sandbox: container.state.isRunning ? readSandboxIfSound(engine, config.id) : undefined,
    networkIds: listNetworkIds(engine),
    findVolume: (name) => engine.paths.volume(name).data,
    ...(hasSize ? { size: new SizeMeter(engine).measure(container) } : {}),
  });
}

function listNetworkIds({ paths }: Engine): Map<string, string> {
  return new Map(listNetworkRecords(paths).networks.map(({ name, id }) => [name, id]));
}

/** What else there is to tell about a container. */
export interface ContainerSurroundings {
  /** Directories of its layers, base layer first. */
  lowerDirectories: readonly string[];
  /** Its last health checks, the oldest first. */
  healthChecks: readonly HealthCheckResult[];
  /** What of /proc and /sys it does not see or cannot write. */
  systemPaths: SystemPaths;
  /** What it has of its networks, while it runs. */
  sandbox?: Sandbox | undefined;
  /** Ids of networks by their names, for what the sandbox does not tell. @default {none} */
  networkIds?: ReadonlyMap<string, string>;
  /** Where what containers see of a volume is on the host, by its name. @default {nobody knows} */
  findVolume?: (name: string) => string;
  /** Shown if it is known. */
  size?: ContainerSize;
}

/**
 * Puts what is known about a container into docker's shape. Pure.
 *
 * @see {@link https://docs.docker.com/reference/api/engine/version/v1.50/#tag/Container/operation/ContainerInspect}
 */
export function describeContainer(
  { config, state, paths }: Container,
  {
    lowerDirectories,
    healthChecks,
    systemPaths,
    sandbox,
    networkIds = new Map(),
    findVolume = () => "",
    size,
  }: ContainerSurroundings,
): Inspection {
  const [path = "", ...args] = containerArgv(config);
  return {
    Id: config.id,
    Created: config.createdAt,
    Path: path,
    Args: args,
    State: {
      ...describeState(state),
      ...(activeHealthCheck(config) === undefined
        ? {}
        : { Health: describeHealth(state, healthChecks) }),
      MonitorPid: state.monitorPid,
    },
    Image: config.root.type === "image" ? config.root.imageId : "",
    ResolvConfPath: `${paths.etc}/resolv.conf`,
    HostnamePath: `${paths.etc}/hostname`,
    HostsPath: `${paths.etc}/hosts`,
    LogPath: config.log.driver === "none" ? "" : paths.log,
    Name: `/${config.name}`,
    RestartCount: state.restartCount,
    Driver: config.storageDriver,
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: null,
    HostConfig: describeHostConfig(config, systemPaths),
    GraphDriver: describeStorage(config, paths, lowerDirectories),
    ...(size === undefined ? {} : { SizeRw: size.writtenBytes, SizeRootFs: size.totalBytes }),
    Mounts: describeMounts(config.mounts, findVolume),
    Config: describeConfig(config),
    NetworkSettings: describeNetworkSettings(config, {
      sandbox,
      monitorPid: state.monitorPid,
      networkIds,
    }),
  };
}

function describeState(state: ContainerState): Inspection {
  return {
    Status: state.status,
    Running: state.isRunning,
    Paused: state.status === "paused",
    Restarting: state.status === "restarting",
    OOMKilled: state.isOomKilled,
    Dead: false,
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
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
function describeHostConfig(config: ContainerConfig, systemPaths: SystemPaths): Inspection {
  return {
    Binds: null,
    ContainerIDFile: "",
    LogConfig: describeLog(config.log),
    NetworkMode: config.networkMode,
    PortBindings: describePortBindings(config.publishedPorts),
    RestartPolicy: {
      Name: config.restartPolicy.name,
      MaximumRetryCount: config.restartPolicy.maximumRetries,
    },
    AutoRemove: config.isAutoRemoved,
    VolumeDriver: "",
    VolumesFrom: null,
    ConsoleSize: [0, 0],
    CapAdd: null,
    CapDrop: null,
    CgroupnsMode: config.namespaces.cgroup,
    Dns: config.nameLookup.servers,
    DnsOptions: config.nameLookup.options,
    DnsSearch: config.nameLookup.searches,
    ExtraHosts: emptyToNull(config.nameLookup.extraHosts),
    GroupAdd: null,
    IpcMode: config.namespaces.ipc,
    Cgroup: "",
    Links: null,
    OomScoreAdj: 0,
    PidMode: describeMode(config.namespaces.pid),
    Privileged: false,
    PublishAllPorts: config.publishesAll,
    ReadonlyRootfs: config.isReadOnly,
    SecurityOpt: null,
    ...describeTmpfs(config.mounts),
    UTSMode: describeMode(config.namespaces.uts),
    ...describeUserNamespace(config.namespaces),
    ShmSize: 0,
    ...describeSysctls(config.security),
    Runtime: "wherry",
    Isolation: "",
    ...describeResources(config.resources),
    ...describeDevices(config.security),
    ...describeSpecs(config),
    MaskedPaths: null,
    ReadonlyPaths: null,
    ...(config.hasInit ? { Init: true } : {}),
    // Each field stays where it is above
    ...describeGivenMounts(config),
    ...describeSecurity(config.security, systemPaths),
  };
}

/** Docker has no word for a pid or UTS namespace that is a container's own. */
function describeMode(mode: string): string {
  return mode === "private" ? "" : mode;
}

function emptyToNull<T>(list: T[]): T[] | null {
  return list.length === 0 ? null : list;
}

function describeLog({ driver, options = {} }: LogConfig): Inspection {
  return { Type: driver, Config: options };
}

/** Overlay names its lower directories from the top down. */
function describeStorage(
  { storageDriver }: ContainerConfig,
  paths: ContainerPaths,
  lowerDirectories: readonly string[],
): Inspection {
  if (storageDriver === "copy") return { Data: { MergedDir: paths.merged }, Name: storageDriver };
  return {
    Data: {
      LowerDir: lowerDirectories.toReversed().join(":"),
      MergedDir: paths.merged,
      UpperDir: paths.upper,
      WorkDir: paths.work,
    },
    Name: storageDriver,
  };
}

/** An empty command or entrypoint is `null`, as docker has it. */
function describeConfig(config: ContainerConfig): Inspection {
  return {
    Hostname: config.hostname,
    Domainname: config.domainname,
    User: config.user,
    AttachStdin: config.attachedStreams.includes("stdin"),
    AttachStdout: config.attachedStreams.includes("stdout"),
    AttachStderr: config.attachedStreams.includes("stderr"),
    ...describeExposed(config),
    Tty: config.hasTerminal,
    OpenStdin: config.hasStdin,
    StdinOnce: config.closesStdin,
    Env: config.env,
    Cmd: emptyToNull(config.command),
    ...(config.healthCheck === null
      ? {}
      : { Healthcheck: describeHealthCheck(config.healthCheck) }),
    Image: config.root.type === "image" ? config.root.reference : config.root.path,
    Volumes: describeVolumes(config),
    WorkingDir: config.workingDirectory,
    Entrypoint: emptyToNull(config.entrypoint),
    OnBuild: null,
    Labels: config.labels,
    StopSignal: config.stopSignal,
    StopTimeout: config.stopTimeoutSeconds,
  };
}

const NANOSECONDS_PER_MILLISECOND = 1_000_000;

/** Only what somebody gave, as docker has it. */
function describeHealthCheck(check: HealthCheck): Inspection {
  const numbers = {
    Interval: check.intervalMs * NANOSECONDS_PER_MILLISECOND,
    Timeout: check.timeoutMs * NANOSECONDS_PER_MILLISECOND,
    StartPeriod: check.startPeriodMs * NANOSECONDS_PER_MILLISECOND,
    StartInterval: check.startIntervalMs * NANOSECONDS_PER_MILLISECOND,
    Retries: check.retries,
  };
  const given = Object.entries(numbers).filter(([, number]) => number !== 0);
  return { Test: check.test, ...Object.fromEntries(given) };
}

/** Left out where there are none, as docker does. */
function describeExposed(config: ContainerConfig): Inspection {
  const ports = describeExposedPorts(config);
  return Object.keys(ports).length === 0 ? {} : { ExposedPorts: ports };
}
