/** Where something can be mounted inside a container. @module */

import { dockerError, type WherryError } from "../../errors.ts";

/** What in /proc may be covered: LXCFS puts its own files there. @see `checkProcMount()` of runc */
const COVERABLE = [
  "cpuinfo",
  "diskstats",
  "loadavg",
  "meminfo",
  "net/dev",
  "slabinfo",
  "stat",
  "swaps",
  "sys/crypto/fips_enabled",
  "sys/kernel/ns_last_pid",
  "uptime",
];

/** Makes the error of a target that cannot be, of what is wrong with it. */
export type TargetRefusal = (why: string) => WherryError;

/** What else there is to know when a target is checked. */
export interface TargetOptions {
  /** What is bound there. @default {no directory or file of the host} */
  source?: string;
  /** @default {the error is what is wrong} */
  refuse?: TargetRefusal;
}

const NOT_OF_PROC = '"/proc" cannot be mounted because it is not of type proc';

/**
 * Checks where something is to be mounted, in docker's words and those of its runtime.
 *
 * @returns The path without `.`, `..` and doubled slashes.
 * @throws {WherryError} `invalid_argument` if it is relative, the root, or in /proc.
 */
export function checkTarget(target: string, options: TargetOptions = {}): string {
  const { source, refuse = refuseTarget } = options;
  if (!target.startsWith("/")) {
    throw refuse(`invalid mount path: '${target}' mount path must be absolute`);
  }
  if (target.includes("\0") || target.includes("\n")) {
    throw refuse("the mount path holds a NUL or a line break");
  }
  const path = normalisePath(target);
  if (isTooLong(path)) throw refuse("the mount path is too long");
  if (path === "/") throw refuse("invalid specification: destination can't be '/'");
  if (path === "/proc" && source !== "/proc") throw refuse(NOT_OF_PROC);
  if (path.startsWith("/proc/") && !COVERABLE.includes(path.slice("/proc/".length))) {
    throw refuse(`"${path}" cannot be mounted because it is inside /proc`);
  }
  return path;
}

function refuseTarget(why: string): WherryError {
  return dockerError("invalid_argument", why);
}

/** Most bytes of a file's name. @see limits.h(0p) */
const MAX_NAME_LENGTH = 255;

/** Most bytes of a path, without the NUL that ends it. */
const MAX_PATH_LENGTH = 4095;

/** Found out before anything has been made for the container. */
function isTooLong(path: string): boolean {
  // A character is at most three bytes: only what may be too long is worth counting
  if (path.length * 3 <= MAX_NAME_LENGTH) return false;
  const lengthOf = (text: string): number => new TextEncoder().encode(text).length;
  return lengthOf(path) > MAX_PATH_LENGTH ||
    path.split("/").some((name) => lengthOf(name) > MAX_NAME_LENGTH);
}

/** A path from the root without empty, `.` and `..` components. */
export function normalisePath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
