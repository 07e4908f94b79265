/**
 * What containers can leave behind on a host: mounts, links, cgroups and processes.
 *
 * @module
 */

import { core } from "../ffi/native.ts";
import { SYSCALL } from "../ffi/syscalls.ts";

/** The state of the host at one moment, and what has been added since. */
export class Surroundings {
  readonly #directory: string;
  readonly #things: ReadonlySet<string> = new Set(listThings());
  readonly #processes: ReadonlySet<number> = new Set(listDescendants().map(({ pid }) => pid));

  /** @param directory Everything that the test has made is below it. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * One line for each thing that was not there before.
   *
   * Others may use the host meanwhile: a mount counts if it has to do with the test's directory or is where no
   * engine keeps anything, a cgroup if it is of a container of the test.
   *
   * @param ids The containers that the test has made.
   */
  findNew(ids: readonly string[]): string[] {
    const isOfTest = (thing: string): boolean =>
      thing.startsWith("network link ") || SYSTEM_MOUNT.test(thing) ||
      thing.includes(this.#directory) || ids.some((id) => thing.includes(id));
    return [
      ...listThings().filter((thing) => !this.#things.has(thing) && isOfTest(thing)),
      ...this.#newProcesses().map(({ pid, name }) => `process ${pid} (${name})`),
    ];
  }

  #newProcesses(): Process[] {
    return listDescendants().filter(({ pid }) => !this.#processes.has(pid));
  }

  /** Kills every process that was started since and still lives. */
  async endNewProcesses(): Promise<void> {
    for (const { pid } of this.#newProcesses()) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch (error) {
        // Its parent's end was its own
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    while (this.#newProcesses().length > 0) {
      reapAdopted();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Detaches every mount below `directory`, the last one first. */
  async unmountBelow(directory: string): Promise<void> {
    const points = listMounts().map((line) => line.split(" ")[4] ?? "");
    for (const point of points.filter((path) => path.startsWith(directory)).toReversed()) {
      await new Deno.Command("umount", { args: ["-l", point] }).output();
    }
  }
}

/** A mount in a place that a container has a copy of. */
const SYSTEM_MOUNT = /^mount \/(?:bin|boot|dev|etc|lib|proc|sbin|sys|usr)?(?:[/ ]|$)/;

function listThings(): string[] {
  return [
    ...listMounts().map(describeMount),
    ...Array.from(Deno.readDirSync("/sys/class/net"), ({ name }) => `network link ${name}`),
    ...listDirectories("/sys/fs/cgroup").map((path) => `cgroup ${path}`),
  ];
}

function listMounts(): string[] {
  return Deno.readTextFileSync("/proc/self/mountinfo").trimEnd().split("\n");
}

/** A mount without its ids, which are given again once free. */
function describeMount(line: string): string {
  const [before = "", after = ""] = line.split(" - ");
  const [, , , root, point] = before.split(" ");
  return `mount ${point} of ${root} in ${after}`;
}

function listDirectories(directory: string): string[] {
  const found: string[] = [];
  try {
    for (const { name, isDirectory } of Deno.readDirSync(directory)) {
      if (!isDirectory) continue;
      found.push(`${directory}/${name}`, ...listDirectories(`${directory}/${name}`));
    }
  } catch (error) {
    // A cgroup of somebody else went away meanwhile
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

/** A process of the host. */
export interface Process {
  pid: number;
  parent: number;
  /** What the kernel calls it; of its program's name at most 15 bytes. */
  name: string;
  isZombie: boolean;
}

/** All living processes that this one, or a child of it, started; orphans are adopted, see harness.ts. */
export function listDescendants(): Process[] {
  const processes = listProcesses();
  const known = new Set([Deno.pid]);
  let size = 0;
  while (size < known.size) {
    size = known.size;
    for (const { pid, parent } of processes) if (known.has(parent)) known.add(pid);
  }
  return processes.filter(({ pid, isZombie }) => known.has(pid) && pid !== Deno.pid && !isZombie);
}

const WNOHANG = 1;

/**
 * Reaps what was in a container and lost its parent. As a zombie it would keep the container's init from ending;
 * on a host that is init's task, and here, for adopted orphans, this process's.
 */
export function reapAdopted(): void {
  for (const { pid, parent, isZombie } of listProcesses()) {
    if (isZombie && parent === Deno.pid && isInOtherPidNamespace(pid)) {
      core.nnnb(SYSCALL.wait4, pid, 0, WNOHANG, null);
    }
  }
}

/** Whether it is in a container that has a pid namespace of its own. */
export function isInOtherPidNamespace(pid: number): boolean {
  try {
    return /^NSpid:\t\d+\t/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false; // it is gone already
  }
}

function listProcesses(): Process[] {
  return Array.from(Deno.readDirSync("/proc"), ({ name }) => name)
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const process = readProcess(Number(name));
      return process === undefined ? [] : [process];
    });
}

function readProcess(pid: number): Process | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch {
    return undefined; // it ended meanwhile
  }
  const [, name = "", state, parent] = /^\d+ \(([^]*)\) (\S) (\d+)/.exec(text) ?? [];
  return { pid, parent: Number(parent), name, isZombie: state === "Z" || state === "X" };
}
