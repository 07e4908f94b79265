/** What processes use, each asked for itself. @see proc_pid_stat(5), proc_pid_smaps(5), proc_pid_io(5) @module */

import { meansProcessGone, TICKS_PER_SECOND } from "./process.ts";

/** What processes use together; a field is `undefined` where one of them may not be asked. */
export interface ProcessUsage {
  /** Processor time in microseconds, that of children that have ended included. */
  cpuUs: number | undefined;
  /** Resident memory in bytes; what several share is counted in parts. */
  memoryBytes: number | undefined;
  /** Threads. */
  taskCount: number | undefined;
  /** Bytes read from block devices, those of children that have ended included. */
  readBytes: number | undefined;
  /** Bytes written to block devices, the same. */
  writtenBytes: number | undefined;
}

const NOTHING: ProcessUsage = {
  cpuUs: 0,
  memoryBytes: 0,
  taskCount: 0,
  readBytes: 0,
  writtenBytes: 0,
};

/**
 * Adds up what processes use. Takes longer the more memory they have: the kernel walks their page tables.
 *
 * @param pids Those that end meanwhile count nothing.
 */
export function sumProcessUsage(pids: readonly number[]): ProcessUsage {
  return pids.flatMap((pid) => readProcessUsage(pid) ?? []).reduce(addUsage, NOTHING);
}

function addUsage(sum: ProcessUsage, one: ProcessUsage): ProcessUsage {
  return {
    cpuUs: add(sum.cpuUs, one.cpuUs),
    memoryBytes: add(sum.memoryBytes, one.memoryBytes),
    taskCount: add(sum.taskCount, one.taskCount),
    readBytes: add(sum.readBytes, one.readBytes),
    writtenBytes: add(sum.writtenBytes, one.writtenBytes),
  };
}

function add(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

function readProcessUsage(pid: number): ProcessUsage | undefined {
  try {
    return parseProcessUsage({
      stat: Deno.readTextFileSync(`/proc/${pid}/stat`),
      smapsRollup: readIfAllowed(`/proc/${pid}/smaps_rollup`),
      io: readIfAllowed(`/proc/${pid}/io`),
    });
  } catch (error) {
    if (meansProcessGone(error)) return undefined;
    throw error;
  }
}

function readIfAllowed(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    // A zombie is there, and has neither memory nor files
    if (meansProcessGone(error)) return "";
    throw error;
  }
}

/** Files of `/proc/PID`; `undefined` for one that may not be read. */
export interface ProcessUsageFiles {
  stat: string;
  smapsRollup: string | undefined;
  io: string | undefined;
}

const MICROSECONDS_PER_TICK = 1_000_000 / TICKS_PER_SECOND;
const BYTES_PER_KIBIBYTE = 1024;

/** Takes the numbers from the texts of the files. */
export function parseProcessUsage({ stat, smapsRollup, io }: ProcessUsageFiles): ProcessUsage {
  // The name may contain blanks and brackets itself
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Numbered as in the manual page, where the state is the third
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    cpuUs: (field(14) + field(15) + field(16) + field(17)) * MICROSECONDS_PER_TICK,
    memoryBytes: smapsRollup === undefined ? undefined : residentBytes(smapsRollup),
    taskCount: field(20),
    readBytes: valueOf(io, "read_bytes"),
    writtenBytes: valueOf(io, "write_bytes"),
  };
}

/** A zombie has no such line. */
function residentBytes(smapsRollup: string): number {
  const [, kibibytes = "0"] = /^Pss:\s+(\d+) kB$/m.exec(smapsRollup) ?? [];
  return Number(kibibytes) * BYTES_PER_KIBIBYTE;
}

function valueOf(io: string | undefined, name: string): number | undefined {
  if (io === undefined) return undefined;
  const [, digits = "0"] = new RegExp(`^${name}: (\\d+)$`, "m").exec(io) ?? [];
  return Number(digits);
}
