/** From a container's record to the steps that make it: pure, no effects. @module */

import { cString } from "../../ffi/c_string.ts";
import { capabilityMask, DEFAULT_CAPABILITIES } from "../kernel/capability.ts";
import { CLONE_NEW, MOUNT_ATTR, MS, splitMountOptions } from "../kernel/mount.ts";
import { parseSignal } from "../kernel/signal.ts";
import type { ContainerPaths } from "../store/paths.ts";
import {
  activeHealthCheck,
  type BindMount,
  containerArgv,
  type ContainerConfig,
  type ContainerMount,
  healthCheckArgv,
  type LogConfig,
  type Propagation,
  type TmpfsMount,
} from "./config.ts";
import type { Identity } from "./identity.ts";
import type { Step } from "./plan.ts";

/** A cgroup hierarchy to show inside, at `/sys/fs/cgroup` or below it. */
export interface CgroupHierarchy {
  /** `"cgroup2"` for the unified hierarchy, `"cgroup"` for a v1 one. */
  type: "cgroup" | "cgroup2";
  /** Name below `/sys/fs/cgroup`; empty for a unified hierarchy that is mounted there itself. */
  name: string;
  /** What mount(2) takes to name a v1 hierarchy, for example `"cpu,cpuacct"`. */
  data: string;
}

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
  cgroupHierarchies: readonly CgroupHierarchy[];
  /** Absolute path of its cgroup, if it gets one. */
  cgroup: string | undefined;
  /** Where its events go, and what each says about it. */
  events: EventTarget;
  terminalSize: TerminalSize;
  /** Arguments of the program on descriptor 7 that the monitor executes in the end, if any. */
  cleanupArgv: readonly string[];
  /** Where its processes find their network. */
  network: NetworkPlace;
  /** The host's nf_tables table that the monitor puts back when another program has removed it. */
  keeper?: RulesetKeeper;
  /** When the monitor executes the program on descriptor 7 while the container lives. */
  wake?: Wake;
}

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

const NAMESPACES = CLONE_NEW.NS | CLONE_NEW.CGROUP | CLONE_NEW.UTS | CLONE_NEW.IPC | CLONE_NEW.PID;
/** Formats that the monitor knows, by driver. */
const LOG_FORMATS = { "local": "cri", "json-file": "json" } as const;
const SIGKILL = 9;
/** What asks a container to end whose record names no signal that this host knows. */
const FALLBACK_STOP_SIGNAL = 15;

/** What is hidden by default. @see `oci/defaults.go` of moby */
export const MASKED_PATHS: readonly string[] = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];

/** What cannot be written by default. @see `oci/defaults.go` of moby */
export const READONLY_PATHS: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** Character devices of every container: name, major, minor. @see runtime-spec, "Default Devices" */
const DEVICES: readonly (readonly [name: string, major: number, minor: number])[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
];

/** Flags of /dev, and `nodev` once its devices are in it. */
const DEV_FLAGS = MS.NOSUID | MS.STRICTATIME;
/** What the file system of /dev is given. */
const DEV_DATA = "mode=755,size=65536k";

/** Links in /dev: content, name. @see runtime-spec, "Dev symbolic links" */
const DEVICE_LINKS = [
  ["/proc/self/fd", "fd"],
  ["/proc/self/fd/0", "stdin"],
  ["/proc/self/fd/1", "stdout"],
  ["/proc/self/fd/2", "stderr"],
  ["/proc/kcore", "core"],
  ["pts/ptmx", "ptmx"],
] as const;

/** Files that wherry keeps and mounts into `/etc`. */
export const MANAGED_ETC_FILES = ["hosts", "hostname", "resolv.conf"] as const;

const PROPAGATION_FLAGS: Record<Propagation, number> = {
  private: MS.PRIVATE,
  rprivate: MS.PRIVATE | MS.REC,
  slave: MS.SLAVE,
  rslave: MS.SLAVE | MS.REC,
  shared: MS.SHARED,
  rshared: MS.SHARED | MS.REC,
};

