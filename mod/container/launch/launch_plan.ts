/** From a container's record to the steps that make it: pure, no effects. @module */

import { CLONE_NEW, MS } from "../../kernel/mount.ts";
import { parseSignal } from "../../kernel/signal.ts";
import { containerArgv, type ContainerConfig, type LogConfig } from "../record/config.ts";
import type { Identity } from "../record/identity.ts";
import type { LaunchInput, NetworkPlace } from "./launch_input.ts";
import { joinedContainer, type Namespaces, ownsIpc } from "../record/namespaces.ts";
import type { Step } from "./plan.ts";
import { hostId, planOwner, planUserNamespace } from "./plan_ids.ts";
import { planDeviceControl } from "./plan_devices.ts";
import { planMounts, planRoot } from "./plan_mounts.ts";
import { planImageTrees, planSharedTrees } from "./plan_requested_mounts.ts";
import {
  FALLBACK_STOP_SIGNAL,
  planCheck,
  planEvents,
  planExec,
  planHealth,
  SIGKILL,
  withHome,
} from "./plan_process.ts";
import { formatMode, planAttributes, planHardening, planIdentity } from "./plan_security.ts";

/** Formats that the monitor knows, by driver. */
const LOG_FORMATS = { "local": "cri", "json-file": "json" } as const;

/** The steps that start a container. */
export function planLaunch(input: LaunchInput): Step[] {
  const { config, identity, security } = input;
  const owner = String(hostId(config.namespaces.idRange, 0));
  return [
    ...planSupervision(input),
    ...planNamespaces(input),
    ...planAttributes(security),
    ...planOwner(config.namespaces.idRange),
    ...planSharedTrees(input),
    ["mount", "", "/", "", String(MS.REC | MS.SLAVE), ""],
    ...planImageTrees(input),
    ...planRoot(input),
    ["root", input.paths.merged],
    ...planMounts(input),
    ["mkdir", config.workingDirectory, "0755", owner, owner],
    ["pivot-root"],
    ...planHardening(input),
    ["umask", formatMode(security.umask)],
    ["chdir", config.workingDirectory],
    ...planIdentity(identity, security, planUserNamespace(config.namespaces)),
    ["parent-death", String(SIGKILL)],
    ...planFirstProcess(config, identity),
    ...planCheck(input),
  ];
}

/**
 * The namespaces that are made, and those of others that are joined.
 *
 * Before anything else: file systems that are mounted later show the network, the processes and the message queues of
 * who mounts them. A network that is to belong to a user namespace was made together with that.
 */
function planNamespaces({ config: { namespaces }, network }: LaunchInput): Step[] {
  const isMade = network === "new" && namespaces.idRange === null;
  return [
    ["clone", String(newNamespaces(namespaces, network))],
    ...(isMade || network === "host" ? [] : [["join-network"] as const]),
    ...(joinedContainer(namespaces.ipc) === undefined
      ? []
      : [["join-ipc"] as const, ["take-shm"] as const]),
    ...(joinedContainer(namespaces.pid) === undefined
      ? []
      : [["join-pid"] as const, ["fork"] as const]),
  ];
}

/** Flags of clone(2). */
function newNamespaces(namespaces: Namespaces, network: NetworkPlace): number {
  return CLONE_NEW.NS |
    (network === "new" && namespaces.idRange === null ? CLONE_NEW.NET : 0) |
    (namespaces.pid === "private" ? CLONE_NEW.PID : 0) |
    (ownsIpc(namespaces) ? CLONE_NEW.IPC : 0) |
    (namespaces.uts === "private" ? CLONE_NEW.UTS : 0) |
    (namespaces.cgroup === "private" ? CLONE_NEW.CGROUP : 0);
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
  const { config, paths, cgroupSteps, cleanupArgv, keeper, wake } = input;
  const durability = config.isAutoRemoved ? "volatile" : "durable";
  const stdin = config.hasStdin ? "pipe" : "null";
  return [
    ["stdio", config.hasTerminal ? "terminal" : stdin],
    ...planLog(config.log, paths.log),
    ["listen", paths.runDirectory],
    ["record", paths.state, durability],
    ...cgroupSteps,
    ...planDeviceControl(input.devices),
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
