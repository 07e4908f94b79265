/** The steps of a process that runs in a container: its first one, an exec and a health check. @module */

import { CLONE_NEW } from "../../kernel/mount.ts";
import { parseSignal } from "../../kernel/signal.ts";
import { activeHealthCheck, healthCheckArgv } from "../record/config.ts";
import type { Identity } from "../record/identity.ts";
import type { EventTarget, LaunchInput, TerminalSize } from "./launch_input.ts";
import type { IdRange } from "../record/namespaces.ts";
import type { Step } from "./plan.ts";
import { planOwner, planUserJoin } from "./plan_ids.ts";
import { type ContainerCgroups, planJoinCgroups } from "./plan_cgroup.ts";
import { formatMode, planAttributes, planIdentity } from "./plan_security.ts";
import type { ProcessSecurity } from "../security/process_security.ts";

/** All that one more process enters: those of the first one, also where these are the host's or another container's. */
const NAMESPACES = CLONE_NEW.NS | CLONE_NEW.CGROUP | CLONE_NEW.UTS | CLONE_NEW.IPC |
  CLONE_NEW.PID;

export const SIGKILL = 9;

/** What asks a container to end whose record names no signal that this host knows. */
export const FALLBACK_STOP_SIGNAL = 15;

/** The name stands apart, because it can be changed while the monitor runs. */
export function planEvents(
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

export function planExec(argv: readonly string[], env: readonly string[]): Step {
  return ["exec", String(argv.length), ...argv, ...env];
}

/** `env` with HOME, which depends on the user, unless it is there already. */
export function withHome(env: readonly string[], { home }: Identity): readonly string[] {
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
  /** What it may do. */
  security: ProcessSecurity;
  /** The container's ids, if it has its own. */
  idRange: IdRange | null;
  hasTerminal: boolean;
  hasStdin: boolean;
  /** The container's cgroups that exist. */
  cgroups: ContainerCgroups;
  /** Where its end is told, and what that says about the container and about this. */
  events: EventTarget;
  terminalSize: TerminalSize;
}

/** The steps that run one more process inside a running container. */
export function planExecIn(input: ExecInput): Step[] {
  const stdin = input.hasStdin ? "pipe" : "null";
  return [
    ["stdio", input.hasTerminal ? "terminal" : stdin],
    ...planJoinCgroups(input.cgroups),
    planEvents(input.events, "exec"),
    ["clone", "0"],
    ...planInside(input),
  ];
}

/** What a process does that becomes one of the container's. */
function planInside(
  { argv, env, workingDirectory, identity, security, idRange, hasTerminal, terminalSize }: Omit<
    ExecInput,
    "hasStdin" | "cgroups" | "events"
  >,
): Step[] {
  const { rows, columns } = terminalSize;
  return [
    ...planAttributes(security),
    ...planOwner(idRange),
    ["join", String(NAMESPACES | CLONE_NEW.NET)],
    ["fork"],
    ...(hasTerminal ? [["terminal", String(rows), String(columns)] as const] : []),
    ["umask", formatMode(security.umask)],
    ["chdir", workingDirectory],
    ...planIdentity(identity, security, planUserJoin(idRange)),
    ["parent-death", String(SIGKILL)],
    planExec(argv, withHome(env, identity)),
  ];
}

/** How the monitor checks the container's health. */
export function planHealth({ config, paths }: LaunchInput): Step[] {
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
export function planCheck({ config, identity, security }: LaunchInput): Step[] {
  const check = activeHealthCheck(config);
  if (check === undefined) return [];
  const { env, workingDirectory, namespaces: { idRange } } = config;
  return [
    ["check", "0"],
    ...planInside({
      argv: healthCheckArgv(check),
      env,
      workingDirectory,
      identity,
      security,
      idRange,
      hasTerminal: false,
      terminalSize: { rows: 0, columns: 0 },
    }),
  ];
}
