/** What this host is. @see proc(5), os-release(5) @module */

import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { findCgroupHierarchies, type HostCgroupHierarchy } from "./proc.ts";
import { parseMountInfo } from "./mount.ts";

/** What this host is. */
export interface HostInfo {
  hostname: string;
  /** Release of the kernel, for example `"6.1.0-18-amd64"`. */
  kernelVersion: string;
  /** For people, for example `"Debian GNU/Linux 12 (bookworm)"`. */
  operatingSystem: string;
  /** Version of the distribution; empty if it has none. */
  operatingSystemVersion: string;
  /** The machine, as uname(2) names it. */
  architecture: string;
  /** Processors that may be used. */
  cpuCount: number;
  /** In bytes. */
  memoryBytes: number;
  cgroupLayout: CgroupLayout;
  cgroupHierarchies: HostCgroupHierarchy[];
  /** Whether the kernel can mount overlays; a module that is not loaded yet does not show. */
  hasOverlay: boolean;
}

/** Which generations of cgroups are mounted: `hybrid` is v1 controllers with a v2 tree beside them. */
export type CgroupLayout = "v1" | "v2" | "hybrid" | "none";

/** Bytes of a `cpu_set_t`, see cpu_set(3): for 8,192 processors. */
const CPU_SET_BYTES = 1024;

/** The processors that this process may use, see sched_getaffinity(2). */
function countProcessors(): number {
  const set = new Uint8Array(CPU_SET_BYTES);
  const result = core.nnb(SYSCALL.sched_getaffinity, 0, set.length, set);
  const bytes = set.subarray(0, checked(result, "sched_getaffinity", "this process"));
  return bytes.reduce((count, byte) => count + byte.toString(2).replaceAll("0", "").length, 0);
}

/** Asks this host. Reads files below `/proc` and `/etc`, and starts no program. */
export function readHostInfo(): HostInfo {
  const release = parseOsRelease(readOsRelease());
  const cgroupHierarchies = findCgroupHierarchies(readText("/proc/self/mountinfo"));
  return {
    hostname: Deno.hostname(),
    kernelVersion: Deno.osRelease(),
    operatingSystem: release.get("PRETTY_NAME") ?? release.get("NAME") ?? "Linux",
    operatingSystemVersion: release.get("VERSION_ID") ?? "",
    architecture: Deno.build.arch,
    cpuCount: countProcessors(),
    memoryBytes: Deno.systemMemoryInfo().total,
    cgroupLayout: cgroupLayoutOf(cgroupHierarchies),
    cgroupHierarchies,
    hasOverlay: /\toverlay$/m.test(readText("/proc/filesystems")),
  };
}

/**
 * The type of the file system that holds `path`, or would hold it once it is made.
 *
 * @param path Absolute.
 * @param mountInfo Content of `/proc/self/mountinfo`.
 */
export function fileSystemOf(path: string, mountInfo: string): string {
  const real = realPathOfExisting(path);
  let found = { length: -1, type: "unknown" };
  for (const { mountPoint, type } of parseMountInfo(mountInfo)) {
    const isBelow = mountPoint === "/" || real === mountPoint || real.startsWith(`${mountPoint}/`);
    // Of several on one place the last one is on top
    if (isBelow && mountPoint.length >= found.length) found = { length: mountPoint.length, type };
  }
  return found.type;
}

/** The nearest directory above `path` that exists, or `path` itself, without symbolic links. */
export function realPathOfExisting(path: string): string {
  for (let rest = path; rest !== ""; rest = rest.slice(0, rest.lastIndexOf("/"))) {
    try {
      return Deno.realPathSync(rest);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return "/";
}

/** Which generations of cgroups `hierarchies` are of. */
export function cgroupLayoutOf(hierarchies: readonly HostCgroupHierarchy[]): CgroupLayout {
  const hasV1 = hierarchies.some(({ type }) => type === "cgroup");
  const hasV2 = hierarchies.some(({ type }) => type === "cgroup2");
  if (hasV1 && hasV2) return "hybrid";
  if (hasV1) return "v1";
  return hasV2 ? "v2" : "none";
}

/**
 * Reads the fields of an os-release file.
 *
 * @param text Shell assignments, one a line, the values quoted or not.
 */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, value = ""] = /^([A-Z0-9_]+)=(.*)$/.exec(line.trim()) ?? [];
    if (name !== undefined) fields.set(name, unquote(value));
  }
  return fields;
}

function unquote(value: string): string {
  const [, , inner] = /^(["'])(.*)\1$/.exec(value) ?? [];
  return (inner ?? value).replace(/\\([$"'\\`])/g, "$1");
}

/** The first of the two places that os-release(5) names. */
function readOsRelease(): string {
  return readText("/etc/os-release") || readText("/usr/lib/os-release");
}

/** A file's text; empty if there is no such file. */
function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