/** The steps that start a container. */
export function planLaunch(input: LaunchInput): Step[] {
  const { config, identity } = input;
  return [
    ...planSupervision(input),
    ...planNamespaces(input.network),
    ["mount", "", "/", "", String(MS.REC | MS.SLAVE), ""],
    ...planRoot(input),
    ["root", input.paths.merged],
    ...planMounts(input),
    ["mkdir", config.workingDirectory, "0755", "0", "0"],
    ["pivot-root"],
    ...planHardening(input),
    ["umask", "0022"],
    ["chdir", config.workingDirectory],
    ...planIdentity(identity, capabilityMask(DEFAULT_CAPABILITIES)),
    ["parent-death", String(SIGKILL)],
    ...planFirstProcess(config, identity),
    ...planCheck(input),
  ];
}

/**
 * The namespaces that are made, and the network that was made before.
 *
 * That one is joined before anything else: the sysfs that is mounted later shows the network of who mounts it.
 */
function planNamespaces(network: NetworkPlace): Step[] {
  if (network === "new") return [["clone", String(NAMESPACES | CLONE_NEW.NET)]];
  return [
    ["clone", String(NAMESPACES)],
    ...(network === "host" ? [] : [["join-network"] as const]),
  ];
}

/** PID 1, and the command after it if that is another one. */
function planFirstProcess(config: ContainerConfig, identity: Identity): Step[] {
  if (config.isIdle) return [["idle"]];
  return [
    ...(config.hasInit ? [["reaper"] as const] : []),
    planExec(containerArgv(config), withHome(config.env, identity)),
  ];
}

/** What the monitor itself does before there is a container. */
function planSupervision(input: LaunchInput): Step[] {
  const { config, paths, cgroup, cleanupArgv, keeper, wake } = input;
  const durability = config.isAutoRemoved ? "volatile" : "durable";
  const stdin = config.hasStdin ? "pipe" : "null";
  return [
    ["stdio", config.hasTerminal ? "terminal" : stdin],
    ...planLog(config.log, paths.log),
    ["listen", paths.runDirectory],
    ["record", paths.state, durability],
    ...(cgroup === undefined ? [] : [["cgroup", cgroup] as const]),
    planRestart(config),
    planEvents(input.events, "container"),
    ...planHealth(input),
    ...(cleanupArgv.length > 0 ? [["cleanup", ...cleanupArgv] as const] : []),
    ...(wake === undefined ? [] : [["wake", String(wake.milliseconds), ...wake.argv] as const]),
    ...(keeper === undefined ? [] : [["ruleset", keeper.table, keeper.rulesetPath] as const]),
  ];
}

function planLog({ driver, maxBytes, maxFiles }: LogConfig, path: string): Step[] {
  if (driver === "none") return [];
  return [["log", path, LOG_FORMATS[driver], String(maxBytes), String(maxFiles)]];
}

/** Without a policy too: one can be given later, and the monitor has to know what ends a container. */
function planRestart({ restartPolicy, stopSignal }: ContainerConfig): Step {
  const { name, maximumRetries } = restartPolicy;
  const signal = parseSignal(stopSignal) ?? FALLBACK_STOP_SIGNAL;
  return ["restart", name, String(maximumRetries), String(signal)];
}

/** The name stands apart, because it can be changed while the monitor runs. */
function planEvents(
  { path, id, attributes: { name = "", ...others } }: EventTarget,
  kind: "container" | "exec",
): Step {
  return [
    "events",
    path,
    JSON.stringify(id),
    JSON.stringify(others.image ?? ""),
    JSON.stringify(others).slice(0, -1),
    name,
    kind,
  ];
}

/** The root file system, at `merged`, where no device works. */
function planRoot(input: LaunchInput): Step[] {
  if (input.config.storageDriver === "overlay") return [planOverlay(input)];
  const { merged } = input.paths;
  return [
    ["mount", merged, merged, "", String(MS.BIND), ""],
    ["mount", "", merged, "", String(MS.REMOUNT | MS.BIND | MS.NODEV), ""],
  ];
}

/** Most bytes of options that mount(2) takes: a page without the NUL that ends them. */
const MAX_MOUNT_DATA = 4095;

