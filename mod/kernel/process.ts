/** Processes as `/proc` shows them. @see proc(5), proc_pid_stat(5), proc_pid_status(5) @module */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";

/** This process's id. Not `Deno.pid`, which is that of the process that a snapshot was written of. */
export function ownPid(): number {
  return checked(core.nnn(SYSCALL.getpid, 0, 0, 0), "getpid", "this process");
}

/** One process. Ids are those of the namespaces that `/proc` was mounted in. */
export interface ProcessInfo {
  pid: number;
  parentPid: number;
  processGroup: number;
  session: number;
  /** Device number of the controlling terminal, as the kernel packs it; 0 for none. */
  terminal: number;
  /** Process group in the foreground of that terminal; -1 for none. */
  foregroundGroup: number;
  /** One letter: `R`, `S`, `D`, `T`, `Z` and so on. */
  state: string;
  /** The kernel's `PF_*` bits. */
  flags: number;
  /** Processor time in user and kernel mode together, in ticks. */
  cpuTicks: number;
  /** Time of the start since boot, in ticks. */
  startTicks: number;
  /** The kernel's view: 20 for a nice value of 0. */
  priority: number;
  /** -20 to 19. */
  nice: number;
  threadCount: number;
  /** Processor it ran on last. */
  processor: number;
  realUid: number;
  effectiveUid: number;
  realGid: number;
  effectiveGid: number;
  /** In pages. */
  virtualPages: number;
  /** In KiB. */
  virtualKibibytes: number;
  /** In KiB. */
  residentKibibytes: number;
  /** Name of the program, at most 15 bytes; chosen by the process, so it may contain anything. */
  name: string;
  /** The argument vector; empty for a zombie. May contain anything. */
  argv: string[];
  /** Kernel function it sleeps in; empty if it does not. */
  waitChannel: string;
}

/** Ticks of `/proc` in a second, whatever the kernel's own clock. @see time(7), "USER_HZ" */
export const TICKS_PER_SECOND = 100;

const ESRCH = "os error 3";

/**
 * Reads what is known about a process.
 *
 * @returns `undefined` if it is gone.
 */
export function readProcess(pid: number): ProcessInfo | undefined {
  const read = (name: string): string => Deno.readTextFileSync(`/proc/${pid}/${name}`);
  try {
    return parseProcess({
      stat: read("stat"),
      status: read("status"),
      statm: read("statm"),
      cmdline: read("cmdline"),
      wchan: read("wchan"),
    });
  } catch (error) {
    // Each read may be the first that comes too late
    if (meansProcessGone(error)) return undefined;
    throw error;
  }
}

/** Whether a file below `/proc/PID` could not be read because the process is gone. */
export function meansProcessGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    (error instanceof Error && error.message.includes(ESRCH));
}

/**
 * Whether the process of a pidfd is still to be found: it runs, or nobody has waited for its end yet.
 *
 * @see pidfd_open(2)
 */
export function isPresentProcess(pidfd: Descriptor): boolean {
  return !/^Pid:\t-1$/m.test(Deno.readTextFileSync(`/proc/self/fdinfo/${pidfd.number}`));
}

/** The files of `/proc/PID` that {@linkcode parseProcess} reads. */
export interface ProcessFiles {
  stat: string;
  status: string;
  statm: string;
  cmdline: string;
  wchan: string;
}

/** Takes a process from the texts of its files. */
export function parseProcess({ stat, status, statm, cmdline, wchan }: ProcessFiles): ProcessInfo {
  // The name may contain blanks and brackets itself
  const nameStart = stat.indexOf("(");
  const nameEnd = stat.lastIndexOf(")");
  const [state = "", ...fields] = stat.slice(nameEnd + 2).trim().split(" ");
  // Numbered as in the manual page, where the parent's pid is the fourth
  const field = (number: number): number => Number(fields[number - 4]);
  const [realUid, effectiveUid] = parseIds(status, "Uid");
  const [realGid, effectiveGid] = parseIds(status, "Gid");
  return {
    pid: Number(stat.slice(0, nameStart)),
    parentPid: field(4),
    processGroup: field(5),
    session: field(6),
    terminal: field(7),
    foregroundGroup: field(8),
    state,
    flags: field(9),
    cpuTicks: field(14) + field(15),
    startTicks: field(22),
    priority: field(18),
    nice: field(19),
    threadCount: field(20),
    processor: field(39),
    realUid,
    effectiveUid,
    realGid,
    effectiveGid,
    virtualPages: Number(statm.split(" ", 1)[0]),
    virtualKibibytes: parseKibibytes(status, "VmSize"),
    residentKibibytes: parseKibibytes(status, "VmRSS"),
    name: stat.slice(nameStart + 1, nameEnd),
    argv: cmdline === "" ? [] : cmdline.replace(/\0$/, "").split("\0"),
    waitChannel: wchan === "0" ? "" : wchan,
  };
}

function parseIds(status: string, name: string): [real: number, effective: number] {
  const [, real, effective] = new RegExp(`^${name}:\\s+(\\d+)\\s+(\\d+)`, "m").exec(status) ?? [];
  return [Number(real), Number(effective)];
}

/** Zombies and threads of the kernel have no memory, and no such line. */
function parseKibibytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
}

/** All pids that `/proc` shows. */
export function listPids(): number[] {
  return Array.from(Deno.readDirSync("/proc"), ({ name }) => name)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/**
 * Which pid namespace a process is in.
 *
 * @returns A text to compare; `undefined` if the process is gone or has ended.
 */
export function readPidNamespace(pid: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/pid`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
