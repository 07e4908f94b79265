/** What an engine has and runs on, in the shape of docker's `info`. @module */

import type { StorageDriver } from "../container/config.ts";
import type { ContainerStatus } from "../container/state.ts";
import { ImagePaths } from "../image/image_paths.ts";
import { readIndex } from "../image/image_index.ts";
import { type CgroupLayout, fileSystemOf, readHostInfo } from "../kernel/host.ts";
import { canHoldUpper } from "../kernel/overlay.ts";
import type { Engine } from "./engine.ts";
import { listContainers } from "./list.ts";
import { recordedStorageDriver } from "./storage.ts";

/** What {@linkcode readEngineInfo} found; keys are docker's as far as it has them. */
export interface EngineInfo {
  Containers: number;
  ContainersRunning: number;
  ContainersPaused: number;
  ContainersStopped: number;
  Images: number;
  /** Storage driver. */
  Driver: string;
  DriverStatus: [name: string, value: string][];
  Plugins: { Volume: readonly string[]; Network: readonly string[]; Log: readonly string[] };
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
  /** Generation of the hierarchies that hold the controllers. */
  CgroupVersion: string;
  /** How the hierarchies are mounted. */
  CgroupLayout: CgroupLayout;
  /** Where images and containers are. */
  DockerRootDir: string;
  /** Where sockets and locks are. */
  RunRootDir: string;
  /** Host name. */
  Name: string;
  /** What is missing, one line each. */
  Warnings: string[];
}

const SECURITY_OPTIONS = ["name=capabilities,profile=default", "name=maskedpaths", "name=cgroupns"];

const NETWORK_DRIVERS = ["bridge", "host", "ipvlan", "macvlan", "none"];
const LOG_DRIVERS = ["local", "json-file", "none"];

/**
 * Counts what an engine has, and asks the host what it is.
 *
 * @throws {WherryError} `unsupported` if the engine's directories may not be read, `corrupt` if the
 * list of images is damaged.
 */
export function readEngineInfo(engine: Engine): EngineInfo {
  const { root, runRoot } = engine.paths;
  const host = readHostInfo();
  const fileSystem = fileSystemOf(root, Deno.readTextFileSync("/proc/self/mountinfo"));
  const { containers, warnings } = listContainers(engine);
  const countOf = (status: ContainerStatus): number =>
    containers.filter(({ state }) => state.status === status).length;
  const [running, paused] = [countOf("running"), countOf("paused")];
  return {
    Containers: containers.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: containers.length - running - paused,
    Images: countImages(root),
    Driver: likelyStorageDriver(engine, fileSystem),
    DriverStatus: [["Backing Filesystem", fileSystem]],
    Plugins: { Volume: [], Network: NETWORK_DRIVERS, Log: LOG_DRIVERS },
    SecurityOptions: SECURITY_OPTIONS,
    KernelVersion: host.kernelVersion,
    OperatingSystem: host.operatingSystem,
    OSVersion: host.operatingSystemVersion,
    OSType: "linux",
    Architecture: host.architecture,
    NCPU: host.cpuCount,
    MemTotal: host.memoryBytes,
    CgroupVersion: host.cgroupLayout === "v2" ? "2" : "1",
    CgroupLayout: host.cgroupLayout,
    DockerRootDir: root,
    RunRootDir: runRoot,
    Name: host.hostname,
    Warnings: [
      ...warnings,
      "No seccomp filter is applied to containers",
      ...(host.hasOverlay ? [] : ["The kernel has no overlay file system loaded"]),
    ],
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
