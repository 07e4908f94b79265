/** What one container uses at this moment. @module */

import { isCorrupt } from "../../errors.ts";
import { listCgroupProcesses } from "../../kernel/cgroup.ts";
import {
  type CgroupDirectories,
  type CgroupUsage,
  readCgroupUsage,
} from "../../kernel/cgroup_usage.ts";
import { type LinkCounters, sumLinkCounters } from "../../kernel/link_counters.ts";
import { meansProcessGone } from "../../kernel/process.ts";
import { type ProcessUsage, sumProcessUsage } from "../../kernel/process_usage.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { readContainerCgroups } from "../record/cgroup.ts";
import type { Container } from "../record/find.ts";
import { listPidsBeside } from "./top.ts";

/** What one container has used until now; a field is `undefined` where nobody counts it. */
export interface ContainerUsage extends CgroupUsage, LinkCounters {
  /** When the processor time was read, in milliseconds of a clock that only goes forwards. */
  atMs: number;
}

/**
 * Reads what a container uses: from its cgroups, and what they do not count from its processes.
 *
 * @param hostMemoryBytes What a container may have that has no limit.
 * @returns `undefined` if it does not run any more.
 */
export function readContainerUsage(
  { state, paths }: Container,
  hostMemoryBytes: number,
): ContainerUsage | undefined {
  try {
    const directories = readCgroups(paths);
    const counters = readLinkCounters(state.pid, state.monitorPid);
    const counted = readCgroupUsage(directories);
    const atMs = performance.now();
    const usage = completeUsage(counted, () => {
      const pids = listPids(directories, state.pid);
      return pids === undefined ? undefined : sumProcessUsage(pids);
    });
    const limit = Math.min(usage.memoryLimitBytes ?? Infinity, hostMemoryBytes);
    return { ...usage, ...counters, memoryLimitBytes: limit, atMs };
  } catch (error) {
    if (meansProcessGone(error)) return undefined;
    throw error;
  }
}

/** Processes can be asked in place of cgroups that nobody knows of any more. */
function readCgroups(paths: ContainerPaths): CgroupDirectories {
  try {
    return readContainerCgroups(paths);
  } catch (error) {
    if (isCorrupt(error)) return { unified: undefined, v1: {} };
    throw error;
  }
}

function completeUsage(counted: CgroupUsage, ask: () => ProcessUsage | undefined): CgroupUsage {
  const { cpuUs, memoryBytes, taskCount, readBytes } = counted;
  if (![cpuUs, memoryBytes, taskCount, readBytes].includes(undefined)) return counted;
  const asked = ask();
  if (asked === undefined) return counted;
  return {
    ...counted,
    cpuUs: cpuUs ?? asked.cpuUs,
    memoryBytes: memoryBytes ?? asked.memoryBytes,
    taskCount: taskCount ?? asked.taskCount,
    readBytes: counted.readBytes ?? asked.readBytes,
    writtenBytes: counted.writtenBytes ?? asked.writtenBytes,
  };
}

/** @returns `undefined` if nobody can tell its processes from others. */
function listPids({ unified, v1 }: CgroupDirectories, init: number): number[] | undefined {
  const cgroups = [...(unified === undefined ? [] : [unified]), ...Object.values(v1)];
  for (const cgroup of cgroups) {
    const pids = listCgroupProcesses(cgroup);
    if (pids.length > 0) return pids;
  }
  return hasOwnPids(init) ? listPidsBeside(init) : undefined;
}

/** Whether it is the first process of its pid namespace, and not with --pid one of the host or of another container. */
function hasOwnPids(init: number): boolean {
  return /^NSpid:.*\t1$/m.test(Deno.readTextFileSync(`/proc/${init}/status`));
}

/** What the host's links carry is not the container's alone: as with docker, one that shares them has no counters. */
function readLinkCounters(init: number, monitor: number): LinkCounters {
  const namespaceOf = (pid: number): string => Deno.readLinkSync(`/proc/${pid}/ns/net`);
  return namespaceOf(init) === namespaceOf(monitor)
    ? { receivedBytes: 0, sentBytes: 0 }
    : sumLinkCounters(Deno.readTextFileSync(`/proc/${init}/net/dev`));
}
