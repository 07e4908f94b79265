/** What containers may use of this host: checked, and planned for the cgroups it has. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import {
  type Controller,
  type Generation,
  hasLimits,
  type LimitContext,
  limitedControllers,
  planLimits,
} from "../../container/resource/limits.ts";
import { type ContainerCgroups, planCgroup } from "../../container/launch/plan_cgroup.ts";
import type { Step } from "../../container/launch/plan.ts";
import { checkResources } from "../../container/resource/resource_checks.ts";
import type { Resources } from "../../container/resource/resources.ts";
import { WherryError } from "../../errors.ts";
import { splitDeviceNumber } from "../../kernel/device.ts";
import { isPresent } from "../../kernel/entry.ts";
import { findV1Hierarchy, parseControllers } from "../../kernel/cgroup_tree.ts";
import type { HostCgroupHierarchy } from "../../kernel/proc.ts";
import {
  type CgroupHost,
  isOwnParent,
  placeCgroups,
  readCgroupHost,
  v1NameOf,
} from "../record/cgroup.ts";
import { findDeviceSupport } from "../security/device_support.ts";
import type { DeviceSupport } from "../security/device_wishes.ts";

/**
 * Checks the limits of a new container, or those that one is to have from now on.
 *
 * @throws {WherryError} `invalid_argument` for a value that makes no sense, `unsupported` for what this host does not
 * offer.
 */
export function checkLimits(resources: Resources): void {
  checkParent(resources.cgroupParent);
  if (!hasLimits(resources)) return;
  checkResources(resources, {
    cpus: readLine("/sys/devices/system/cpu/online"),
    mems: readLine("/sys/devices/system/node/online") || "0",
  });
  const host = new LimitHost(readCgroupHost());
  host.check(resources);
  planLimits(resources, host);
}

function readLine(path: string): string {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function checkParent(parent: string): void {
  const isClean = parent === "" ||
    parent.replace(/^\//, "").split("/").every((name) =>
      /^[^\s/]+$/.test(name) && !/^\.{1,2}$/.test(name)
    );
  if (isClean) return;
  throw new WherryError(
    "invalid_argument",
    `Cannot use the cgroup parent "${parent}": it is no path of names without blanks`,
    { hint: 'Give a path from the top of the cgroups, such as "/machine", or a name' },
  );
}

/** What this host offers limits. */
export class LimitHost implements LimitContext {
  readonly #host: CgroupHost;
  #available: ReadonlySet<string> | undefined;

  constructor(host: CgroupHost) {
    this.#host = host;
  }

  /** What the cgroup can hand on that containers' are in. */
  get #controllers(): ReadonlySet<string> {
    const { tree } = this.#host;
    this.#available ??= new Set(
      tree === undefined ? [] : readLine(`${tree.base}/cgroup.controllers`).split(" "),
    );
    return this.#available;
  }

  /** Of one that {@linkcode LimitHost.check} has seen to be there. */
  generationOf(controller: Controller): Generation {
    return this.findGeneration(controller) ?? "v2";
  }

  /** Where it is; `undefined` if it is nowhere. */
  findGeneration(controller: Controller): Generation | undefined {
    if (findV1Hierarchy(this.#host.hierarchies, v1NameOf(controller)) !== undefined) return "v1";
    return this.#controllers.has(controller) ? "v2" : undefined;
  }

  /** @throws {WherryError} `not_found` or `invalid_argument` if it is no block device. */
  deviceNumberOf(path: string): string {
    const { major, minor } = splitDeviceNumber(statDevice(path).rdev);
    return `${major}:${minor}`;
  }

  /** @throws {WherryError} `unsupported`, naming the flag and what is missing. */
  check(resources: Resources): void {
    for (const [controller, flag] of limitedControllers(resources)) {
      if (this.findGeneration(controller) === undefined) {
        throw new WherryError("unsupported", `Cannot use ${flag}: ${this.#whyMissing(controller)}`);
      }
    }
    if (this.findGeneration("memory") === "v2") checkUnifiedMemory(resources);
    else this.#checkSwap(resources);
  }

  /** In version 2 only a cgroup that exists tells: its start fails then. */
  #checkSwap({ memorySwap }: Resources): void {
    const mountPoint = findV1Hierarchy(this.#host.hierarchies, "memory")?.mountPoint;
    if (memorySwap === 0 || isPresent(`${mountPoint}/memory.memsw.limit_in_bytes`)) return;
    throw withoutSwap();
  }

  #whyMissing(controller: Controller): string {
    const name = v1NameOf(controller);
    const info = parseControllers(readLine("/proc/cgroups")).get(name);
    if (info === undefined) return `the kernel was built without the controller "${name}"`;
    if (!info.isEnabled) {
      return `the controller "${name}" is switched off by the kernel's parameter cgroup_disable`;
    }
    if (info.hierarchy !== 0) {
      return `the controller "${name}" is bound to a hierarchy of cgroup v1 that is not mounted writable here`;
    }
    const { tree } = this.#host;
    return tree === undefined
      ? "no cgroup2 file system is mounted writable"
      : `the controller "${controller}" is not among those of ${tree.base}/cgroup.controllers`;
  }
}

