/** From a container's record to the steps that make it: pure, no effects. @module */

import { CLONE_NEW, MS } from "../kernel/mount.ts";
import { parseSignal } from "../kernel/signal.ts";
import { containerArgv, type ContainerConfig, type LogConfig } from "./config.ts";
import type { Identity } from "./identity.ts";
import type { LaunchInput, NetworkPlace } from "./launch_input.ts";
import type { Step } from "./plan.ts";
import { planDeviceControl } from "./plan_devices.ts";
import { planMounts, planRoot } from "./plan_mounts.ts";
import {
  FALLBACK_STOP_SIGNAL,
  NAMESPACES,
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
  return [
    ...planSupervision(input),
    ...planNamespaces(input.network),
    ...planAttributes(security),
    ["mount", "", "/", "", String(MS.REC | MS.SLAVE), ""],
    ...planRoot(input),
    ["root", input.paths.merged],
    ...planMounts(input),
    ["mkdir", config.workingDirectory, "0755", "0", "0"],
    ["pivot-root"],
    ...planHardening(input),
    ["umask", formatMode(security.umask)],
    ["chdir", config.workingDirectory],
    ...planIdentity(identity, security),
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
