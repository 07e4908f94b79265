/** What the plans of processes depend on. @module */

import type { Device } from "../../kernel/device.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import type { ContainerConfig } from "../record/config.ts";
import { DEFAULT_DEVICE_FILTER } from "./default_devices.ts";
import type { Identity } from "../record/identity.ts";
import type { Step } from "./plan.ts";
import type { ProcessSecurity } from "../security/process_security.ts";
import type { SystemPaths } from "./system_paths.ts";

/** A cgroup hierarchy to show inside, at `/sys/fs/cgroup` or below it. */
export interface CgroupHierarchy {
  /** `"cgroup2"` for the unified hierarchy, `"cgroup"` for a v1 one. */
  type: "cgroup" | "cgroup2";
  /** Name below `/sys/fs/cgroup`; empty for a unified hierarchy that is mounted there itself. */
  name: string;
  /** What mount(2) takes to name a v1 hierarchy, for example `"cpu,cpuacct"`. */
  data: string;
  /** Whether the container has a cgroup of its own there, and is not in one with others. */
  isOwn: boolean;
}

/**
 * What decides which devices work inside, whoever makes their files: a program of the cgroup, the devices controller of
 * cgroup v1, the mounts, of which none lets a device work that wherry has not put there itself, or nothing.
 */
export type DeviceControl =
  | {
    type: "filter";
    /** As `compileDeviceFilter` makes it. */
    program: string;
  }
  | {
    type: "controller";
    /** Absolute path of the container's cgroup. */
    directory: string;
    /** What works, as `devices.allow` takes it. */
    rules: readonly string[];
  }
  | { type: "mounts" }
  | { type: "nothing" };

/** A device of the host that is put inside. */
export interface DeviceNode extends Device {
  /** Absolute path inside; `path` is the host's. */
  target: string;
}

/** The devices of a container. */
export interface ContainerDevices {
  /** What decides which of them work. */
  control: DeviceControl;
  /** Those besides the usual ones. */
  nodes: readonly DeviceNode[];
}

/** Of a container of which nobody said anything, on a host where cgroups can have programs. */
export const DEFAULT_DEVICES: Readonly<ContainerDevices> = {
  control: { type: "filter", program: DEFAULT_DEVICE_FILTER },
  nodes: [],
};

/** Size of a terminal, in character cells; 0 means unknown. */
export interface TerminalSize {
  /** Lines. */
  rows: number;
  /** Characters in a line. */
  columns: number;
}

/** Where a monitor writes events, and what each says about the container. */
export interface EventTarget {
  /** The log of events. */
  path: string;
  /** The container's. */
  id: string;
  /** `image` and `name` among them. */
  attributes: Readonly<Record<string, string>>;
}

/** All that a launch plan depends on. */
export interface LaunchInput {
  config: ContainerConfig;
  paths: ContainerPaths;
  /** Absolute directories of the lower layers, base layer first; at least one. */
  lowerDirectories: readonly string[];
  identity: Identity;
  /** What its processes may do. */
  security: ProcessSecurity;
  /** Its devices. */
  devices: ContainerDevices;
  /** What of /proc and /sys they cannot see or write. */
  systemPaths: SystemPaths;
  cgroupHierarchies: readonly CgroupHierarchy[];
  /** What makes its cgroups and sets its limits; none on a host without cgroups. */
  cgroupSteps: readonly Step[];
  /** Where its events go, and what each says about it. */
  events: EventTarget;
  terminalSize: TerminalSize;
  /** Absolute path of the directory that holds the unpacked layers of images. */
  layersDirectory: string;
  /** Where what containers see of each volume is on the host, by its name. */
  volumeSources: ReadonlyMap<string, string>;
  /** Arguments of the program on descriptor 7 that the monitor executes in the end, if any. */
  cleanupArgv: readonly string[];
  /** Where its processes find their network. */
  network: NetworkPlace;
  /** The host's nf_tables table that the monitor puts back when another program has removed it. */
  keeper?: RulesetKeeper;
  /** When the monitor executes the program on descriptor 7 while the container lives. */
  wake?: Wake;
}

/** What of it decides which files there are inside. */
export type FilesInput = Pick<
  LaunchInput,
  "config" | "paths" | "lowerDirectories" | "layersDirectory" | "devices" | "volumeSources"
>;

/**
 * Where the processes of a container find their network: in a namespace of their own with nothing but `lo`, in the
 * host's, in one of their own that is made before, or in another container's.
 */
export type NetworkPlace = "new" | "host" | "sandbox" | "joined";

/** What a monitor does for the networks of the host. */
export interface RulesetKeeper {
  /** Name of the table, of family inet. */
  table: string;
  /** Absolute path of the batch that makes it, and fails with EEXIST while it is there. */
  rulesetPath: string;
}

/** What a monitor does from time to time. */
export interface Wake {
  /** How long after its start, in milliseconds; -1 for not before somebody asks the monitor for it. */
  milliseconds: number;
  /** All arguments, the program's own name first. */
  argv: readonly string[];
}