/**
 * Some kernels have a renamed directory, or a file whose mode was changed, tell overlayfs where to look for the rest of
 * it: such changes could not become a layer.
 */
const OVERLAY_OPTIONS = "redirect_dir=off,metacopy=off";

function planOverlay({ paths, lowerDirectories }: LaunchInput): Step {
  const lowers = lowerDirectories.toReversed();
  const data = `${OVERLAY_OPTIONS},lowerdir=${lowers.map(escapeOverlayPath).join(":")},` +
    `upperdir=${escapeOverlayPath(paths.upper)},workdir=${escapeOverlayPath(paths.work)}`;
  // A character is at most three bytes: only what may be too long is worth counting
  if (data.length * 3 <= MAX_MOUNT_DATA || cString(data).length <= MAX_MOUNT_DATA + 1) {
    return ["mount", "overlay", paths.merged, "overlay", String(MS.NODEV), data];
  }
  const own = [paths.upper, paths.work];
  return ["overlay", paths.merged, String(MS.NODEV), OVERLAY_OPTIONS, ...own, ...lowers];
}

/** A path as overlay's options want it: the separators `:` and `,` escaped. */
function escapeOverlayPath(path: string): string {
  return path.replace(/[\\:,]/g, (character) => `\\${character}`);
}

function planMounts(input: LaunchInput): Step[] {
  const { config, paths } = input;
  const device = config.mounts.findLast(isDeviceMount);
  const others = config.mounts.filter((mount) => !isDeviceMount(mount));
  const requested = new Set(others.map((mount) => mount.target));
  const defaults = planDefaultMounts(input, others).filter(({ target }) => !requested.has(target));
  return [
    ...defaults.flatMap(({ steps }) => steps),
    ...(requested.has("/dev") ? [] : planDevices(paths.merged, device)),
    ...planTerminal(input),
    ...MANAGED_ETC_FILES.filter((name) => !requested.has(`/etc/${name}`)).map((name): Step => [
      "attach-tree",
      `${paths.etc}/${name}`,
      `/etc/${name}`,
      "0",
      "0",
      String(PROPAGATION_FLAGS.rprivate),
    ]),
    ...planRequestedMounts(others),
  ];
}

/** A tmpfs that is asked for on /dev: it takes the place of the usual one, and gets all that belongs into it. */
function isDeviceMount(mount: ContainerMount): mount is TmpfsMount {
  return mount.type === "tmpfs" && mount.target === "/dev";
}

/** Flags and data of a tmpfs that is asked for. */
function tmpfsOptions({ options }: TmpfsMount): { flags: number; data: string } {
  return splitMountOptions(options, MS.NOSUID | MS.NODEV | MS.NOEXEC);
}

/**
 * The devices and links in /dev.
 *
 * A container keeps CAP_MKNOD, and an image may hold any device: so every mount inside is `nodev`, but for each of
 * these devices, which is bound over itself before the rest of /dev becomes so.
 */
function planDevices(merged: string, mount: TmpfsMount | undefined): Step[] {
  const flags = mount === undefined ? DEV_FLAGS : tmpfsOptions(mount).flags;
  const freeze = String(MS.REMOUNT | MS.BIND | flags | MS.NODEV);
  return [
    ...DEVICES.flatMap(([name, major, minor]): Step[] => [
      ["mknod", `/dev/${name}`, "20666", String(major), String(minor)],
      ["attach-tree", `${merged}/dev/${name}`, `/dev/${name}`, "0", "0", "0"],
    ]),
    ...DEVICE_LINKS.map(([content, name]): Step => ["symlink", content, `/dev/${name}`]),
    // Nothing of the image can be in the way: /dev is a new file system by now
    ["mount", "", `${merged}/dev`, "", freeze, ""],
  ];
}

interface TargetedSteps {
  target: string;
  steps: Step[];
}

