/** The steps that take away what the processes of a container must not do. @module */

import type { Identity } from "../record/identity.ts";
import type { LaunchInput } from "./launch_input.ts";
import type { Step } from "./plan.ts";
import type { ProcessSecurity, SeccompFilter } from "../security/process_security.ts";
import { sysctlPath } from "../security/sysctls.ts";

/**
 * What is said about the process before anything of the container is there, or it has joined one: nothing inside can
 * have put something else in the place of these files of procfs then (CVE-2019-16884, CVE-2025-52881).
 */
export function planAttributes({ apparmorProfile, oomScoreAdj }: ProcessSecurity): Step[] {
  return [
    ...(apparmorProfile === undefined ? [] : [["apparmor", apparmorProfile] as const]),
    ...(oomScoreAdj === undefined ? [] : [["oom-score-adj", String(oomScoreAdj)] as const]),
  ];
}

/** What is done inside the new root while there is still every privilege. */
export function planHardening({ config, network, systemPaths }: LaunchInput): Step[] {
  const { domainname } = config;
  const ownsNetwork = network === "new" || network === "sandbox";
  return [
    ...(config.namespaces.uts === "host" ? [] : [["sethostname", config.hostname] as const]),
    ...(domainname === "" ? [] : [["setdomainname", domainname] as const]),
    ...(ownsNetwork
      ? [
        ["loopback-up"] as const,
        ["sysctl", "net/ipv4/ip_unprivileged_port_start", "0"] as const,
        ["sysctl", "net/ipv4/ping_group_range", "0 2147483647"] as const,
      ]
      : []),
    ...Object.entries(config.security.sysctls).map(([name, value]): Step => [
      "sysctl",
      sysctlPath(name),
      value,
    ]),
    ...systemPaths.masked.map((path): Step => ["mask", path]),
    ...systemPaths.readOnly.map((path): Step => ["readonly", path]),
    ...(config.isReadOnly ? [["remount-root-readonly"] as const] : []),
  ];
}

/**
 * Who the process is and what it may do.
 *
 * Limits come as late as they can be raised, because a low one would be in the way of the steps before.
 *
 * @param joinUser How it enters its user namespace, if it has one of its own.
 */
export function planIdentity(
  { uid, gid, groups }: Identity,
  { capabilities, ambient, hasNoNewPrivileges, limits, seccompFilter }: ProcessSecurity,
  joinUser: readonly Step[],
): Step[] {
  const mask = capabilities.toString(16);
  const passedOn = uid === 0 ? "0" : ambient.toString(16);
  // execve takes them from other users anyway, but the PID 1 of --init never calls it
  const held = uid === 0 ? mask : passedOn;
  return [
    ...limits.map(({ resource, soft, hard }): Step => [
      "rlimit",
      String(resource),
      String(soft),
      String(hard),
    ]),
    ...joinUser,
    ...(hasNoNewPrivileges ? [["no-new-privs"] as const] : []),
    ["bounding", mask],
    ["user", String(uid), String(gid), ...groups.map(String)],
    ["capset", held, held, passedOn, passedOn],
    ...planFilter(seccompFilter),
  ];
}

function planFilter(filter: SeccompFilter | undefined): Step[] {
  return filter === undefined ? [] : [["seccomp", String(filter.flags), filter.program]];
}

/** Mode bits as the monitor reads them, `0022` for example. */
export function formatMode(mode: number): string {
  return `0${mode.toString(8).padStart(3, "0")}`;
}