/** The error of a limit of swap on a kernel that does not count it. */
export function withoutSwap(): WherryError {
  return new WherryError(
    "unsupported",
    "Cannot use --memory-swap: the kernel does not count swap",
    { hint: "Start the kernel with swapaccount=1, or leave out --memory-swap" },
  );
}

function checkUnifiedMemory({ memorySwappiness, isOomKillDisabled }: Resources): void {
  if (memorySwappiness !== -1) throw notUnified("--memory-swappiness");
  if (isOomKillDisabled) throw notUnified("--oom-kill-disable");
}

function notUnified(flag: string): WherryError {
  return new WherryError(
    "unsupported",
    `Cannot use ${flag}: the controller "memory" is one of cgroup v2 here, which has no such setting`,
  );
}

/** @throws {WherryError} `not_found` or `invalid_argument` if it is none. */
function statDevice(path: string): { rdev: number } {
  const info = statIfPresent(path);
  if (info === undefined) {
    throw new WherryError(
      "not_found",
      `Cannot limit the device "${path}": no such file or directory`,
    );
  }
  if (info.isBlockDevice !== true || info.rdev === null) {
    throw new WherryError(
      "invalid_argument",
      `Cannot limit the device "${path}": it is no block device`,
    );
  }
  return { rdev: info.rdev };
}

function statIfPresent(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What is to be done at the start for a container's cgroups. */
export interface CgroupPlan {
  /** Where this host has cgroups. */
  hierarchies: readonly HostCgroupHierarchy[];
  steps: Step[];
  /** Those that the container is in from the start. */
  own: ContainerCgroups;
  /** The same for the record; `undefined` for the usual one alone. */
  record: ContainerCgroups | undefined;
  /**
   * The delegated cgroup that must have no processes of its own, though this one may be in it, and monitors would be,
   * too; empty for none.
   */
  emptied: string;
  /** What keeps devices from the container. */
  devices: DeviceSupport;
}

/** Controllers of version 2 that only count, for `stats`. */
const COUNTING: readonly Controller[] = ["cpu", "memory", "pids", "io"];

/** Plans the cgroups of a container and its limits on this host. */
export function planContainerCgroups(
  config: Pick<ContainerConfig, "id" | "resources">,
): CgroupPlan {
  const host = readCgroupHost();
  const offer = new LimitHost(host);
  const cgroups = placeCgroups(config, host);
  const devices = findDeviceSupport(host, cgroups);
  const controllers = hasLimits(config.resources)
    ? [...limitedControllers(config.resources).keys()]
    : [];
  if (controllers.length > 0) offer.check(config.resources);
  const required = controllers.filter((name) => offer.generationOf(name) === "v2");
  const needed = new Set([
    ...controllers.filter((name) => !required.includes(name)).map(v1NameOf),
    ...(cgroups.unified === undefined ? ["freezer"] : []),
    ...(devices.type === "controller" ? ["devices"] : []),
  ]);
  const wanted = COUNTING.filter((name) =>
    !required.includes(name) && offer.findGeneration(name) === "v2"
  );
  const own = {
    unified: cgroups.unified,
    v1: Object.fromEntries(Object.entries(cgroups.v1).filter(([name]) => needed.has(name))),
  };
  const { tree } = host;
  const isOutside = config.resources.cgroupParent.startsWith("/");
  return {
    hierarchies: host.hierarchies,
    steps: planCgroup({
      cgroups,
      needed,
      keepsParent: !isOwnParent(config),
      delegating: delegatingOf(cgroups, isOutside ? tree?.mountPoint : tree?.base),
      required,
      wanted,
      cpusets: needed.has("cpuset") ? cpusetsOf(cgroups, host) : [],
      limits: controllers.length > 0 ? planLimits(config.resources, offer) : [],
      directoryOf: (controller) => directoryOf(cgroups, controller, offer),
    }),
    own,
    record: needed.size === 0 && isOwnParent(config) && tree?.base === tree?.mountPoint
      ? undefined
      : own,
    emptied: tree !== undefined && tree.base !== tree.mountPoint ? tree.base : "",
    devices,
  };
}

/** From the topmost that is ours down to the parent of the container's own. */
function delegatingOf({ unified }: ContainerCgroups, base: string | undefined): string[] {
  if (unified === undefined || base === undefined) return [];
  return [base, ...pathsBelow(base, unified).slice(0, -1)];
}

/** Cgroups of version 1 that take over the processors of their parents; the last one is the container's. */
export function cpusetsOf(
  { v1: { cpuset } }: ContainerCgroups,
  { hierarchies }: CgroupHost,
): string[] {
  const mountPoint = findV1Hierarchy(hierarchies, "cpuset")?.mountPoint;
  return cpuset === undefined || mountPoint === undefined ? [] : pathsBelow(mountPoint, cpuset);
}

/** Each directory on the way from `top`, without it, to `path`. */
function pathsBelow(top: string, path: string): string[] {
  const names = path.slice(top.length + 1).split("/");
  return names.map((_, index) => [top, ...names.slice(0, index + 1)].join("/"));
}

function directoryOf(
  { unified = "", v1 }: ContainerCgroups,
  controller: Controller,
  offer: LimitHost,
): string {
  if (offer.generationOf(controller) === "v2") return unified;
  return v1[v1NameOf(controller)] ?? "";
}