function planDefaultMounts(
  { config, paths, cgroupHierarchies }: LaunchInput,
  requested: readonly ContainerMount[],
): TargetedSteps[] {
  const device = config.mounts.findLast(isDeviceMount);
  const strict = MS.NOSUID | MS.NODEV | MS.NOEXEC;
  const mount = (type: string, target: string, flags: number, data = ""): TargetedSteps => ({
    target,
    steps: [["mount-in", type, target, type, String(flags), data]],
  });
  return [
    mount("proc", "/proc", strict),
    mount("tmpfs", "/dev", DEV_FLAGS, device === undefined ? DEV_DATA : tmpfsOptions(device).data),
    mount(
      "devpts",
      "/dev/pts",
      MS.NOSUID | MS.NOEXEC,
      "newinstance,ptmxmode=0666,mode=0620,gid=5",
    ),
    mount("tmpfs", "/dev/shm", strict, "mode=1777,size=67108864"),
    mount("mqueue", "/dev/mqueue", strict),
    mount("sysfs", "/sys", strict | MS.RDONLY),
    ...planCgroupMounts(cgroupHierarchies, paths.merged, strict),
  ].filter(({ target }) => !requested.some((other) => target.startsWith(`${other.target}/`)));
}

function planCgroupMounts(
  hierarchies: readonly CgroupHierarchy[],
  merged: string,
  flags: number,
): TargetedSteps[] {
  if (hierarchies.length === 0) return [];
  const target = "/sys/fs/cgroup";
  const steps = hierarchies.map(({ type, name, data }): Step => {
    const path = name === "" ? target : `${target}/${name}`;
    return ["mount-in", type, path, type, String(flags | MS.RDONLY), data];
  });
  const isUnified = hierarchies.some(({ name }) => name === "");
  if (isUnified) return [{ target, steps }];
  const freeze = String(flags | MS.RDONLY | MS.REMOUNT | MS.BIND);
  return [{
    target,
    steps: [
      ["mount-in", "tmpfs", target, "tmpfs", String(flags), "mode=755,size=64k"],
      ...steps,
      // The directory of hierarchies itself becomes read-only once they are in it
      ["mount", "", `${merged}${target}`, "", freeze, ""],
    ],
  }];
}

function planTerminal({ config, terminalSize }: LaunchInput): Step[] {
  if (!config.hasTerminal) return [];
  return [["terminal", String(terminalSize.rows), String(terminalSize.columns)]];
}

/** What was asked for, parents before what is mounted on them. */
function planRequestedMounts(mounts: readonly ContainerMount[]): Step[] {
  const depth = (path: string): number => path.split("/").length;
  return mounts
    .toSorted((a, b) => depth(a.target) - depth(b.target))
    .map((mount): Step => {
      if (mount.type === "bind") return planBind(mount);
      const { flags, data } = tmpfsOptions(mount);
      return ["mount-in", "tmpfs", mount.target, "tmpfs", String(flags), data];
    });
}

const TREE_IS_RECURSIVE = 1;
const TREE_SOURCE_IS_CREATED = 2;

function planBind(mount: BindMount): Step {
  // Who names /dev or a device in it wants devices; elsewhere the container could make any with CAP_MKNOD
  const isDevice = `${mount.source}/`.startsWith("/dev/");
  return [
    "attach-tree",
    mount.source,
    mount.target,
    String(TREE_IS_RECURSIVE | (mount.createsSource ? TREE_SOURCE_IS_CREATED : 0)),
    String((mount.isReadOnly ? MOUNT_ATTR.RDONLY : 0) | (isDevice ? 0 : MOUNT_ATTR.NODEV)),
    String(PROPAGATION_FLAGS[mount.propagation]),
  ];
}

/** What is done inside the new root while there is still every privilege. */
function planHardening({ config, network }: LaunchInput): Step[] {
  const { domainname } = config;
  const ownsNetwork = network === "new" || network === "sandbox";
  return [
    ["sethostname", config.hostname],
    ...(domainname === "" ? [] : [["setdomainname", domainname] as const]),
    ...(ownsNetwork
      ? [
        ["loopback-up"] as const,
        ["sysctl", "net/ipv4/ip_unprivileged_port_start", "0"] as const,
        ["sysctl", "net/ipv4/ping_group_range", "0 2147483647"] as const,
      ]
      : []),
    ...MASKED_PATHS.map((path): Step => ["mask", path]),
    ...READONLY_PATHS.map((path): Step => ["readonly", path]),
    ...(config.isReadOnly ? [["remount-root-readonly"] as const] : []),
  ];
}

