/** What one container uses at this moment. @module */

import { listCgroupProcesses } from "../kernel/cgroup.ts";
import {
  type CgroupDirectories,
  cgroupsNaming,
  locateCgroups,
  UNIFIED,
} from "../kernel/cgroup_location.ts";
import { type CgroupUsage, readCgroupUsage } from "../kernel/cgroup_usage.ts";
import { type LinkCounters, sumLinkCounters } from "../kernel/link_counters.ts";
import { meansProcessGone } from "../kernel/process.ts";
import { type ProcessUsage, sumProcessUsage } from "../kernel/process_usage.ts";
import type { Container } from "./find.ts";
import { listPidsBeside } from "./top.ts";

/** What one container has used until now; a field is `undefined` where nobody counts it. */
export interface ContainerUsage extends CgroupUsage, LinkCounters {
  /** When the processor time was read, in milliseconds of a clock that only goes forwards. */
  atMs: number;
}

/** What the host has; it stays the same while containers are looked at. */
export interface UsageHost {
  /** Content of `/proc/self/mountinfo`. */
  mountInfo: string;
  /** In bytes: the limit of containers that have none of their own. */
  memoryBytes: number;
}

/** Asks this host. */
export function readUsageHost(): UsageHost {
  return {
    mountInfo: Deno.readTextFileSync("/proc/self/mountinfo"),
    memoryBytes: Deno.systemMemoryInfo().total,
  };
}

/**
 * Reads what a container uses: from its cgroups, and what they do not count from its processes.
 *
 * @returns `undefined` if it does not run any more.
 */
export function readContainerUsage(
  { config, state }: Container,
  { mountInfo, memoryBytes }: UsageHost,
): ContainerUsage | undefined {
  try {
    const membership = Deno.readTextFileSync(`/proc/${state.pid}/cgroup`);
    const directories = cgroupsNaming(locateCgroups(membership, mountInfo), config.id);
    const counters = readLinkCounters(state.pid, state.monitorPid);
    const counted = readCgroupUsage(directories);
    const atMs = performance.now();
    const usage = completeUsage(counted, () => sumProcessUsage(listPids(directories, state.pid)));
    const limit = Math.min(usage.memoryLimitBytes ?? Infinity, memoryBytes);
    return { ...usage, ...counters, memoryLimitBytes: limit, atMs };
  } catch (error) {
    if (meansProcessGone(error)) return undefined;
    throw error;
  }
}

function completeUsage(counted: CgroupUsage, ask: () => ProcessUsage): CgroupUsage {
  const { cpuUs, memoryBytes, taskCount, readBytes } = counted;
  if (![cpuUs, memoryBytes, taskCount, readBytes].includes(undefined)) return counted;
  const asked = ask();
  return {
    ...counted,
    cpuUs: cpuUs ?? asked.cpuUs,
    memoryBytes: memoryBytes ?? asked.memoryBytes,
    taskCount: taskCount ?? asked.taskCount,
    readBytes: counted.readBytes ?? asked.readBytes,
    writtenBytes: counted.writtenBytes ?? asked.writtenBytes,
  };
}

function listPids(directories: CgroupDirectories, init: number): number[] {
  const cgroup = directories.get(UNIFIED) ?? directories.get("pids") ?? directories.get("memory");
  return cgroup === undefined ? listPidsBeside(init) : listCgroupProcesses(cgroup);
}

/** What the host's links carry is not the container's alone: as with docker, one that shares them has no counters. */
function readLinkCounters(init: number, monitor: number): LinkCounters {
  const namespaceOf = (pid: number): string => Deno.readLinkSync(`/proc/${pid}/ns/net`);
  return namespaceOf(init) === namespaceOf(monitor)
    ? { receivedBytes: 0, sentBytes: 0 }
    : sumLinkCounters(Deno.readTextFileSync(`/proc/${init}/net/dev`));
}
