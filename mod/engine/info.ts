/** What an engine has and runs on, in the shape of docker's `info`. @module */

import { ImagePaths } from "../image/image_paths.ts";
import { readIndex } from "../image/image_index.ts";
import { type CgroupLayout, fileSystemOf, readHostInfo } from "../kernel/host.ts";
import type { Engine } from "./engine.ts";
import { listContainers } from "./list.ts";
import { chooseStorageDriver } from "./storage.ts";

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
  Plugins: { Volume: string[]; Network: string[]; Log: string[] };
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

/**
 * Counts what an engine has, and asks the host what it is.
 *
 * @throws {WherryError} `unsupported` if the engine's directories may not be read, `corrupt` if the
 * list of images is damaged.
 */
export async function readEngineInfo(engine: Engine): Promise<EngineInfo> {
  const { root, runRoot } = engine.paths;
  const host = readHostInfo();
  const { containers, warnings } = listContainers(engine);
  const running = containers.filter(({ state }) => state.status === "running").length;
  return {
    Containers: containers.length,
    ContainersRunning: running,
    ContainersPaused: 0,
    ContainersStopped: containers.length - running,
    Images: countImages(root),
    Driver: await chooseStorageDriver(engine),
    DriverStatus: [
      ["Backing Filesystem", fileSystemOf(root, Deno.readTextFileSync("/proc/self/mountinfo"))],
    ],
    Plugins: { Volume: [], Network: ["none", "host"], Log: ["cri"] },
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

/** Images, not references: one image may have several. */
function countImages(root: string): number {
  const { manifests } = readIndex(new ImagePaths(root));
  return new Set(manifests.map(({ digest }) => digest)).size;
}
