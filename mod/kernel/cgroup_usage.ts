/**
 * What the processes of a cgroup use together, read from the files of whichever version has the controller.
 *
 * @see Linux' Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/
 * @module
 */

import { parsePressure, type Pressure, type PressureResource } from "./pressure.ts";

/** The cgroups of some processes. */
export interface CgroupDirectories {
  /** That of version 2; `undefined` if they have none. */
  unified: string | undefined;
  /** Those of version 1, by controller, for example `"memory"`. */
  v1: Readonly<Record<string, string>>;
}

/** What a cgroup has used; a field is `undefined` where none of its hierarchies counts it. */
export interface CgroupUsage {
  /** Processor time since the cgroup was made, in microseconds. */
  cpuUs: number | undefined;
  /** Memory in bytes, without the file cache that nobody has used lately, as docker counts it. */
  memoryBytes: number | undefined;
  /** Most that it may have, in bytes; Infinity for no limit. */
  memoryLimitBytes: number | undefined;
  /** Processes and threads. */
  taskCount: number | undefined;
  /** Bytes read from block devices since the cgroup was made. */
  readBytes: number | undefined;
  /** Bytes written to block devices since the cgroup was made. */
  writtenBytes: number | undefined;
  /** What it has to wait for; a resource is missing where the kernel keeps no count. */
  pressure: Partial<Record<PressureResource, Pressure>>;
}

/** Reads a file of a cgroup; `undefined` if it has none of this name. */
export type CgroupFileReader = (path: string) => string | undefined;

const ENODEV = "os error 19";
/** Of pressure files, where the kernel was told at its start to keep no count. */
const EOPNOTSUPP = "os error 95";

/** Reads a file of a cgroup that may be removed meanwhile. */
export function readCgroupFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const isUnknown = error instanceof Deno.errors.NotFound ||
      error instanceof Error && [ENODEV, EOPNOTSUPP].some((code) => error.message.includes(code));
    if (isUnknown) return undefined;
    throw error;
  }
}

/**
 * Reads what the processes of a container use.
 *
 * @param directories Its own; shared with nobody. They may be gone.
 * @param read Reads one file. @default {the host's}
 */
export function readCgroupUsage(
  directories: CgroupDirectories,
  read: CgroupFileReader = readCgroupFile,
): CgroupUsage {
  const find = (controller: string, file: string): string | undefined => {
    const directory = controller === UNIFIED ? directories.unified : directories.v1[controller];
    return directory === undefined ? undefined : read(`${directory}/${file}`);
  };
  return {
    cpuUs: readCpu(find),
    ...readMemory(find),
    taskCount: numberIn(find(UNIFIED, "pids.current") ?? find("pids", "pids.current")),
    ...readBlockIo(find),
    pressure: readPressure(find),
  };
}

/** Stands for version 2, which has all of its controllers in one directory. */
const UNIFIED = "unified";

/** Finds a file by the controller of version 1 that has it, or by {@linkcode UNIFIED}. */
type Find = (controller: string, file: string) => string | undefined;

const NANOSECONDS_PER_MICROSECOND = 1000;

function readCpu(find: Find): number | undefined {
  // Version 2 counts it in every cgroup, whether it has the controller or not
  const unified = flatNumbers(find(UNIFIED, "cpu.stat")).get("usage_usec");
  if (unified !== undefined) return unified;
  const nanoseconds = numberIn(find("cpuacct", "cpuacct.usage"));
  return nanoseconds === undefined ? undefined : nanoseconds / NANOSECONDS_PER_MICROSECOND;
}

/** How version 1 writes that there is no limit: all pages that fit 63 bits. */
const UNLIMITED_V1 = 0x7fff_ffff_ffff_f000;

function readMemory(find: Find): Pick<CgroupUsage, "memoryBytes" | "memoryLimitBytes"> {
  const current = numberIn(find(UNIFIED, "memory.current"));
  if (current !== undefined) {
    const cache = flatNumbers(find(UNIFIED, "memory.stat")).get("inactive_file");
    const limit = find(UNIFIED, "memory.max")?.trim();
    return {
      memoryBytes: withoutCache(current, cache),
      memoryLimitBytes: limit === "max" ? Infinity : numberIn(limit),
    };
  }
  const usage = numberIn(find("memory", "memory.usage_in_bytes"));
  const cache = flatNumbers(find("memory", "memory.stat")).get("total_inactive_file");
  const limit = numberIn(find("memory", "memory.limit_in_bytes"));
  return {
    memoryBytes: usage === undefined ? undefined : withoutCache(usage, cache),
    memoryLimitBytes: limit !== undefined && limit >= UNLIMITED_V1 ? Infinity : limit,
  };
}

/** The two are not read at one moment: more cache than memory says nothing. */
function withoutCache(bytes: number, cache = 0): number {
  return cache < bytes ? bytes - cache : bytes;
}

function readBlockIo(find: Find): Pick<CgroupUsage, "readBytes" | "writtenBytes"> {
  const unified = find(UNIFIED, "io.stat");
  if (unified !== undefined) return sumIoStat(unified);
  const throttle = find("blkio", "blkio.throttle.io_service_bytes_recursive") ??
    find("blkio", "blkio.throttle.io_service_bytes");
  return throttle === undefined
    ? { readBytes: undefined, writtenBytes: undefined }
    : sumServiceBytes(throttle);
}

/** Lines such as `254:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`. */
function sumIoStat(text: string): { readBytes: number; writtenBytes: number } {
  const sum = (key: string): number =>
    Array.from(text.matchAll(new RegExp(` ${key}=(\\d+)`, "g")))
      .reduce((total, [, digits]) => total + Number(digits), 0);
  return { readBytes: sum("rbytes"), writtenBytes: sum("wbytes") };
}

/** Lines such as `254:0 Read 4096`; those of a device's total and the sum of all are left out. */
function sumServiceBytes(text: string): { readBytes: number; writtenBytes: number } {
  const sum = (word: string): number =>
    Array.from(text.matchAll(new RegExp(`^\\d+:\\d+ ${word} (\\d+)$`, "gm")))
      .reduce((total, [, digits]) => total + Number(digits), 0);
  return { readBytes: sum("Read"), writtenBytes: sum("Write") };
}

function readPressure(find: Find): CgroupUsage["pressure"] {
  const [cpu, memory, io] = [
    find(UNIFIED, "cpu.pressure"),
    find(UNIFIED, "memory.pressure"),
    find(UNIFIED, "io.pressure"),
  ];
  return {
    ...(cpu === undefined ? {} : { cpu: parsePressure(cpu) }),
    ...(memory === undefined ? {} : { memory: parsePressure(memory) }),
    ...(io === undefined ? {} : { io: parsePressure(io) }),
  };
}

/** Lines of a name and a number. */
function flatNumbers(text = ""): Map<string, number> {
  return new Map(
    Array.from(text.matchAll(/^(\w+) (\d+)$/gm), ([, name = "", digits]) => [name, Number(digits)]),
  );
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;
}
