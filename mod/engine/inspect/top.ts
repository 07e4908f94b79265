/** What runs in a container. @module */

import { WherryError } from "../../errors.ts";
import { listCgroupProcesses } from "../../kernel/cgroup.ts";
import { listPids, type ProcessInfo, readPidNamespace, readProcess } from "../../kernel/process.ts";
import { readContainerCgroups } from "../record/cgroup.ts";
import type { Engine } from "../base/engine.ts";
import { recordContainerEvent } from "../base/events.ts";
import { findContainer } from "../record/find.ts";

/**
 * The processes of a container, by pid; also those that `exec` started. No program is called.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `conflict` if it does not run.
 */
export function listProcesses(engine: Engine, wanted: string): ProcessInfo[] {
  const { config, state, paths } = findContainer(engine, wanted);
  if (state.status !== "running" && state.status !== "paused") {
    throw new WherryError(
      "conflict",
      state.status === "restarting"
        ? `Container ${wanted} is restarting, wait until the container is running`
        : `Container ${wanted} is not running`,
    );
  }
  const { unified, v1 } = readContainerCgroups(paths);
  const cgroup = unified ?? v1["freezer"];
  const inCgroup = cgroup === undefined ? [] : listCgroupProcesses(cgroup);
  // In a pid namespace of others are others, too
  const isAlone = config.namespaces.pid === "private";
  const pids = inCgroup.length > 0 || !isAlone ? inCgroup : listPidsBeside(state.pid);
  recordContainerEvent(engine, { config, action: "top" });
  return pids.toSorted((a, b) => a - b).flatMap((pid) => readProcess(pid) ?? []);
}

/** Pids in the pid namespace of `init`; namespaces below it are not looked into. */
export function listPidsBeside(init: number): number[] {
  const namespace = readPidNamespace(init);
  return namespace === undefined
    ? []
    : listPids().filter((pid) => readPidNamespace(pid) === namespace);
}