/** Who the process is and what it may do. */
function planIdentity({ uid, gid, groups }: Identity, capabilities: bigint): Step[] {
  const mask = capabilities.toString(16);
  // execve takes them from other users anyway, but the PID 1 of --init never calls it
  const held = uid === 0 ? mask : "0";
  return [
    ["bounding", mask],
    ["user", String(uid), String(gid), ...groups.map(String)],
    ["capset", held, held, "0", "0"],
  ];
}

function planExec(argv: readonly string[], env: readonly string[]): Step {
  return ["exec", String(argv.length), ...argv, ...env];
}

/** `env` with HOME, which depends on the user, unless it is there already. */
function withHome(env: readonly string[], { home }: Identity): readonly string[] {
  return env.some((entry) => entry.startsWith("HOME=")) ? env : [...env, `HOME=${home}`];
}

/** All that running one more process in a container depends on. */
export interface ExecInput {
  argv: readonly string[];
  /** `NAME=value`, without HOME unless it was asked for. */
  env: readonly string[];
  /** Absolute path inside. */
  workingDirectory: string;
  identity: Identity;
  /** Bit mask of what it may do, as far as its user is root. */
  capabilities: bigint;
  hasTerminal: boolean;
  hasStdin: boolean;
  /** Absolute path of the container's cgroup, if it has one. */
  cgroup: string | undefined;
  /** Where its end is told, and what that says about the container and about this. */
  events: EventTarget;
  terminalSize: TerminalSize;
}

/** The steps that run one more process inside a running container. */
export function planExecIn(input: ExecInput): Step[] {
  const stdin = input.hasStdin ? "pipe" : "null";
  return [
    ["stdio", input.hasTerminal ? "terminal" : stdin],
    ...(input.cgroup === undefined ? [] : [["join-cgroup", input.cgroup] as const]),
    planEvents(input.events, "exec"),
    ["clone", "0"],
    ...planInside(input),
  ];
}

/** What a process does that becomes one of the container's. */
function planInside(
  { argv, env, workingDirectory, identity, capabilities, hasTerminal, terminalSize }: Omit<
    ExecInput,
    "hasStdin" | "cgroup" | "events"
  >,
): Step[] {
  const { rows, columns } = terminalSize;
  return [
    ["join", String(NAMESPACES | CLONE_NEW.NET)],
    ["fork"],
    ...(hasTerminal ? [["terminal", String(rows), String(columns)] as const] : []),
    ["umask", "0022"],
    ["chdir", workingDirectory],
    ...planIdentity(identity, capabilities),
    ["parent-death", String(SIGKILL)],
    planExec(argv, withHome(env, identity)),
  ];
}

/** How the monitor checks the container's health. */
function planHealth({ config, paths }: LaunchInput): Step[] {
  const { stopTimeoutSeconds: seconds, stopSignal } = config;
  const check = activeHealthCheck(config);
  if (check === undefined) return [];
  const numbers = [
    check.intervalMs,
    check.timeoutMs,
    check.startPeriodMs,
    check.startIntervalMs,
    check.retries,
  ];
  const signal = parseSignal(stopSignal) ?? FALLBACK_STOP_SIGNAL;
  const stopTimeoutMs = seconds < 0 ? -1 : seconds * 1000;
  return [[
    "health",
    ...numbers.map(String),
    check.onFailure,
    String(signal),
    String(stopTimeoutMs),
    paths.health,
  ]];
}

/** The steps of one health check. */
function planCheck({ config, identity }: LaunchInput): Step[] {
  const check = activeHealthCheck(config);
  if (check === undefined) return [];
  const { env, workingDirectory } = config;
  return [
    ["check", "0"],
    ...planInside({
      argv: healthCheckArgv(check),
      env,
      workingDirectory,
      identity,
      capabilities: capabilityMask(DEFAULT_CAPABILITIES),
      hasTerminal: false,
      terminalSize: { rows: 0, columns: 0 },
    }),
  ];
}
