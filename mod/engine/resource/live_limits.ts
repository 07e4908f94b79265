/** Limits of a container that runs: its cgroups as they are. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import { type Controller, type LimitWrite, planLimits } from "../../container/resource/limits.ts";
import type { ContainerCgroups } from "../../container/launch/plan_cgroup.ts";
import type { Resources } from "../../container/resource/resources.ts";
import { WherryError } from "../../errors.ts";
import { listCgroupProcesses, moveProcesses, removeEmptyCgroup } from "../../kernel/cgroup.ts";
import { ControlError, readControl, writeControl } from "../../kernel/cgroup_control.ts";
import { isPresent } from "../../kernel/entry.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import {
  type CgroupHost,
  placeCgroups,
  readCgroupHost,
  readContainerCgroups,
  readPlannedResources,
  recordCgroups,
  v1NameOf,
} from "../record/cgroup.ts";
import { limitError, refusedValue } from "./limit_errors.ts";
import { cpusetsOf, LimitHost } from "./limits.ts";

/** Limits as they are recorded, and as they are to be. */
export interface LimitChange {
  from: ContainerConfig;
  to: ContainerConfig;
}

/**
 * Sets the limits of a container that runs.
 *
 * @param undo Takes them back, as far as that can be done.
 * @throws {WherryError} `invalid_argument` or `unsupported` if the kernel does not take one.
 */
export function setLiveLimits(
  paths: ContainerPaths,
  { from, to }: LimitChange,
  undo: DisposableStack,
): void {
  const host = readCgroupHost();
  const offer = new LimitHost(host);
  offer.check(to.resources);
  const old = planLimits(from.resources, offer);
  const writes = planLimits(to.resources, offer).filter((write) =>
    !old.some((other) => isSame(write, other))
  );
  const live = new LiveCgroups(paths, to, { host, offer, undo });
  for (const controller of new Set(writes.map(({ controller }) => controller))) {
    live.ensure(controller);
  }
  for (const write of sortedForMemory(writes, live)) live.write(write, old);
  live.fill();
  live.record(from.resources);
}

function isSame(a: LimitWrite, b: LimitWrite): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

const TOTAL_FILE = "memory.memsw.limit_in_bytes";

/** In version 1 the limit of memory is at no time above that of memory and swap. */
function sortedForMemory(writes: readonly LimitWrite[], live: LiveCgroups): readonly LimitWrite[] {
  const total = writes.find(({ choices }) => choices[0]?.file === TOTAL_FILE);
  if (total === undefined) return writes;
  const wanted = Number(total.choices[0]?.value);
  const isGrowing = wanted < 0 || wanted > Number(live.read("memory", TOTAL_FILE));
  return isGrowing ? [total, ...writes.filter((write) => write !== total)] : writes;
}

/** What {@linkcode LiveCgroups} goes by. */
interface LiveContext {
  host: CgroupHost;
  offer: LimitHost;
  undo: DisposableStack;
}

/** The cgroups of a container that runs; those of version 1 are made as they are needed. */
class LiveCgroups {
  readonly #paths: ContainerPaths;
  readonly #config: ContainerConfig;
  readonly #context: LiveContext;
  readonly #used = new Set<string>();
  readonly #planned: Resources | undefined;
  #cgroups: ContainerCgroups;

  constructor(paths: ContainerPaths, config: ContainerConfig, context: LiveContext) {
    this.#paths = paths;
    this.#config = config;
    this.#context = context;
    this.#cgroups = readContainerCgroups(paths);
    this.#planned = readPlannedResources(paths);
  }

  /** Writes down what there is now, and that the monitor's plan has other limits. */
  record(planned: Resources): void {
    recordCgroups(this.#paths, this.#cgroups, this.#planned ?? planned);
  }

