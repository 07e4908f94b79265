/** The steps that make a container's cgroups and set its limits: pure. @module */

import type { Controller, LimitWrite } from "../resource/limits.ts";
import type { Step } from "./plan.ts";

/** The cgroups of one container. */
export interface ContainerCgroups {
  /** Absolute path of that in the unified hierarchy; `undefined` on a host without one. */
  unified: string | undefined;
  /** Absolute paths of those in hierarchies of version 1, by the controller's name there. */
  v1: Readonly<Record<string, string>>;
}

/** All that the steps depend on. */
export interface CgroupInput {
  /** Where its cgroups are, or would be. */
  cgroups: ContainerCgroups;
  /** Names of version 1 that are made at the start; the others may be made later. */
  needed: ReadonlySet<string>;
  /** Whether the directory that its cgroups are in is somebody else's, and stays when it is empty. */
  keepsParent: boolean;
  /** Cgroups of the unified hierarchy that hand controllers on, the topmost first. */
  delegating: readonly string[];
  /** Controllers of the unified hierarchy that limits need. */
  required: readonly Controller[];
  /** Those that are only good to have, because they count. */
  wanted: readonly Controller[];
  /** Cgroups in the hierarchy of cpuset, the topmost first, that take over what their parents have. */
  cpusets: readonly string[];
  limits: readonly LimitWrite[];
  /** Path of the cgroup that a limit of this controller is written to. */
  directoryOf(controller: Controller): string;
}

/** What the monitor does before it makes the container's first process. */
export function planCgroup(input: CgroupInput): Step[] {
  const { cgroups, keepsParent, cpusets, limits, directoryOf } = input;
  const keeping = keepsParent ? ["keep-parent"] : [];
  return [
    ...(cgroups.unified === undefined ? [] : [["cgroup", cgroups.unified, ...keeping] as const]),
    ...planDelegation("required", input.required, input.delegating),
    ...planDelegation("wanted", input.wanted, input.delegating),
    ...planControllers(input, keeping),
    ...cpusets.flatMap((directory): Step[] => [
      ["inherit", directory, "cpuset.cpus"],
      ["inherit", directory, "cpuset.mems"],
    ]),
    ...limits.map((limit) => planControl(limit, directoryOf(limit.controller))),
    ...planOom(cgroups),
  ];
}

function planDelegation(
  need: "required" | "wanted",
  controllers: readonly Controller[],
  directories: readonly string[],
): Step[] {
  if (controllers.length === 0 || directories.length === 0) return [];
  return [["delegate", need, controllers.map((name) => `+${name}`).join(" "), ...directories]];
}

/** Hierarchies that have several controllers are named once. */
function planControllers({ cgroups, needed }: CgroupInput, keeping: readonly string[]): Step[] {
  const paths = new Set(Object.values(cgroups.v1));
  const neededPaths = new Set([...needed].map((name) => cgroups.v1[name]));
  return [...paths].map((path): Step => [
    "controller",
    path,
    neededPaths.has(path) ? "now" : "later",
    ...keeping,
  ]);
}

function planControl({ choices, isOptional }: LimitWrite, directory: string): Step {
  const [first = { file: "", value: "" }, ...others] = choices;
  return [
    isOptional ? "control-if-present" : "control",
    `${directory}/${first.file}`,
    first.value,
    ...others.flatMap(({ file, value }) => [`${directory}/${file}`, value]),
  ];
}

/** Where the kernel counts the processes that it ends for want of memory. */
function planOom({ unified, v1: { memory } }: ContainerCgroups): Step[] {
  if (memory !== undefined) return [["oom", `${memory}/memory.oom_control`, "v1"]];
  return unified === undefined ? [] : [["oom", `${unified}/memory.events`, "unified"]];
}

/** The cgroups that one more process of a running container enters. */
export function planJoinCgroups({ unified, v1 }: ContainerCgroups): Step[] {
  return [
    ...(unified === undefined ? [] : [["join-cgroup", unified] as const]),
    ...[...new Set(Object.values(v1))].map((path): Step => ["join-controller", path]),
  ];
}
