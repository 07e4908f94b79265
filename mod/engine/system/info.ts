/** What an engine has and runs on, in the shape of docker's `info`. @module */

import { DEFAULT_LOG, type StorageDriver } from "../../container/record/config.ts";
import type { ContainerStatus } from "../../container/record/state.ts";
import { ImagePaths } from "../../image/store/image_paths.ts";
import { readIndex } from "../../image/store/image_index.ts";
import { type CgroupLayout, fileSystemOf, type HostInfo, readHostInfo } from "../../kernel/host.ts";
import { canHoldUpper } from "../../kernel/overlay.ts";
import { VOLUME_DRIVER } from "../../volume/volume.ts";
import { listVolumeNames } from "../../volume/volume_store.ts";
import {
  controllerVersion,
  hasSwapAccounting,
  readHostControllers,
} from "../resource/host_controllers.ts";
import type { Engine } from "../base/engine.ts";
import { HOST_FILES, type HostFiles } from "../base/host_files.ts";
import { listContainers } from "../lifecycle/list.ts";
import { recordedStorageDriver } from "../base/storage.ts";

/** What {@linkcode readEngineInfo} found; keys are docker's as far as it has them. */
export interface EngineInfo extends HostSupport {
  Containers: number;
  ContainersRunning: number;
  ContainersPaused: number;
  ContainersStopped: number;
  Images: number;
  Volumes: number;
  /** Storage driver. */
  Driver: string;
  DriverStatus: [name: string, value: string][];
  Plugins: {
    Volume: readonly string[];
    Network: readonly string[];
    Authorization: null;
    Log: readonly string[];
  };
  /** What new containers write their output with. */
  LoggingDriver: string;
  /** Who makes cgroups: always wherry itself, through the file system. */
  CgroupDriver: "cgroupfs";
  /** Generation of the hierarchies that hold the controllers; empty if there are none. */
  CgroupVersion: string;
  /** How the hierarchies are mounted. */
  CgroupLayout: CgroupLayout;
  /** What containers are locked up with. */
  SecurityOptions: string[];
  KernelVersion: string;
  OperatingSystem: string;
  OSVersion: string;
  OSType: string;
  Architecture: string;
  NCPU: number;
  /** In bytes. */
  MemTotal: number;
  /** Where images and containers are. */
  DockerRootDir: string;
  /** Where sockets and locks are. */
  RunRootDir: string;
  /** Registry of images whose names do not say one. */
  IndexServerAddress: string;
  HttpProxy: string;
  HttpsProxy: string;
  NoProxy: string;
  /** Host name. */
  Name: string;
  Labels: string[];
  ExperimentalBuild: boolean;
  Debug: boolean;
  /** RFC 3339. */
  SystemTime: string;
  DefaultRuntime: string;
  Runtimes: Record<string, { path: string }>;
  Swarm: { LocalNodeState: "inactive" };
  /** Whether containers go on when wherry does not run: they always do. */
  LiveRestoreEnabled: boolean;
  /** What is missing, one line each. */
  Warnings: string[];
}

/** What the kernel can limit and pass on, as docker names it. */
export interface HostSupport {
  MemoryLimit: boolean;
  SwapLimit: boolean;
  CpuCfsPeriod: boolean;
  CpuCfsQuota: boolean;
  CPUShares: boolean;
  CPUSet: boolean;
  PidsLimit: boolean;
  OomKillDisable: boolean;
  IPv4Forwarding: boolean;
  BridgeNfIptables: boolean;
  BridgeNfIp6tables: boolean;
}

const NETWORK_DRIVERS = ["bridge", "host", "ipvlan", "macvlan", "none"];
const LOG_DRIVERS = ["local", "json-file", "none"];
/** What `docker` asks for when a name says no registry. */
const INDEX_SERVER = "https://index.docker.io/v1/";

/**
 * Counts what an engine has, and asks the host what it is.
 *
 * @param variables Finds a variable of the environment. @default {this process's own}
 * @throws {WherryError} `unsupported` if the engine's directories may not be read, `corrupt` if the
 * list of images is damaged.
 */
export function readEngineInfo(
  engine: Engine,
  variables: (name: string) => string | undefined = (name) => Deno.env.get(name),
): EngineInfo {
  const { root, runRoot } = engine.paths;
  const host = readHostInfo();
  const support = readHostSupport(HOST_FILES);
  const { containers, warnings } = listContainers(engine);
  const countOf = (status: ContainerStatus): number =>
    containers.filter(({ state }) => state.status === status).length;
  const [running, paused] = [countOf("running"), countOf("paused")];
  const proxy = (name: string): string =>
    maskCredentials(variables(name) ?? variables(name.toLowerCase()) ?? "");
  return {
    Containers: containers.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: containers.length - running - paused,
    Images: countImages(root),
    Volumes: listVolumeNames(engine.paths).length,
    ...describeStorage(engine),
    Plugins: {
      Volume: [VOLUME_DRIVER],
      Network: NETWORK_DRIVERS,
      Authorization: null,
      Log: LOG_DRIVERS,
    },
    ...support,
    ...describeHost(host),
    LoggingDriver: DEFAULT_LOG.driver,
    CgroupDriver: "cgroupfs",
    SecurityOptions: listSecurityOptions(HOST_FILES),
    DockerRootDir: root,
    RunRootDir: runRoot,
    IndexServerAddress: INDEX_SERVER,
    HttpProxy: proxy("HTTP_PROXY"),
    HttpsProxy: proxy("HTTPS_PROXY"),
    NoProxy: proxy("NO_PROXY"),
    Labels: [],
    ExperimentalBuild: false,
    Debug: false,
    SystemTime: new Date().toISOString(),
    DefaultRuntime: "wherry",
    Runtimes: { wherry: { path: "wherry" } },
    Swarm: { LocalNodeState: "inactive" },
    LiveRestoreEnabled: true,
    Warnings: [
      ...warnings,
      ...listMissingSupport(support),
      ...(hasSeccomp(HOST_FILES) ? [] : ["No seccomp support"]),
      ...(host.hasOverlay ? [] : ["The kernel has no overlay file system loaded"]),
    ],
  };
}