  /** Makes sure that there are the files of a controller. */
  ensure(controller: Controller): void {
    if (this.#context.offer.generationOf(controller) === "v2") this.#enable(controller);
    else this.#make(controller);
  }

  #enable(controller: Controller): void {
    const { unified } = this.#cgroups;
    if (unified === undefined) throw withoutCgroup(this.#config.name);
    const lacking = parentsLacking(unified, controller);
    try {
      for (const directory of lacking) {
        writeControl(`${directory}/cgroup.subtree_control`, `+${controller}`);
      }
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      const step = ["delegate", "required", `+${controller}`, ...lacking] as const;
      throw limitError([...step], error.errno) ?? error;
    }
  }

  /** Also what is recorded: who was to make it, or to fill it, may have been killed before it could. */
  #make(controller: Controller): void {
    const { host } = this.#context;
    const name = v1NameOf(controller);
    const recorded = this.#cgroups.v1[name];
    const directory = recorded ?? placeCgroups(this.#config, host).v1[name];
    if (directory === undefined) throw withoutCgroup(this.#config.name);
    if (recorded === undefined) this.#announce(name, directory);
    Deno.mkdirSync(directory, { recursive: true });
    if (controller === "cpuset") cpusetsOf(this.#cgroups, host).forEach(inheritCpuset);
    this.#used.add(directory);
  }

  /** Records a cgroup before it is made, so that it is found should this process be killed meanwhile. */
  #announce(name: string, directory: string): void {
    const before = this.#cgroups;
    this.#cgroups = { ...before, v1: { ...before.v1, [name]: directory } };
    recordCgroups(this.#paths, this.#cgroups, this.#planned);
    this.#context.undo.defer(() => {
      // One that has processes already stays, without limits, until they end
      if (isPresent(directory) && !removeEmptyCgroup(directory)) return;
      recordCgroups(this.#paths, before, this.#planned);
    });
  }

  #directoryOf(controller: Controller): string {
    const { unified, v1 } = this.#cgroups;
    const isUnified = this.#context.offer.generationOf(controller) === "v2";
    return (isUnified ? unified : v1[v1NameOf(controller)]) ?? "";
  }

  /** What a file says; `undefined` if there is none. */
  read(controller: Controller, file: string): string | undefined {
    return readControl(`${this.#directoryOf(controller)}/${file}`);
  }

  /** Sets one limit. */
  write(limit: LimitWrite, old: readonly LimitWrite[]): void {
    const directory = this.#directoryOf(limit.controller);
    let refusal = ENOENT;
    for (const { file, value } of limit.choices) {
      const path = `${directory}/${file}`;
      const before = readControl(path);
      if (before === undefined) continue;
      refusal = tryControl(path, value);
      if (refusal === EOPNOTSUPP) continue;
      if (refusal !== 0) throw refusedValue(path, value, refusal);
      const former = limit.device === "" ? before : formerOf(limit, { file, value, old });
      this.#context.undo.defer(() => writeControl(path, former));
      return;
    }
    const [first = { file: "", value: "" }] = limit.choices;
    if (!limit.isOptional) throw refusedValue(`${directory}/${first.file}`, first.value, refusal);
  }

  /** Moves the container's processes into the cgroups of version 1 that they are not in yet. */
  fill(): void {
    const { unified, v1 } = this.#cgroups;
    const from = unified ?? v1["freezer"];
    for (const to of this.#used) {
      if (from !== undefined) moveProcesses(() => listCgroupProcesses(from), to);
    }
  }
}

const ENOENT = 2;
/** Of a device whose scheduler another file is for. */
const EOPNOTSUPP = 95;

/** @returns 0, or the error number. */
function tryControl(path: string, value: string): number {
  try {
    writeControl(path, value);
    return 0;
  } catch (error) {
    if (error instanceof ControlError) return error.errno;
    throw error;
  }
}

function withoutCgroup(name: string): WherryError {
  return new WherryError(
    "unsupported",
    `Cannot limit container "${name}": it was started without a cgroup`,
    { hint: "Restart it" },
  );
}

/** Cgroups above `cgroup` that have a controller and do not hand it on, or are to have it: the topmost first. */
function parentsLacking(cgroup: string, controller: Controller): string[] {
  const lacking: string[] = [];
  let directory = cgroup;
  while (!has(directory, controller) && directory !== "") {
    directory = directory.slice(0, directory.lastIndexOf("/"));
    lacking.unshift(directory);
  }
  return lacking;
}

function has(directory: string, controller: Controller): boolean {
  return readControl(`${directory}/cgroup.controllers`)?.split(" ").includes(controller) === true;
}

/** A new cgroup of version 1 has neither processors nor memory nodes. */
function inheritCpuset(directory: string): void {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    if (readControl(`${directory}/${file}`) !== "") continue;
    const parent = directory.slice(0, directory.lastIndexOf("/"));
    writeControl(`${directory}/${file}`, readControl(`${parent}/${file}`) ?? "");
  }
}

/** The value of a device before; what was not limited is called differently in each file. */
function formerOf(
  { flag, device }: LimitWrite,
  { file, value, old }: { file: string; value: string; old: readonly LimitWrite[] },
): string {
  const before = old.find((other) => other.flag === flag && other.device === device)
    ?.choices.find((choice) => choice.file === file);
  if (before !== undefined) return before.value;
  if (file === "io.max") return value.replace(/=\d+$/, "=max");
  return file.includes("weight") ? `${device} default` : `${device} 0`;
}