/** Puts docker's mask over the user and password of a URL. */
function maskCredentials(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, "$1xxxxx:xxxxx@");
}

function describeHost(host: HostInfo): Pick<
  EngineInfo,
  | "KernelVersion"
  | "OperatingSystem"
  | "OSVersion"
  | "OSType"
  | "Architecture"
  | "NCPU"
  | "MemTotal"
  | "CgroupVersion"
  | "CgroupLayout"
  | "Name"
> {
  return {
    KernelVersion: host.kernelVersion,
    OperatingSystem: host.operatingSystem,
    OSVersion: host.operatingSystemVersion,
    OSType: "linux",
    Architecture: host.architecture,
    NCPU: host.cpuCount,
    MemTotal: host.memoryBytes,
    CgroupVersion: CGROUP_VERSIONS[host.cgroupLayout],
    CgroupLayout: host.cgroupLayout,
    Name: host.hostname,
  };
}

/** Where both are mounted, version 1 has the controllers. */
const CGROUP_VERSIONS: Readonly<Record<CgroupLayout, string>> = {
  v1: "1",
  hybrid: "1",
  v2: "2",
  none: "",
};

function describeStorage(engine: Engine): Pick<EngineInfo, "Driver" | "DriverStatus"> {
  const fileSystem = fileSystemOf(
    engine.paths.root,
    Deno.readTextFileSync("/proc/self/mountinfo"),
  );
  return {
    Driver: likelyStorageDriver(engine, fileSystem),
    DriverStatus: [["Backing Filesystem", fileSystem]],
  };
}

/** The driver that new containers get, as far as can be told without writing anything. */
function likelyStorageDriver(engine: Engine, fileSystem: string): StorageDriver {
  return engine.storageDriver ?? recordedStorageDriver(engine) ??
    (canHoldUpper(fileSystem) ? "overlay" : "copy");
}

/** Images, not references: one image may have several. */
function countImages(root: string): number {
  const { manifests } = readIndex(new ImagePaths(root));
  return new Set(manifests.map(({ digest }) => digest)).size;
}

/** Takes what the kernel can limit from the host's files. */
export function readHostSupport(files: HostFiles): HostSupport {
  const host = readHostControllers(files);
  const has = (controller: Parameters<typeof controllerVersion>[1]): boolean =>
    controllerVersion(host, controller) !== undefined;
  const isOn = (sysctl: string): boolean => files.read(`/proc/sys/${sysctl}`)?.trim() === "1";
  return {
    MemoryLimit: has("memory"),
    SwapLimit: hasSwapAccounting(files, host) ?? true,
    CpuCfsPeriod: has("cpu"),
    CpuCfsQuota: has("cpu"),
    CPUShares: has("cpu"),
    CPUSet: has("cpuset"),
    PidsLimit: has("pids"),
    // Version 2 has no such switch
    OomKillDisable: controllerVersion(host, "memory") === 1,
    IPv4Forwarding: isOn("net/ipv4/ip_forward"),
    BridgeNfIptables: isOn("net/bridge/bridge-nf-call-iptables"),
    BridgeNfIp6tables: isOn("net/bridge/bridge-nf-call-ip6tables"),
  };
}

/** Docker's words for what cannot be limited. */
const SUPPORT_NAMES: readonly (readonly [key: keyof HostSupport, name: string])[] = [
  ["MemoryLimit", "memory limit"],
  ["SwapLimit", "swap limit"],
  ["CpuCfsQuota", "cpu cfs quota"],
  ["CpuCfsPeriod", "cpu cfs period"],
  ["CPUShares", "cpu shares"],
  ["CPUSet", "cpuset"],
  ["PidsLimit", "pids limit"],
];

/** What cannot be limited, one line each. */
export function listMissingSupport(support: HostSupport): string[] {
  return SUPPORT_NAMES.filter(([key]) => !support[key]).map(([, name]) => `No ${name} support`);
}

function hasSeccomp({ read }: HostFiles): boolean {
  return read("/proc/sys/kernel/seccomp/actions_avail") !== undefined;
}

/** What containers are locked up with unless they ask for something else; as docker writes it. */
function listSecurityOptions(files: HostFiles): string[] {
  return [
    ...(hasSeccomp(files) ? ["name=seccomp,profile=builtin"] : []),
    "name=capabilities,profile=default",
    "name=maskedpaths",
    "name=cgroupns",
  ];
}
